"""What a forecasting task demands of the Data document: time, series, and no feature from the time that is forecast."""

from collections.abc import Callable, Iterator

from mlops_runner.errors import Diagnostic
from mlops_runner.evaluate.metrics.names import SCALED
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data import TimeSplit
from mlops_runner.specs.data_derived import Series, made_columns
from mlops_runner.specs.data_derived_kinds import PARTS, Lag, Made
from mlops_runner.specs.load import Core, Loaded
from mlops_runner.specs.locations import Path


def _series_are_divided_in_time(core: Core) -> Iterator[Diagnostic]:
    """Series are declared, and the later rows are those that models are measured on."""
    data, split = core.data, core.data.spec.split
    if core.training.spec.task != "forecasting":
        return
    if data.spec.series is None:
        message = f"a forecasting task needs series, and {data.document.file} declares none"
        yield _at(core.training, "no-series", message, ("task",), "add there: series: {time: …, by: […], every: …}")
    if not isinstance(split, TimeSplit):
        message = f"a {split.kind} split lets training see the future of the rows that a forecast is measured on"
        yield _at(data, "no-time-split", message, ("split", "kind"), "split: {kind: time, time: …}")
    elif data.spec.series is not None and split.time != data.spec.series.time:
        message = f'the split is by "{split.time}", the series are ordered by "{data.spec.series.time}"'
        yield _at(data, "other-time", message, ("split", "time"), f"time: {data.spec.series.time}")


def _the_past_is_known_in_time(core: Core) -> Iterator[Diagnostic]:
    """What is not known in advance is looked at from the horizon on, and not as it is."""
    series, horizon = core.data.spec.series, core.training.spec.horizon
    if series is None or horizon is None:
        return
    for above, made in made_columns(core.data.spec.derived):
        if made.source not in _known(series) and made.shift < horizon:
            yield _unknown_moment(core, above, made) if made.what in PARTS else _too_near(core, above, made, horizon)
    for name, column in core.data.spec.columns.items():
        if column.role == "feature" and name not in _known(series):
            message = f'"{name}" is a feature, and is not said to be known in advance: a forecast would need its future'
            hint = "name it under series.known, or give it the role ignored and derive its lags"
            yield _at(core.data, "unknown-future", message, ("columns", name), hint)


def _too_near(core: Core, above: Path, made: Made, horizon: int) -> Diagnostic:
    field: Path = made.path if made.what == "lag" else ("shift",)
    steps = "step" if made.shift == 1 else "steps"
    message = (
        f'"{made.name}" looks at "{made.source}" {made.shift} {steps} before the row, and a forecast is made {horizon} '
        "before it: the value is not known then"
    )
    hint = f"take {horizon} steps or more" + ("" if _is_target(core, made.source) else ", or name it in series.known")
    return _at(core.data, "short-lag", message, (*above, *field), hint)


def _unknown_moment(core: Core, above: Path, made: Made) -> Diagnostic:
    message = f'"{made.name}" is a part of "{made.source}", which is not said to be known in advance'
    return _at(
        core.data, "unknown-future", message, (*above, *made.path), "name it under series.known, or leave it out"
    )


def _known(series: Series) -> set[str]:
    return {series.time, *series.by, *series.known}


def _is_target(core: Core, name: str) -> bool:
    return core.data.spec.columns[name].role == "target"


def _the_target_is_unknown(core: Core) -> Iterator[Diagnostic]:
    """What is forecast is not known in advance."""
    series = core.data.spec.series
    for at, name in enumerate(series.known if series else ()):
        column = core.data.spec.columns[name]
        if column.role == "target":
            message = f'"{name}" is the target: it is what is not known in advance'
            yield _at(core.data, "target-leak", message, ("series", "known", at), "remove it")


def _naive_repeats_the_target(core: Core) -> Iterator[Diagnostic]:
    """A naive forecast is a lag of the target."""
    steps = [step for step in core.data.spec.derived if isinstance(step, Lag)]
    lags = [made.name for step in steps for made in step.made() if _is_target(core, made.source)]
    for path, trainer in core.training.spec.trainers():
        for at, name in enumerate(trainer.columns if trainer.trainer == "naive" else ()):
            if name not in lags:
                target = core.data.spec.with_role("target")[0]
                hint = nearest(name, lags) or (f"one of: {', '.join(lags)}" if lags else f"derive a lag of {target}")
                message = f'naive names "{name}", which is not a lag of the target "{target}"'
                yield _at(core.training, "not-a-lag", message, (*path, "columns", at), hint)


def _searches_need_no_scale(core: Core) -> Iterator[Diagnostic]:
    """A metric that is scaled by the training side is not measured on parts of it."""
    spec = core.training.spec
    for name, trainer in spec.candidates.items():
        if trainer.search is not None and (metric := trainer.search.metric or spec.select.metric) in SCALED:
            message = f"the search of {name} is measured by {metric}, whose scale is that of the whole training side"
            path: Path = ("candidates", name, "search")
            yield _at(core.training, "scaled-metric", message, path, "search: {metric: mae, …}")


def _blocks_are_of_moments(core: Core) -> Iterator[Diagnostic]:
    """Blocks of moments are drawn in a forecasting task whose series are not groups, which are drawn whole."""
    intervals, group = core.evaluation.spec.intervals, core.data.spec.with_role("group")
    if intervals is None or intervals.block is None:
        return
    if core.training.spec.task != "forecasting":
        message = f"blocks of moments are for forecasting; this task is {core.training.spec.task}"
    elif group:
        message = f'groups of "{group[0]}" are drawn whole, over all their moments'
    else:
        return
    yield _at(core.evaluation, "needless-block", message, ("intervals", "block"), "remove it")


def _at(loaded: Loaded, code: str, message: str, path: Path, hint: str) -> Diagnostic:  # type: ignore[type-arg]
    return Diagnostic(code, message, loaded.document.place(path), hint)


FORECASTING_CHECKS: tuple[Callable[[Core], Iterator[Diagnostic]], ...] = (
    _series_are_divided_in_time,
    _the_past_is_known_in_time,
    _the_target_is_unknown,
    _naive_repeats_the_target,
    _searches_need_no_scale,
    _blocks_are_of_moments,
)
