"""Do the columns that a source has match the columns that the spec declares?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data import Column, Data


class Declared(Protocol):
    """What says which columns there should be: a Data document, or a part of one."""

    @property
    def columns(self) -> Mapping[str, Column]:
        """The columns by name."""
        ...

    @property
    def undeclared(self) -> str:
        """Whether others are an `error`."""
        ...


# Finding a near name compares with every other name; a table that matches nothing must still fail quickly.
MOST_SHOWN = 20
ABSENT = "add it where the data is written, or take it out of columns"


def unusable_names(spec: Data) -> list[Diagnostic]:
    """Complain about declared names that every reader of the table would take for a pattern over several columns."""
    patterns = [name for name in spec.columns if name == "*" or (name.startswith("^") and name.endswith("$"))]
    hint = "rename it where the data is written"
    return [Diagnostic("unusable-name", f'column "{name}": the name is a pattern', hint=hint) for name in patterns]


def compare_columns(found: Sequence[str], spec: Declared, origin: str) -> list[Diagnostic]:
    """Complain about doubled, missing and undeclared columns, each with the nearest name as a hint."""
    declared, present = spec.columns, frozenset(found)
    missing = [name for name in declared if name not in present]
    additional = [] if spec.undeclared == "ignore" else [name for name in dict.fromkeys(found) if name not in declared]
    doubled = [name for name, count in Counter(found).items() if count > 1]
    strangers = [name for name in dict.fromkeys(found) if name not in declared]
    return [
        *(
            _complaint(
                "duplicate-column", origin, name, "appears more than once", "rename it where the data is written"
            )
            for name in doubled[:MOST_SHOWN]
        ),
        *(
            _complaint("missing-column", origin, name, "is declared but not there", nearest(name, strangers) or ABSENT)
            for name in missing[:MOST_SHOWN]
        ),
        *(
            _complaint("undeclared-column", origin, name, "is not declared", _advice(name, missing))
            for name in additional[:MOST_SHOWN]
        ),
        *_remainder(origin, "missing-column", "declared columns are not there", missing),
        *_remainder(origin, "undeclared-column", "columns are not declared", additional),
        *_remainder(origin, "duplicate-column", "columns appear more than once", doubled),
    ]


def _advice(name: str, missing: Sequence[str]) -> str:
    return nearest(name, missing) or "declare it under columns, or set undeclared: ignore"


def _complaint(code: str, origin: str, name: str, what: str, hint: str | None) -> Diagnostic:
    return Diagnostic(code, f'{origin}: column "{name}" {what}', hint=hint)


def _remainder(origin: str, code: str, what: str, names: Sequence[str]) -> list[Diagnostic]:
    hidden = len(names) - MOST_SHOWN
    return [Diagnostic(code, f"{origin}: {hidden} more {what}")] if hidden > 0 else []
