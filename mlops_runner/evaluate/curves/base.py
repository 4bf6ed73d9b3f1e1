"""Which curves an assessment carries, by task."""

from collections.abc import Mapping
from typing import assert_never

from mlops_runner.digest import Json
from mlops_runner.evaluate.curves.binary import binary_curves
from mlops_runner.evaluate.curves.forecasting import forecasting_curves
from mlops_runner.evaluate.curves.labels import label_curves
from mlops_runner.evaluate.curves.multiclass import multiclass_curves
from mlops_runner.evaluate.curves.ranking import ranking_curves
from mlops_runner.evaluate.curves.regression import coverage_of, regression_curves
from mlops_runner.evaluate.inputs import wanted_metrics
from mlops_runner.evaluate.measured import Measured
from mlops_runner.evaluate.threshold import ChosenThreshold


def draw_curves(known: Measured, thresholds: Mapping[str, ChosenThreshold]) -> dict[str, Json]:
    """Return the curves on the test side, or on the next best side that has rows; {} when none has.

    Rows of weight 0 are left out, except from what shows series over time, where no row is weighted.
    """
    options, samples, winner = known.options, known.samples, known.winner
    counting = {name: sample.counting for name, sample in samples[winner].items()}
    filled = [name for name in ("test", "validation", "train") if name in counting and len(counting[name].target)]
    if not filled:
        return {}
    side = filled[0]
    whole = {model: by_side[side] for model, by_side in samples.items()}
    here = {model: sample.counting for model, sample in whole.items()}
    common: dict[str, Json] = {"side": side, "rows": len(whole[winner].target)}
    match options.task:
        case "binary":
            return common | binary_curves(options, here, counting, winner, thresholds)
        case "multiclass":
            return common | multiclass_curves(here, winner)
        case "multilabel":
            return common | label_curves(here[winner], thresholds[winner])
        case "regression":
            return common | regression_curves(here[winner]) | coverage_of(here, wanted_metrics(options))
        case "forecasting":
            return common | forecasting_curves(whole, winner, known.sides[side].timeline)
        case "ranking":
            return common | ranking_curves(here, winner)
        case _:
            assert_never(options.task)
