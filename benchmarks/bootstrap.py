"""Ten metrics on 100,000 rows x 1000 resamples: the weighted forms beside a plain loop over the rows written out.

The loop takes the same resamples and calls the metrics themselves, so that its numbers must be ours. It is run for a
few resamples and its time is scaled; `--all` runs it whole.
"""

import argparse
import time

import numpy as np

from mlops_runner.evaluate.bootstrap.base import statistic_of
from mlops_runner.evaluate.bootstrap.draws import Units, draw
from mlops_runner.evaluate.bootstrap.values import counts_of
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.values import Floats, Sample, sample_of

METRICS = (
    "roc_auc", "average_precision", "brier", "log_loss", "ece", "accuracy", "balanced_accuracy", "matthews",
    "precision", "recall",
)  # fmt: skip
FEW = 10


def main() -> None:
    """Print both times and the largest difference between their numbers."""
    options = _options()
    sample = _sample(options.rows)
    started, cpu = time.perf_counter(), time.process_time()
    ours = _weighted(sample, options.resamples)
    print(f"weighted forms  {time.perf_counter() - started:8.2f} s wall  {time.process_time() - cpu:8.2f} s CPU")
    count = options.resamples if options.all else FEW
    started, cpu = time.perf_counter(), time.process_time()
    theirs = _plain(sample, options.resamples, count)
    scale = options.resamples / count
    wall, used = (time.perf_counter() - started) * scale, (time.process_time() - cpu) * scale
    print(f"plain loop      {wall:8.2f} s wall  {used:8.2f} s CPU  (from {count} resamples)")
    print(f"largest difference of {count} x {len(METRICS)} numbers: {np.abs(ours[:count] - theirs).max():.2g}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--all", action="store_true", help="run the loop for every resample")
    return parser.parse_args()


def _sample(rows: int) -> Sample:
    rng = np.random.default_rng(0)
    target = (rng.random(rows) < 0.2).astype(np.int64)
    scores = np.clip(0.2 + 0.25 * target + rng.normal(0, 0.15, rows), 0, 1)
    return sample_of("binary", ("no", "yes"), target, scores, 0.4)


def _weighted(sample: Sample, resamples: int) -> Floats:
    statistic = statistic_of(sample, METRICS)
    blocks = [statistic(counts_of(counts)) for counts in draw(_units(sample), resamples, (1,))]
    return np.stack([np.concatenate([block[metric] for block in blocks]) for metric in METRICS], axis=1)


def _plain(sample: Sample, resamples: int, count: int) -> Floats:
    found = []
    for counts in draw(_units(sample), resamples, (1,)):
        for row in counts[: count - len(found)]:
            rows = np.repeat(np.arange(len(row)), row)
            assert sample.decisions is not None
            drawn = Sample(
                sample.task, sample.classes, sample.target[rows], sample.scores[rows], sample.decisions[rows]
            )
            found.append([measure(metric, drawn) for metric in METRICS])
        if len(found) >= count:
            break
    return np.array(found, dtype=np.float64)


def _units(sample: Sample) -> Units:
    return Units((np.arange(len(sample.target)),))


if __name__ == "__main__":
    main()
