"""Rules between the fields of a document: what one breaks is a Finding, and all findings are reported at once.

A rule is a generator whose docstring states what must hold; the reference prints that sentence.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.base import Part, complaint
from mlops_runner.specs.locations import Document, Path

P = TypeVar("P", bound=Part)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: the path of the field to mend (relative to the part), a code, a sentence, a hint."""

    path: Path
    code: str
    message: str
    hint: str


Rule: TypeAlias = Callable[[Any], Iterable[Finding]]


def hold(part: P, rules: Iterable[Rule]) -> P:
    """Return the part when every rule holds. Raises pydantic's ValidationError with one error per finding."""
    found = [
        InitErrorDetails(
            type=complaint(finding.code, "{sentence}", finding.hint, sentence=finding.message),
            loc=finding.path,
            input=None,
        )
        for rule in rules
        for finding in rule(part)
    ]
    if found:
        raise ValidationError.from_exception_data(type(part).__name__, found)
    return part


def warnings(found: Iterable[Finding], document: Document | None = None) -> list[Diagnostic]:
    """Return findings as warnings, with their places when the document is given."""
    return [
        Diagnostic(f.code, f.message, document.place(f.path) if document else None, f.hint, "warning") for f in found
    ]


def repeated(names: Iterable[str]) -> list[tuple[int, str, int]]:
    """Return (position, name, position of its first use) for every name that was used before."""
    first: dict[str, int] = {}
    found = []
    for position, name in enumerate(names):
        if name in first:
            found.append((position, name, first[name]))
        first.setdefault(name, position)
    return found


def written(part: Part, *fields: str) -> str:
    """Return the first of the fields that the document gives, so that a complaint points at something written."""
    return next((name for name in fields if name in part.model_fields_set), fields[0])
