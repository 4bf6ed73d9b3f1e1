"""The rows that models are measured on: targets, slices, groups that are drawn whole, groups that are compared."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.evaluate.values import Groups, Integers, Mask, Side
from mlops_runner.specs.evaluation import Slice
from mlops_runner.specs.evaluation_gates import FairnessGate, Gate
from mlops_runner.train.features import Schema
from mlops_runner.train.queries import query_codes, refuse_torn, refuse_uneven
from mlops_runner.train.stored import AnyRows
from mlops_runner.train.targets import encode_targets
from mlops_runner.train.weights import weights_of

MOST_GROUPS = 50
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Marks:
    """What is told of rows besides their targets: slices, the groups of fairness gates, and what each row counts.

    weight: the column of the weights. block: how many moments of a forecast are drawn together, if that is declared.
    """

    slices: Mapping[str, Slice] = field(default_factory=dict)
    gates: Mapping[str, Gate] = field(default_factory=dict)
    weight: str | None = None
    block: int | None = None


def sides_of(
    frames: Mapping[str, AnyRows], schema: Schema, marks: Marks, columns: Mapping[str, Any]
) -> dict[str, Side]:
    """Describe the sides of the split by name. Raises InvalidInput, also for a query that is torn between sides."""
    if schema.query is not None:
        queries = {name: frame[schema.query] for name, frame in frames.items()}
        refuse_torn(queries, masked="pii" in columns[schema.query]["tags"])
    return {name: side_of(name, frame, schema, marks, columns) for name, frame in frames.items()}


def side_of(name: str, frame: AnyRows, schema: Schema, marks: Marks, columns: Mapping[str, Any]) -> Side:
    """Describe one side of the split. columns: what the data spec says of each column (role, tags).

    Raises InvalidInput for a fairness gate whose column has more groups than anybody can compare, and for weights that
    no row can have; StepFailed for weights that differ within a query.
    """
    weight = weights_of(frame, marks.weight)
    target = encode_targets(frame.select(schema.targets), schema)
    masks = {label: mask_of(frame, part) for label, part in marks.slices.items()}
    drawn_whole = [column for column, facts in columns.items() if facts["role"] == "group" and column in frame.columns]
    clusters = _codes(frame[drawn_whole[0]]) if drawn_whole else None
    gates = {label: gate for label, gate in marks.gates.items() if isinstance(gate, FairnessGate)}
    personal = {column for column, facts in columns.items() if "pii" in facts["tags"]}
    groups = {
        label: _groups(frame[gate.column], gate, masked=gate.column in personal)
        for label, gate in gates.items()
        if gate.split == name
    }
    if schema.query is None:
        return Side(name, target, masks, clusters, groups, weight=weight)
    queries = query_codes(frame[schema.query])
    if weight is not None:
        refuse_uneven(weight, queries, str(marks.weight))
    masks = {label: with_relevant(mask, target, queries) for label, mask in masks.items()}
    return Side(name, target, masks, queries, groups, queries, weight=weight)


def mask_of(frame: AnyRows, part: Slice) -> Mask:
    """Mark the rows of a slice; a missing value is in none."""
    column = pl.col(part.column)
    if part.equals is not None:
        chosen = column == pl.lit(part.equals)
    else:
        chosen = pl.lit(True)
        if part.min is not None:
            chosen &= column >= part.min
        if part.max is not None:
            chosen &= column < part.max
    return frame.select(chosen.fill_null(False).alias("chosen"))["chosen"].to_numpy().astype(np.bool_)


def with_relevant(mask: Mask, target: NDArray[Any], queries: Integers) -> Mask:
    """Leave queries out of a slice that keeps some of their rows, but none that is relevant.

    What is left of them has no order that could be right; a query without any relevant row stays, as on the whole side.
    """
    relevant = target > 0
    whole, left = np.bincount(queries, relevant) > 0, np.bincount(queries, relevant & mask) > 0
    return np.asarray(mask & ~(whole & ~left)[queries])


def _codes(values: pl.Series) -> Integers:
    """Number the groups from 0; rows whose group is missing are groups of their own."""
    known = values.drop_nulls().unique(maintain_order=True)
    codes = values.replace_strict(known, pl.Series(range(len(known)), dtype=pl.Int64), default=None)
    found = codes.fill_null(-1).to_numpy().astype(np.int64)
    alone = found < 0
    found[alone] = len(known) + np.arange(int(alone.sum()))
    return found


def _groups(values: pl.Series, gate: FairnessGate, *, masked: bool) -> Groups:
    """Number the values of a column, or the ranges between its edges. Values of personal data are not named."""
    if gate.edges:
        names, codes = _ranges(values, gate.edges)
    else:
        known = values.drop_nulls().unique().sort()
        if len(known) > MOST_GROUPS:
            message = f'column "{gate.column}" has {len(known)} values; at most {MOST_GROUPS} groups can be compared'
            raise InvalidInput(Diagnostic("too-many-groups", message, hint="name another column, or edges"))
        names = [_text(value) for value in known.to_list()]
        numbers = pl.Series(range(len(known)), dtype=pl.Int64)
        codes = values.replace_strict(known, numbers, default=None).fill_null(-1).to_numpy().astype(np.int64)
    if (codes < 0).any():
        codes = np.where(codes < 0, len(names), codes)
        names = [*names, MISSING]
    if masked:
        names = [name if name == MISSING else f"group {at}" for at, name in enumerate(names, 1)]
    return Groups(tuple(names), codes)


def _ranges(values: pl.Series, edges: tuple[float, ...]) -> tuple[list[str], Integers]:
    numbers = values.cast(pl.Float64).to_numpy()
    codes = np.searchsorted(np.array(edges), numbers, side="right").astype(np.int64)
    codes[np.isnan(numbers)] = -1
    middle = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(edges)]
    return [f"below {edges[0]:g}", *middle, f"{edges[-1]:g} and above"], codes


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
