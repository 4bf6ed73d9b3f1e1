"""Quantiles: a trainer that predicts one is measured by the same."""

from collections.abc import Callable, Iterator

from mlops_runner.errors import Diagnostic
from mlops_runner.evaluate.metrics.names import METRICS, quantile_of
from mlops_runner.specs.load import Core
from mlops_runner.specs.locations import Path
from mlops_runner.specs.training_trainers import SklearnTrainer, Trainer, XgboostTrainer


def _quantiles_agree(core: Core) -> Iterator[Diagnostic]:
    """Metrics of quantiles are about a quantile that a candidate predicts, where it is known which ones are."""
    predicted = [
        quantile for _, trainer in core.training.spec.trainers() if (quantile := _quantile(trainer)) is not None
    ]
    for position, metric in enumerate(core.evaluation.spec.metrics):
        quantile = quantile_of(metric) if metric in METRICS else None
        if quantile is None or not predicted or quantile in predicted:
            continue
        path: Path = ("metrics", position)
        message = f"{metric} is about the quantile {quantile:g}, and the trainers predict {_listed(predicted)}"
        hint = f"use {metric.rpartition('_')[0]}_{100 * predicted[0]:g}, or change the quantile of the trainer"
        yield Diagnostic("other-quantile", message, core.evaluation.document.place(path), hint)


def _quantile(trainer: Trainer) -> float | None:
    """Return the quantile that a trainer predicts, as far as its parameters say so."""
    params = trainer.params
    value: object = None
    if isinstance(trainer, XgboostTrainer) and params.get("objective") == "reg:quantileerror":
        value = params.get("quantile_alpha")
    elif isinstance(trainer, SklearnTrainer) and params.get("loss") == "quantile":
        value = params.get("quantile", params.get("alpha", 0.9))
    elif isinstance(trainer, SklearnTrainer) and trainer.estimator.endswith(".QuantileRegressor"):
        value = params.get("quantile", 0.5)
    return float(value) if isinstance(value, int | float) else None


def _listed(quantiles: list[float]) -> str:
    return ", ".join(dict.fromkeys(f"{quantile:g}" for quantile in quantiles))


QUANTILE_CHECKS: tuple[Callable[[Core], Iterator[Diagnostic]], ...] = (_quantiles_agree,)
