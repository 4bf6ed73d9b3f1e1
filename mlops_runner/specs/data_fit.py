"""Do the steps of cleaning, the rules and the limits of a Data document fit the types of their columns?"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from mlops_runner.specs.base import Scalar
from mlops_runner.specs.data_checks import (
    AllowedRule,
    AnyRule,
    Checks,
    CompareRule,
    DistributionRule,
    FreshnessRule,
    MonotoneRule,
    RangeRule,
    RatioRule,
    ReferenceRule,
    RegexRule,
    RowRule,
    SumRule,
)
from mlops_runner.specs.data_cleaning import Cleaning, Clip, Condition, Fill, Filter, Replace, Text
from mlops_runner.specs.data_values import NUMBERS, TIMES, Type, limit, typed, typed_text, written
from mlops_runner.specs.locations import Path
from mlops_runner.specs.rules import Finding

EXAMPLES: Mapping[Type, str] = {
    "float": "a number: 12.5",
    "int": "a whole number: 12",
    "string": 'text, in quotes: "12"',
    "bool": "true or false",
    "date": 'a date, in quotes: "2025-12-31"',
    "datetime": 'a time, in quotes: "2025-12-31T23:59:59"',
}
ORDERED = NUMBERS | TIMES
KINDS: Mapping[Type, str] = {
    "float": "numbers",
    "int": "numbers",
    "string": "text",
    "bool": "true or false",
    "date": "dates or times",
    "datetime": "dates or times",
}


class Typed(Protocol):
    """What is asked of a declared column."""

    @property
    def type(self) -> Type:
        """Type of the values."""

    @property
    def allowed(self) -> tuple[Scalar, ...] | None:
        """The only values allowed."""


class Document(Protocol):
    """What is asked of a Data document."""

    @property
    def columns(self) -> Mapping[str, Typed]:
        """The columns by name."""

    def all_columns(self) -> Mapping[str, Typed]:
        """Return the columns by name, derived ones among them."""

    @property
    def cleaning(self) -> tuple[Cleaning, ...]:
        """Changes to the rows."""

    @property
    def checks(self) -> Checks:
        """What must hold for the table."""


def allowed_fit(data: Document) -> Iterator[Finding]:
    """The allowed values of a column are of its type."""
    for name, column in data.columns.items():
        yield from _values(("columns", name, "allowed"), column.allowed or (), name, column.type)


def cleaning_fits(data: Document) -> Iterator[Finding]:
    """Every step of cleaning can be done with the types of its columns."""
    types: dict[str, Type] = {name: column.type for name, column in data.columns.items()}
    for position, step in enumerate(data.cleaning):
        yield from _step(("cleaning", position), step, types)


def rules_fit(data: Document) -> Iterator[Finding]:
    """Every rule can be asked of the types of its columns."""
    types: dict[str, Type] = {name: column.type for name, column in data.all_columns().items()}
    for position, rule in enumerate(data.checks.rules):
        path: Path = ("checks", "rules", position)
        if isinstance(rule, RowRule) and {"max_share", "max_count"} <= rule.model_fields_set:
            message = "max_share and max_count are both given"
            yield Finding((*path, "max_count"), "both-limits", message, "keep one of them")
        yield from _rule(path, rule, types)


def _step(path: Path, step: Cleaning, types: Mapping[str, Type]) -> Iterator[Finding]:
    match step:
        case Fill():
            for name in _known(step.columns, types):
                yield from _value((*path, "value"), step.value, name, types[name])
        case Replace() if step.column in types:
            yield from _replacements(path, step, types[step.column])
        case Text():
            yield from _must_be(path, step.columns, types, frozenset({"string"}), "text cleans text")
            if not step.strip and not step.collapse and step.case == "keep":
                yield Finding(path, "empty-step", "the step changes nothing", "set strip, collapse or case")
        case Clip():
            yield from _must_be(path, step.columns, types, NUMBERS, "clip moves numbers")
            yield from _whole_ends(path, step, types)
        case Filter() if step.where.column in types:
            yield from _condition((*path, "where"), step.where, types[step.where.column])


def _replacements(path: Path, step: Replace, kind: Type) -> Iterator[Finding]:
    for old, new in step.values.items():
        at = (*path, "values", old)
        if typed_text(old, kind) is None:
            message = f'column "{step.column}" is {kind}, so no value can be "{old}"'
            yield Finding(at, "type-mismatch", message, "values that cannot be read are the business of a cast step")
        if new is not None:
            yield from _value(at, new, step.column, kind)


def _whole_ends(path: Path, step: Clip, types: Mapping[str, Type]) -> Iterator[Finding]:
    for field, end in (("min", step.min), ("max", step.max)):
        for name in _known(step.columns, types):
            if types[name] == "int" and end is not None and not float(end).is_integer():
                message = f'column "{name}" is int, so it cannot hold {end:g}'
                yield Finding((*path, field), "type-mismatch", message, "give a whole number")


def _condition(path: Path, where: Condition, kind: Type) -> Iterator[Finding]:
    if where.equals is not None:
        yield from _value((*path, "equals"), where.equals, where.column, kind)
    yield from _values((*path, "one_of"), where.one_of or (), where.column, kind)
    yield from _ends(path, where.column, where.min, where.max, kind)
    if where.matches is not None and kind != "string":
        yield _misfit((*path, "matches"), where.column, kind, "matches looks at text")
    others = (where.equals, where.one_of, where.min, where.max, where.matches)
    if where.missing and any(value is not None for value in others):
        message = "a missing value meets no other condition"
        yield Finding((*path, "missing"), "contradiction", message, "use two filter steps")


def _rule(path: Path, rule: AnyRule, types: Mapping[str, Type]) -> Iterator[Finding]:
    yield from _of_one_column(path, rule, types)
    yield from _of_several(path, rule, types)


def _of_one_column(path: Path, rule: AnyRule, types: Mapping[str, Type]) -> Iterator[Finding]:
    match rule:
        case RangeRule() if rule.column in types:
            yield from _ends(path, rule.column, rule.min, rule.max, types[rule.column])
        case AllowedRule() if rule.column in types:
            yield from _values((*path, "values"), rule.values, rule.column, types[rule.column])
        case RegexRule():
            yield from _must_be(path, (rule.column,), types, frozenset({"string"}), "regex looks at text")
        case MonotoneRule():
            orderable = ORDERED | {"string"}
            yield from _must_be(path, (rule.column,), types, orderable, "monotone needs values in an order")
        case FreshnessRule():
            yield from _must_be(path, (rule.column,), types, TIMES, "freshness needs dates or times")


def _of_several(path: Path, rule: AnyRule, types: Mapping[str, Type]) -> Iterator[Finding]:
    match rule:
        case CompareRule():
            yield from _comparable(path, rule, types)
        case SumRule():
            whole = (rule.equals,) if isinstance(rule.equals, str) else ()
            yield from _must_be(path, (*rule.columns, *whole), types, NUMBERS, "sum adds numbers")
        case RatioRule():
            columns = (rule.numerator, rule.denominator)
            yield from _must_be(path, columns, types, NUMBERS, "ratio divides numbers")
            yield from _order(path, rule.min, rule.max)
        case ReferenceRule():
            yield from _reference(path, rule)
        case DistributionRule() if rule.against != "previous" and not rule.against.endswith(".json"):
            message = f'"{rule.against}" is not a profile'
            yield Finding((*path, "against"), "unknown-format", message, "write previous, or a profile.json")


def _reference(path: Path, rule: ReferenceRule) -> Iterator[Finding]:
    if rule.file_columns and len(rule.file_columns) != len(rule.columns):
        message = f"{len(rule.columns)} columns are compared with {len(rule.file_columns)} of the file"
        yield Finding((*path, "file_columns"), "count-mismatch", message, "name one for each column")
    if not rule.file.endswith((".csv", ".parquet")):
        message = f'"{rule.file}" is neither csv nor parquet'
        yield Finding((*path, "file"), "unknown-format", message, "convert it, and name it .csv or .parquet")


def _comparable(path: Path, rule: CompareRule, types: Mapping[str, Type]) -> Iterator[Finding]:
    if rule.left in types and rule.right in types and KINDS[types[rule.left]] != KINDS[types[rule.right]]:
        message = (
            f'column "{rule.left}" holds {KINDS[types[rule.left]]}, column "{rule.right}" {KINDS[types[rule.right]]}'
        )
        yield Finding(path, "type-mismatch", message, "compare columns of one kind")


def _ends(path: Path, name: str, low: float | str | None, high: float | str | None, kind: Type) -> Iterator[Finding]:
    given = [(field, end) for field, end in (("min", low), ("max", high)) if end is not None]
    if given and kind not in ORDERED:
        yield _misfit((*path, given[0][0]), name, kind, "a range needs numbers, dates or times")
        return
    wrong = [(field, end) for field, end in given if limit(end, kind) is None]
    for field, end in wrong:
        message = f"{_shown(end)} is not of type {kind}"
        yield Finding((*path, field), "type-mismatch", message, f'column "{name}" needs {EXAMPLES[kind]}')
    if len(given) == 2 and not wrong:
        yield from _order(path, limit(given[0][1], kind), limit(given[1][1], kind))


def _order(path: Path, low: object, high: object) -> Iterator[Finding]:
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        yield Finding((*path, "min"), "empty-range", f"min {written(low)} is above max {written(high)}", "swap them")


def _values(path: Path, given: Iterable[Scalar], name: str, kind: Type) -> Iterator[Finding]:
    for position, value in enumerate(given):
        if value is not None:
            yield from _value((*path, position), value, name, kind)


def _value(path: Path, given: Scalar, name: str, kind: Type) -> Iterator[Finding]:
    if typed(given, kind) is None:
        message = f"{_shown(given)} is not of type {kind}"
        yield Finding(path, "type-mismatch", message, f'column "{name}" needs {EXAMPLES[kind]}')


def _must_be(
    path: Path, names: Iterable[str], types: Mapping[str, Type], fitting: frozenset[str], what: str
) -> Iterator[Finding]:
    for name in _known(names, types):
        if types[name] not in fitting:
            yield _misfit(path, name, types[name], what)


def _misfit(path: Path, name: str, kind: Type, what: str) -> Finding:
    return Finding(path, "type-mismatch", f'{what}, column "{name}" is {kind}', "leave it out, or change the type")


def _shown(given: Scalar) -> str:
    return written(given) if isinstance(given, float) else json.dumps(given, ensure_ascii=False)


def _known(names: Iterable[str], types: Mapping[str, Type]) -> Iterator[str]:
    # Names that are not declared are complained about elsewhere.
    return (name for name in names if name in types)
