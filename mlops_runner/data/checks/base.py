"""The family of checks: what a leaf compiles to, what comes out, and the tables that find the leaves.

A leaf turns what the spec says into checks. Everything that can be said as an expression is measured in one pass over
the table; what needs more than that looks at the table by itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_runner.data.table import Table
from mlops_runner.digest import Json
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import AnyRule

# What the columns and the head of `checks` say, in the order of the report.
LIMITS: Sequence[str] = (
    "mlops_runner.data.checks.rows",
    "mlops_runner.data.checks.missing",
    "mlops_runner.data.checks.range",
    "mlops_runner.data.checks.allowed",
    "mlops_runner.data.checks.unique",
    "mlops_runner.data.checks.target",
    "mlops_runner.data.checks.duplicates",
)
RULES: Mapping[str, str] = {
    "range": "mlops_runner.data.checks.range",
    "allowed": "mlops_runner.data.checks.allowed",
    "missing": "mlops_runner.data.checks.missing",
    "regex": "mlops_runner.data.checks.regex",
    "unique": "mlops_runner.data.checks.unique",
    "monotone": "mlops_runner.data.checks.monotone",
    "compare": "mlops_runner.data.checks.compare",
    "sum": "mlops_runner.data.checks.arithmetic",
    "ratio": "mlops_runner.data.checks.arithmetic",
    "reference": "mlops_runner.data.checks.reference",
    "freshness": "mlops_runner.data.checks.freshness",
    "leakage": "mlops_runner.data.checks.leakage",
    "distribution": "mlops_runner.data.checks.distribution",
    "python": "mlops_runner.data.checks.python",
}
# These look at the sides of the split, so they are asked once those are known.
AFTER_SPLIT = frozenset({"leakage", "distribution"})

# Rows that are shown of those that break a rule.
SAMPLED_ROWS = 5

Severity = Literal["fail", "warn"]
Answer = Literal["pass", "warn", "fail", "unmeasured"]
Sides: TypeAlias = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What checks may need beside the table.

    `inputs` maps logical names to local paths: `checks.rules.3` is the file that the fourth rule names,
    `previous.profile.json` the profile of the locked version, if there is one. `sides` holds the side of every row,
    shape (rows,), as an index into `split.SIDES`: with it, the checks that need sides are run, without it all others.
    """

    project: Path
    inputs: Mapping[str, Path]
    now: datetime
    sides: Sides | None = None


@dataclass(frozen=True, slots=True)
class Mask:
    """Marks the rows that break a rule; null counts as unbroken.

    Where that is cheaper to ask, `count` is the number of those rows, and `suspect` is zero when there can be none; a
    scan is asked instead whether rows agree in the columns `differ`. `whole` says that a row cannot be judged without
    others.
    """

    broken: pl.Expr
    count: pl.Expr | None = None
    suspect: pl.Expr | None = None
    differ: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """One value over all rows; `judge` says what is wrong with it, or None."""

    value: pl.Expr
    judge: Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the table found.

    Either a count of broken rows with the positions of the first ones, or a sentence about what is wrong (None when
    nothing is), or the reason why it could not be measured. `figures` are numbers for the record.
    """

    broken: int | None = None
    positions: Sequence[int] = ()
    says: str | None = None
    unmeasured: str | None = None
    figures: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """Needs more than one expression."""

    run: Callable[[Table, Context], Found]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many rows may break a rule. `name` is the field that says so."""

    share: float = 0.0
    count: int | None = None
    name: str = "max_share"

    def exceeded(self, broken: int, rows: int) -> str | None:
        """Return the comparison that does not hold, `0.5 > 0.25 (max_share)`; None when all is well."""
        if self.count is not None:
            return f"{broken} > {self.count} (max_count)" if broken > self.count else None
        if not broken or broken / rows <= self.share:
            return None
        return f"{broken / rows:.4g} > {self.share:.4g} ({self.name})"


@dataclass(frozen=True, slots=True)
class Check:
    """One condition. `path` is the field of the document that asks for it.

    `columns` are those it is about, whose values are shown. `words` go on after `1 row` and `2 rows`. `named` says that
    messages repeat the name. `lasting` says that the answer follows from the data and the
    spec; an answer that depends on the moment or on the previous version is told, but kept in no file.
    """

    name: str
    kind: str
    code: str
    probe: Mask | Measure | Look
    columns: tuple[str, ...] = ()
    words: tuple[str, str] = ("breaks the rule", "break the rule")
    hint: str | None = None
    tolerance: Tolerance = Tolerance()
    severity: Severity = "fail"
    named: bool = False
    path: str = ""
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Sample:
    """A row that breaks a rule: where it stands, and its values as JSON holds them; personal data is `***`."""

    place: str
    values: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a check. `broken` is None where no rows are counted, `says` when there is nothing to say."""

    check: Check
    answer: Answer
    says: str | None = None
    broken: int | None = None
    rows: int = 0
    sample: tuple[Sample, ...] = ()
    figures: Mapping[str, Json] = field(default_factory=dict)


class Limits(Protocol):
    """Turns the limits of columns, or the head of `checks`, into checks. Columns that are not there are passed over."""

    def __call__(self, spec: Data, table: Table, /) -> Iterable[Check]:
        """Return the checks of one leaf."""
        ...


class RuleCompiler(Protocol):
    """Turns one rule into checks; `at` is its place, `checks.rules.3`. InvalidInput when it cannot be asked at all."""

    def __call__(self, rule: AnyRule, at: str, spec: Data, /) -> Iterable[Check]:
        """Return the checks of one rule."""
        ...


def limit_checks(spec: Data, table: Table) -> list[Check]:
    """Compile what the columns and the head of `checks` say."""
    leaves = (cast(Limits, import_module(module).compile_limits) for module in LIMITS)
    return [check for leaf in leaves for check in leaf(spec, table)]


def rule_checks(rule: AnyRule, at: str, spec: Data) -> list[Check]:
    """Compile one rule."""
    leaf = import_module(RULES[rule.kind])
    return list(cast(RuleCompiler, leaf.compile_rule)(rule, at, spec))


def called(rule: AnyRule, subject: str) -> str:
    """Return the name of a rule in reports: its own, or its kind and what it is about."""
    return rule.name or f"{rule.kind} {subject}".strip()
