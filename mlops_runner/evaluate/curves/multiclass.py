"""Curves of multiclass models: confusion of all, per-class numbers and one-vs-rest ROC of the winner."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mlops_runner.digest import Json
from mlops_runner.evaluate.curves.binary import roc_points
from mlops_runner.evaluate.curves.thin import DIGITS
from mlops_runner.evaluate.metrics.decisions import confusion
from mlops_runner.evaluate.values import Sample

# Beyond these numbers of classes the evidence would grow larger than anybody reads.
MOST_CONFUSED = 50
MOST_CURVES = 20


def multiclass_curves(here: Mapping[str, Sample], winner: str) -> dict[str, Json]:
    """Return the curves of one side. here: model -> sample of that side."""
    curves: dict[str, Json] = {"per_class": _per_class(here[winner]), "roc": _one_vs_rest(here[winner])}
    if len(here[winner].classes) <= MOST_CONFUSED:
        curves["confusion"] = {model: confusion(replace(other, weight=None)).tolist() for model, other in here.items()}
    return curves


def _per_class(sample: Sample) -> dict[str, Json]:
    """Recall and precision per class; null where a class has no rows or is never decided."""
    counts, rows = confusion(sample), np.bincount(sample.target, minlength=len(sample.classes)).tolist()
    hits, true, decided = np.diag(counts).tolist(), counts.sum(axis=1).tolist(), counts.sum(axis=0).tolist()
    return {
        name: {"rows": rows[k], "recall": _share(hits[k], true[k]), "precision": _share(hits[k], decided[k])}
        for k, name in enumerate(sample.classes)
    }


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, DIGITS) if whole else None


def _one_vs_rest(sample: Sample) -> dict[str, Json]:
    """ROC curves of the classes that occur without being the only one; of many, those with the smallest areas."""
    rows = np.bincount(sample.target, minlength=len(sample.classes))
    drawable = [k for k in range(len(sample.classes)) if 0 < rows[k] < len(sample.target)]
    points = {k: roc_points(sample.target == k, sample.scores[:, k], sample.weight) for k in drawable}
    worst = sorted(drawable, key=lambda k: (points[k]["auc"], k))[:MOST_CURVES]
    return {sample.classes[k]: points[k] for k in sorted(worst)}
