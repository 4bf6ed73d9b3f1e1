"""Curves of several labels: what the winner does for each, and the curves of those it knows least."""

from dataclasses import replace

import numpy as np

from mlops_runner.digest import Json
from mlops_runner.evaluate.curves.binary import pr_points, roc_points
from mlops_runner.evaluate.curves.thin import DIGITS
from mlops_runner.evaluate.metrics.labels import both_kinds, counts_of
from mlops_runner.evaluate.threshold import ChosenThreshold
from mlops_runner.evaluate.values import Sample

# Beyond this number of labels the evidence would grow larger than anybody reads.
MOST_CURVES = 20


def label_curves(sample: Sample, chosen: ChosenThreshold) -> dict[str, Json]:
    """Return the numbers of every label, and the curves of labels by rising average precision.

    per_label: in the order of the labels; null where a label leaves a number without a meaning. unordered: the labels
    that only some means are taken over, because all rows have them, or none.
    """
    labels = range(len(sample.classes))
    drawable = [at for at in labels if both_kinds(sample, at)]
    pr = {at: pr_points(sample.target[:, at], sample.scores[:, at], sample.weight) for at in drawable}
    areas = {at: roc_points(sample.target[:, at] == 1, sample.scores[:, at], sample.weight)["auc"] for at in drawable}
    worst = sorted(drawable, key=lambda at: (pr[at]["average_precision"], at))[:MOST_CURVES]
    cuts = chosen.value if isinstance(chosen.value, tuple) else (chosen.value,) * len(sample.classes)
    sums = np.stack(counts_of(sample), axis=1).tolist()
    rows = np.stack(counts_of(replace(sample, weight=None)), axis=1).astype(np.int64).tolist()
    per_label: list[Json] = [
        {
            "label": name,
            "threshold": cuts[at],
            "with": rows[at][0],
            "decided": rows[at][1],
            **_decided(*sums[at]),
            "roc_auc": areas.get(at),
            "average_precision": pr[at]["average_precision"] if at in pr else None,
        }
        for at, name in enumerate(sample.classes)
    ]
    return {
        "per_label": per_label,
        "unordered": [sample.classes[at] for at in labels if at not in pr],
        "pr": [{"label": sample.classes[at], "rate": round(sums[at][0] / float(sample.counted.sum()), DIGITS), **pr[at]}
               for at in worst],
    }  # fmt: skip


def _decided(true: float, decided: float, hits: float) -> dict[str, Json]:
    return {
        "precision": _share(hits, decided),
        "recall": _share(hits, true),
        "f1": _share(2 * hits, true + decided),
    }


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, DIGITS) if whole else None
