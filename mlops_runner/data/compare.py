"""What happened to a data set between two versions: columns, rows, missing values, distributions.

With the rows of both versions at hand all rows are compared; without, what their profiles know of the train side is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import polars as pl

from mlops_runner.data.draws import Sides
from mlops_runner.data.drift import Entry, Movement, Rule, movements
from mlops_runner.data.matching import Matching, Rows, digests_of, match_by_key, match_by_values, shared
from mlops_runner.data.profile import Detail, describe
from mlops_runner.data.row_digest import Words, different, row_digests
from mlops_runner.data.split import SIDES
from mlops_runner.data.versions import Version
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data import Column

# Values of both versions together that are compared one by one.
MOST_CELLS = 1 << 28
EXAMPLES = 5
# Above this, columns that went and came are the same only if all their values are.
MOST_PAIRS = 400
SAME_VALUES = 0.9
NUMBERS = frozenset({"float", "int"})
WORDS = frozenset({"string", "bool"})


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns that came, went, or are called or typed otherwise: (old, new) names, (name, old, new) types and roles."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()
    roles: tuple[tuple[str, str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.renamed or self.retyped or self.roles)


@dataclass(frozen=True, slots=True)
class RowChanges:
    """How many rows came, went, changed, or are on another side of the split; keys of a few of them."""

    added: int
    removed: int
    changed: int
    moved: int
    reordered: bool
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """One column that both versions have. cells: values that differ in rows that are the same, if that is known."""

    name: str
    column: Column
    movement: Movement
    old: Entry
    new: Entry
    cells: int = 0

    @property
    def differs(self) -> bool:
        """Whether there is something to say about it."""
        return bool(self.cells or self.movement.shifted)


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs. basis: whether rows or only profiles of the train side were compared."""

    old: Version
    new: Version
    basis: Literal["rows", "profiles"]
    key: tuple[str, ...]
    schema: Schema
    rows: RowChanges | None
    columns: tuple[ColumnChange, ...]
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        rows = self.rows
        of_rows = rows is not None and bool(rows.added or rows.removed or rows.changed or rows.moved or rows.reordered)
        return bool(
            of_rows or self.schema or self.old.counts != self.new.counts or any(c.differs for c in self.columns)
        )


def compare(old: Version, new: Version, key: Sequence[str] = (), rule: Rule = Rule()) -> Difference:  # noqa: B008
    """Compare two versions. `key` names the columns that tell rows apart; without it, those with the role id do.

    Raises InvalidInput for a key that a version does not have, or that tells its rows not apart.
    """
    _known(key, old, new)
    notes: list[str] = []
    if old.sides is None or new.sides is None:
        return _by_profiles(old, new, rule, notes)
    cells = old.rows * len(old.columns) + new.rows * len(new.columns)
    if cells > MOST_CELLS and old.profile and new.profile:
        return _by_profiles(old, new, rule, [f"{cells:,} values are too many to compare one by one"])
    return _by_rows(old, new, tuple(key), rule, notes)


def _known(key: Sequence[str], old: Version, new: Version) -> None:
    problems = [
        Diagnostic("unknown-column", f'{version.name} has no column "{name}"', hint=nearest(name, version.columns))
        for version in (old, new)
        for name in key
        if name not in version.columns
    ]
    if problems:
        raise InvalidInput(problems)


def _by_profiles(old: Version, new: Version, rule: Rule, notes: list[str]) -> Difference:
    entries = [dict(version.profile["columns"]) if version.profile else {} for version in (old, new)]
    renamed = tuple(_renamed_entries(*entries))
    schema = _schema(old, new, renamed)
    aligned = _aligned(old, new, schema)
    was = {name: entries[0][before] for before, name in aligned}
    found = _columns(was, {name: entries[1][name] for _, name in aligned}, new, rule, {})
    return Difference(old, new, "profiles", (), schema, None, found, tuple(notes))


