"""Broken variants of the example documents: a replacement in the text, with « where the complaint should point."""

from dataclasses import dataclass

from pydantic import ValidationError

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.complaints import complaints
from mlops_runner.specs.locations import load_yaml
from mlops_runner.specs.schema import example, model_of

MARK = "«"


@dataclass(frozen=True)
class Broken:
    text: str
    line: int | None
    column: int | None


def broken(kind, *replacements):
    """Apply (old, new) pairs to the example of a kind; « in a new text marks line and column, and is removed."""
    text = example(kind)
    for old, new in replacements:
        assert old in text, f"the example of {kind} has no {old!r}"
        text = text.replace(old, new, 1)
    return marked(text)


def marked(text):
    if MARK not in text:
        return Broken(text, None, None)
    before = text[: text.index(MARK)]
    return Broken(text.replace(MARK, ""), before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def diagnose(kind, text) -> list[Diagnostic]:
    """Return what the model of a kind complains about."""
    model = model_of(kind)
    document = load_yaml(text.encode(), f"{kind.lower()}.yaml")
    try:
        model.model_validate(document.value)
    except ValidationError as error:
        return complaints(error, document, model)
    return []


def only(kind, *replacements) -> tuple[Diagnostic, Broken]:
    """Return the single complaint about a broken example."""
    variant = broken(kind, *replacements)
    found = diagnose(kind, variant.text)
    assert len(found) == 1, [str(d) for d in found]
    return found[0], variant


def parse(kind, *replacements):
    """Return the spec of an example after replacements that leave it valid."""
    return model_of(kind).model_validate(load_yaml(broken(kind, *replacements).text.encode(), kind).value)


def assert_points(found: Diagnostic, variant: Broken):
    assert (found.place.line, found.place.column) == (variant.line, variant.column), str(found)
