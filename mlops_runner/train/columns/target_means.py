"""Categories as the mean of the target, mixed with the overall mean; the training rows cross-fitted.

The mixture is that of scikit-learn's TargetEncoder: with `smoothing` rows of the overall mean, or by the ratio of the
variances within and between categories (empirical Bayes; Micci-Barreca 2001, equations 5 and 6).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.specs.base import Part
from mlops_runner.train.columns.categories import UNSEEN, Categories, fit_categories
from mlops_runner.train.features import Output, Schema
from mlops_runner.train.trainers.base import Side


class TargetMeans(Part):
    """The mean of the target by category: one column, or one for each class of a multiclass task, or each label."""

    kind: Literal["target"] = "target"
    categories: Categories
    classes: tuple[str, ...]
    means: tuple[tuple[float, ...], ...]
    overall: tuple[float, ...]

    def outputs(self) -> Iterator[Output]:
        """Name the columns that come out."""
        feature = self.categories.feature
        yield from (Output(f"{feature}:{name}" if name else feature, feature) for name in self.classes)

    def apply(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return shape (rows, columns); the overall mean for an unseen category."""
        return _looked_up(self.categories.codes(frame), np.array(self.means), np.array(self.overall))


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What the means are of: shape (rows, columns); the weight of each row; and what the cross-fitting goes by.

    group: rows of one number leave each other out.
    """

    columns: tuple[str, ...]
    values: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    seed: int
    group: NDArray[np.int64] | None = None


def target_of_side(schema: Schema, train: Side, seed: int) -> Target:
    """Turn the target of the training rows into columns whose means say something: by class, by label, or itself."""
    y, group = train.y, train.group if train.query is None else train.query
    if schema.task == "multilabel":
        return Target(schema.targets, y.astype(np.float64), train.weight, seed, group)
    if schema.task != "multiclass":
        return Target(("",), y.astype(np.float64)[:, None], train.weight, seed, group)
    names = tuple(map(str, schema.classes))
    return Target(names, (y[:, None] == np.arange(len(names))).astype(np.float64), train.weight, seed, group)


def fit_target_means(
    feature: str, frame: pl.DataFrame, target: Target, min_count: int, smoothing: float | str
) -> TargetMeans:
    """Learn the means from all training rows: what serving applies."""
    categories = fit_categories(feature, frame, min_count)
    rows = np.arange(frame.height)
    means, overall = _means(categories.codes(frame), len(categories.names), target, rows, smoothing)
    return TargetMeans(
        categories=categories,
        classes=target.columns,
        means=tuple(tuple(map(float, column)) for column in means),
        overall=tuple(map(float, overall)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class CrossFitted:
    """The means for the training rows themselves: those of the folds that a row is not in.

    fold: shape (rows,), the number of a row's fold; means: (columns, categories) and (columns,) overall, by fold.
    """

    categories: Categories
    fold: NDArray[np.int64]
    means: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]

    def apply(self, frame: pl.DataFrame, first: int) -> NDArray[np.float64]:
        """Return shape (rows, columns) for the training rows from position `first` on."""
        codes, fold = self.categories.codes(frame), self.fold[first : first + frame.height]
        x = np.empty((frame.height, len(self.means[0][1])))
        for number, (means, overall) in enumerate(self.means):
            own = np.flatnonzero(fold == number)
            x[own] = _looked_up(codes[own], means, overall)
        return x


def cross_fitted(
    fitted: TargetMeans, frame: pl.DataFrame, target: Target, folds: int, smoothing: float | str
) -> CrossFitted:
    """Learn means that leave out each row's own fold, so that no row sees its own target."""
    codes, width = fitted.categories.codes(frame), len(fitted.categories.names)
    fold, found = np.zeros(len(codes), dtype=np.int64), []
    for number, (others, own) in enumerate(folds_of(target, folds)):
        found.append(_means(codes[others], width, target, others, smoothing))
        fold[own] = number
    return CrossFitted(fitted.categories, fold, tuple(found))


def folds_of(target: Target, folds: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield (rows to learn from, rows to apply to).

    Rows of one group are applied to together; without groups, classes keep their shares where each has enough rows.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    rows = len(target.values)
    if rows < 2:
        yield np.arange(rows), np.arange(rows)
        return
    if target.group is not None and (target.group != target.group[0]).any():
        own = _shared_out(target.group, folds, target.seed)
        yield from ((np.flatnonzero(own != fold), np.flatnonzero(own == fold)) for fold in range(int(own.max()) + 1))
        return
    labels = _labels(target)
    enough = labels is not None and int(np.unique(labels, return_counts=True)[1].min()) >= folds
    splitter = (StratifiedKFold if enough else KFold)(min(folds, rows), shuffle=True, random_state=target.seed)
    yield from splitter.split(np.zeros(rows), labels if enough else None)


def _shared_out(group: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each row. Groups go, in a drawn order, the larger first, to the fold with the fewest rows."""
    _, codes, sizes = np.unique(group, return_inverse=True, return_counts=True)
    order = np.random.RandomState(seed).permutation(len(sizes))
    filled, fold_of = [0] * min(folds, len(sizes)), np.empty(len(sizes), np.int64)
    for code in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of[code] = fold = filled.index(min(filled))
        filled[fold] += int(sizes[code])
    return fold_of[codes]


def _labels(target: Target) -> NDArray[Any] | None:
    if len(target.columns) > 1:
        return np.asarray(target.values.argmax(axis=1))
    binary = np.isin(target.values, (0.0, 1.0)).all()
    return target.values[:, 0].astype(np.int64) if binary else None


def _means(
    codes: NDArray[Any], width: int, target: Target, rows: NDArray[Any], smoothing: float | str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (columns, categories) and (columns,)."""
    weight = np.ones(len(rows)) if target.weight is None else target.weight[rows]
    found = [_column(codes, width, y, weight, smoothing) for y in target.values[rows].T]
    return np.array([means for means, _ in found]), np.array([overall for _, overall in found])


def _column(
    codes: NDArray[Any], width: int, y: NDArray[Any], weight: NDArray[Any], smoothing: float | str
) -> tuple[NDArray[np.float64], float]:
    even = bool((weight == 1).all())
    overall = float(np.mean(y) if even else np.average(y, weights=weight)) if weight.any() else 0.0
    known = codes != UNSEEN
    codes, y, weight = codes[known], y[known], weight[known]
    rows = np.bincount(codes, weights=weight, minlength=width)
    with np.errstate(invalid="ignore", divide="ignore"):
        if not isinstance(smoothing, str):
            sums = np.full(width, smoothing * overall)
            np.add.at(sums, codes, weight * y)
            return np.nan_to_num(sums / (rows + smoothing), nan=overall), overall
        own = np.bincount(codes, weights=weight * y, minlength=width) / rows
        spread = np.bincount(codes, weights=weight * (y - own[codes]) ** 2, minlength=width)
        variance = np.average((y - overall) ** 2, weights=weight) if weight.any() else 0.0
        share = variance * rows / (variance * rows + spread / rows)
        return np.nan_to_num(share * own + (1 - share) * overall, nan=overall), overall


def _looked_up(codes: NDArray[Any], means: NDArray[np.float64], overall: NDArray[np.float64]) -> NDArray[np.float64]:
    # The overall mean stands last, where the place -1 of an unseen category points.
    return np.asarray(np.column_stack([means, overall]).T[codes], dtype=np.float64)