def _renamed_entries(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> list[tuple[str, str]]:
    """Pair columns that are described alike, down to every edge or category, if there is one such pair only."""
    gone = [name for name in old if name not in new]
    came = [name for name in new if name not in old]
    pairs = []
    for name in gone:
        entry = {key: value for key, value in old[name].items() if key != "role"}
        alike = [other for other in came if {k: v for k, v in new[other].items() if k != "role"} == entry]
        if len(alike) == 1 and entry.keys() & {"edges", "categories"}:
            pairs.append((name, alike[0]))
    return pairs if len({after for _, after in pairs}) == len(pairs) else []


def _by_rows(old: Version, new: Version, key: tuple[str, ...], rule: Rule, notes: list[str]) -> Difference:
    frames = _frame(old), _frame(new)
    key = key or _own_key(old, new)
    keys = _keys(frames, key) if key else None
    if key and keys is not None and not _tells_apart(keys):
        notes.append(f"{_listed(key)} does not tell all rows apart; rows are matched by their values")
        key, keys = (), None
    renamed = tuple(_renamed(frames, old, new, keys))
    schema = _schema(old, new, renamed)
    aligned = [pair for pair in _aligned(old, new, schema) if not _retyped(schema, pair[1])]
    names = [after for _, after in aligned]
    rows = (
        Rows([frames[0][before] for before, _ in aligned], _sides(old)),
        Rows([frames[1][n] for n in names], _sides(new)),
    )
    matching = match_by_key(*rows, keys, names) if keys is not None else match_by_values(*rows, names)
    changes = _row_changes(matching, frames, key, new)
    was, now = (_described(frame, version) for frame, version in zip(frames, (old, new), strict=True))
    every = _aligned(old, new, schema)
    columns = _columns({n: was[b] for b, n in every}, {n: now[n] for _, n in every}, new, rule, matching.cells)
    return Difference(old, new, "rows", key, schema, changes, columns, tuple(notes))


def _frame(version: Version) -> pl.DataFrame:
    scans = (version.sides or {}).values()
    return pl.concat([scan.collect(engine="streaming") for scan in scans]).select(list(version.columns))


def _sides(version: Version) -> Sides:
    codes = [SIDES.index(side) if side in SIDES else 0 for side in version.counts]
    return np.repeat(np.array(codes, np.int8), list(version.counts.values()))


def _own_key(old: Version, new: Version) -> tuple[str, ...]:
    """Return the columns with the role id in the old version, or else in the new one, if both have them."""
    for version, other in ((old, new), (new, old)):
        key = tuple(name for name, column in version.columns.items() if column.role == "id")
        if key and all(name in other.columns for name in key):
            return key
    return ()


def _keys(frames: tuple[pl.DataFrame, pl.DataFrame], key: tuple[str, ...]) -> tuple[Words, Words]:
    return row_digests([frames[0][name] for name in key]), row_digests([frames[1][name] for name in key])


def _tells_apart(keys: tuple[Words, Words]) -> bool:
    return all(len(different(side)) == len(side) for side in keys)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _renamed(
    frames: tuple[pl.DataFrame, pl.DataFrame], old: Version, new: Version, keys: tuple[Words, Words] | None
) -> list[tuple[str, str]]:
    """Pair columns that went with columns that came and hold the same values in the same rows."""
    gone = {name: digests_of(frames[0][name]) for name in old.columns if name not in new.columns}
    came = {name: digests_of(frames[1][name]) for name in new.columns if name not in old.columns}
    fewer = max(1, min(len(frame) for frame in frames))
    many = len(gone) * len(came) > MOST_PAIRS
    alike = sorted(
        (-shared(values, others) / fewer, before, after)
        for before, values in gone.items()
        for after, others in came.items()
        if _comparable(old.columns[before], new.columns[after]) and not (many and values.sum() != others.sum())
    )
    both = [name for name in old.columns if name in new.columns and _comparable(old.columns[name], new.columns[name])]
    rest = [
        sum((digests_of(frame[n], at) for at, n in enumerate(both)), np.zeros(len(frame), np.uint64))
        for frame in frames
    ]
    anchors = keys or (rest[0], rest[1])
    found: dict[str, str] = {}
    for share, before, after in alike:
        if before in found or after in found.values() or -share < SAME_VALUES:
            continue
        with_pair = shared(anchors[0] + gone[before], anchors[1] + came[after])
        anchored = shared(*anchors)
        if with_pair >= SAME_VALUES * anchored if anchored >= fewer / 2 else share == -1:
            found[before] = after
    return list(found.items())


def _comparable(old: Column, new: Column) -> bool:
    return old.type == new.type or {old.type, new.type} <= NUMBERS


def _schema(old: Version, new: Version, renamed: tuple[tuple[str, str], ...]) -> Schema:
    before = dict(renamed)
    after = set(before.values())
    both = [(name, name) for name in old.columns if name in new.columns]
    pairs = [*both, *renamed]
    types = [(new_, old.columns[old_].type, new.columns[new_].type) for old_, new_ in pairs]
    roles = [(new_, old.columns[old_].role, new.columns[new_].role) for old_, new_ in pairs]
    return Schema(
        added=tuple(name for name in new.columns if name not in old.columns and name not in after),
        removed=tuple(name for name in old.columns if name not in new.columns and name not in before),
        renamed=renamed,
        retyped=tuple(change for change in types if change[1] != change[2]),
        roles=tuple(change for change in roles if change[1] != change[2]) if old.profile and new.profile else (),
    )


def _aligned(old: Version, new: Version, schema: Schema) -> list[tuple[str, str]]:
    """Return the (old, new) names of the columns that both versions have, in the new order."""
    before = {after: name for name, after in schema.renamed}
    pairs = [(before.get(name, name), name) for name in new.columns if name not in schema.added]
    return [pair for pair in pairs if pair[0] in old.columns]


def _retyped(schema: Schema, name: str) -> bool:
    return any(name == other and not {before, after} <= NUMBERS for other, before, after in schema.retyped)


def _row_changes(
    matching: Matching, frames: tuple[pl.DataFrame, pl.DataFrame], key: tuple[str, ...], new: Version
) -> RowChanges:
    wanted = {"added": (1, matching.added), "removed": (0, matching.removed), "changed": (1, matching.changed_new)}
    shown = {
        what: _examples(frames[side].select(key), positions[:EXAMPLES], new)
        for what, (side, positions) in wanted.items()
        if key and len(positions)
    }
    counts = (len(matching.added), len(matching.removed), len(matching.changed_new))
    return RowChanges(*counts, matching.moved, matching.reordered, shown)


def _examples(keys: pl.DataFrame, positions: Any, version: Version) -> tuple[str, ...]:
    personal = {name for name in keys.columns if "pii" in version.columns[name].tags}
    return tuple(
        ", ".join("***" if name in personal else str(value) for name, value in row.items())
        for row in keys[positions].iter_rows(named=True)
    )


def _described(frame: pl.DataFrame, version: Version) -> dict[str, Any]:
    detail = replace(Detail.fitting(version.columns), shown=True)
    return describe(frame.lazy(), version.columns, len(frame), detail)


COUNTS = ("type", "role", "rows", "missing", "unique")


def _columns(
    old: Mapping[str, Entry], new: Mapping[str, Entry], version: Version, rule: Rule, cells: Mapping[str, int]
) -> tuple[ColumnChange, ...]:
    """Judge all columns together; the values of ids say nothing, so only their counts are looked at."""
    sides = [
        {
            name: {k: e[k] for k in COUNTS} if _is_id(old[name], new[name]) or _differ(old[name], new[name]) else e
            for name, e in side.items()
        }
        for side in (old, new)
    ]
    moved = movements(sides[0], sides[1], rule)
    return tuple(
        ColumnChange(name, version.columns[name], moved[name], sides[0][name], sides[1][name], cells.get(name, 0))
        for name in new
    )


def _is_id(old: Entry, new: Entry) -> bool:
    return "id" in (old["role"], new["role"])


def _differ(old: Entry, new: Entry) -> bool:
    kinds = [("number" if e["type"] in NUMBERS else "word" if e["type"] in WORDS else e["type"]) for e in (old, new)]
    return kinds[0] != kinds[1]
