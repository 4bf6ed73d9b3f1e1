"""The rows of a forecast in time: moments, series, and the scale of their errors from the training side."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.derived.timeline import series_codes, timeline
from mlops_runner.data.table import Table
from mlops_runner.evaluate.timeline import Timeline, block_length
from mlops_runner.evaluate.values import Side
from mlops_runner.execute.stages.evaluated_rows import Marks, sides_of
from mlops_runner.specs.data_derived import Series
from mlops_runner.train.features import Schema
from mlops_runner.train.stored import AnyRows

TRAIN = "train"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is forecast. block: moments that are drawn together, or None; personal: columns whose values are hidden."""

    series: Series
    target: str
    horizon: int
    season: int
    block: int | None
    personal: frozenset[str]


def measured_sides(
    frames: Mapping[str, AnyRows], schema: Schema, marks: Marks, config: Mapping[str, Any]
) -> dict[str, Side]:
    """Describe the sides that are measured; those of a forecast with their moments. Raises InvalidInput, StepFailed."""
    sides = sides_of(frames, schema, marks, config["columns"])
    if schema.task != "forecasting":
        return sides
    lines = timelines_of(frames, forecast_of(config, schema.target, marks.block))
    return {name: replace(side, timeline=lines[name]) for name, side in sides.items()}


def timelines_of(frames: Mapping[str, AnyRows], forecast: Forecast) -> dict[str, Timeline]:
    """Describe every side. frames: the rows of the sides, the training side among them."""
    names = pl.concat([frame.select(forecast.series.by) for frame in frames.values()])
    rows = sum(frame.height for frame in frames.values())
    codes = series_codes(names.get_columns(), rows)
    labels = _labels(names, codes, forecast)
    ends = np.cumsum([frame.height for frame in frames.values()])
    by_side = dict(zip(frames, np.split(codes, ends[:-1]), strict=True))
    scales = _scales(frames[TRAIN], by_side[TRAIN], len(labels), forecast)
    return {name: _timeline(frame, by_side[name], labels, scales, forecast) for name, frame in frames.items()}


def _timeline(
    frame: AnyRows,
    codes: NDArray[np.int64],
    labels: tuple[str, ...],
    scales: NDArray[np.float64],
    forecast: Forecast,
) -> Timeline:
    times = frame[forecast.series.time]
    known = times.unique().sort()
    moment = np.searchsorted(known.to_physical().to_numpy(), times.to_physical().to_numpy()).astype(np.int64)
    hidden = forecast.series.time in forecast.personal
    texts = tuple(f"moment {at}" if hidden else str(value) for at, value in enumerate(known.to_list(), 1))
    block = min(len(texts), forecast.block or block_length(len(texts), forecast.horizon)) if texts else 1
    return Timeline(texts, moment, labels, codes, scales[codes], block)


def _labels(names: pl.DataFrame, codes: NDArray[np.int64], forecast: Forecast) -> tuple[str, ...]:
    """Name the series by the values of their columns; where these are personal data, by a number."""
    number = int(codes.max(initial=0)) + 1
    if not forecast.series.by:
        return (forecast.target,)
    if forecast.personal & set(forecast.series.by):
        return tuple(f"series {at}" for at in range(1, number + 1))
    first = np.unique(codes, return_index=True)[1]
    return tuple(" · ".join(map(str, row)) for row in names[first].rows())


def _scales(train: AnyRows, codes: NDArray[np.int64], number: int, forecast: Forecast) -> NDArray[np.float64]:
    """Return the mean |difference| to the value a season before, by series; NaN where there is none, or it is 0."""
    table = Table(train.select([forecast.series.time, *forecast.series.by]), "the training side")
    line = timeline(forecast.series, table, {})
    before = line.before(forecast.season)
    target = train[forecast.target].cast(pl.Float64).to_numpy()
    known = np.flatnonzero(before >= 0)
    total = np.bincount(codes[known], weights=np.abs(target[known] - target[before[known]]), minlength=number)
    count = np.bincount(codes[known], minlength=number)
    mean = total / np.maximum(count, 1)
    return np.where(mean > 0, mean, np.nan)


def forecast_of(config: Mapping[str, Any], target: str, block: int | None) -> Forecast:
    """Rebuild what is forecast from the config of a step."""
    personal = frozenset(name for name, facts in config["columns"].items() if "pii" in facts["tags"])
    series = Series.model_validate(config["series"], strict=False)
    return Forecast(series, target, config["horizon"], config.get("season", 1), block, personal)
