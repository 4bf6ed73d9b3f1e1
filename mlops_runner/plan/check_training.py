"""What the Training document says of columns, held against the Data document that declares them."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from mlops_runner.errors import Diagnostic
from mlops_runner.plan.check_forecasting import FORECASTING_CHECKS
from mlops_runner.plan.check_ranking import RANKING_CHECKS
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.load import Core
from mlops_runner.specs.locations import Path
from mlops_runner.specs.rules import Finding
from mlops_runner.specs.training_preprocessing import TEXT_TAG, Preprocessing, columns_fit
from mlops_runner.specs.training_trainers import CommandTrainer, RawTrainer


def _preprocessing_fits(core: Core) -> Iterator[Diagnostic]:
    """Settings of single columns are for features, and for what their types can be."""
    spec = core.training.spec
    for path, preprocessing in _preprocessings(core):
        for found in columns_fit(preprocessing, _features(core), _texts(core)):
            yield _placed(core, replace(found, path=(*path, *found.path)))
    if spec.preprocessing.text != type(spec.preprocessing.text)() and not _any_text(core):
        message = "preprocessing.text is for columns with the tag text, and there is none"
        hint = "tag a string column: tags: [text]"
        yield _placed(core, Finding(("preprocessing", "text"), "no-text", message, hint))


def _monotone_columns_have_an_order(core: Core) -> Iterator[Diagnostic]:
    """A column that moves the prediction in one direction is a number or a date."""
    features = _features(core)
    for path, trainer in core.training.spec.trainers():
        if isinstance(trainer, RawTrainer | CommandTrainer):
            continue
        preprocessing = trainer.preprocessing or core.training.spec.preprocessing
        for name in trainer.monotone:
            if name not in features:
                message, hint = f'monotone names "{name}", which is not a feature', nearest(name, features)
                yield _placed(core, Finding((*path, "monotone", name), "unknown-column", message, hint or "name one"))
            elif preprocessing.kind_of(name, features[name], name in _texts(core)) not in {"number", "date"}:
                message = f'monotone names "{name}", whose categories have no order'
                yield _placed(core, Finding((*path, "monotone", name), "no-order", message, "remove it"))


def _device_is_used(core: Core) -> Iterator[Diagnostic]:
    """A device is asked for where something trains on it."""
    training = core.training.spec
    if training.device != "cpu" and not any(trainer.trainer == "xgboost" for _, trainer in training.trainers()):
        message = f"device: {training.device} is for xgboost, and no candidate is trained with it"
        yield _placed(core, Finding(("device",), "needless-device", message, "remove it"))


def _preprocessings(core: Core) -> Iterator[tuple[Path, Preprocessing]]:
    spec = core.training.spec
    yield ("preprocessing",), spec.preprocessing
    for path, trainer in spec.trainers():
        if not isinstance(trainer, RawTrainer) and trainer.preprocessing is not None:
            yield (*path, "preprocessing"), trainer.preprocessing


def _features(core: Core) -> dict[str, str]:
    return {name: column.type for name, column in core.data.spec.all_columns().items() if column.role == "feature"}


def _texts(core: Core) -> set[str]:
    return {name for name, column in core.data.spec.all_columns().items() if TEXT_TAG in column.tags}


def _any_text(core: Core) -> bool:
    columns = core.training.spec.preprocessing.columns.values()
    return bool(_texts(core)) or any(own.kind == "text" for own in columns)


def _placed(core: Core, found: Finding) -> Diagnostic:
    return Diagnostic(found.code, found.message, core.training.document.place(found.path), found.hint)


TRAINING_CHECKS: tuple[Callable[[Core], Iterator[Diagnostic]], ...] = (
    _preprocessing_fits,
    _monotone_columns_have_an_order,
    _device_is_used,
    *RANKING_CHECKS,
    *FORECASTING_CHECKS,
)
