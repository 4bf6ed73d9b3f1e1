"""Turn what pydantic found into diagnostics: the place in the YAML, one sentence, and a hint."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from pydantic import BaseModel, ValidationError

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.base import Secret
from mlops_runner.specs.locations import Document
from mlops_runner.specs.nearest import nearest
from mlops_runner.specs.shapes import Location, Shape, Trace, known_keys, trace

__all__ = ["complaints", "nearest"]

WORDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "null",
    "int_from_float": "a whole number",
    "finite_number": "a finite number",
}

RANGES = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}

LENGTHS = {
    "too_short": ("at least", "min_length", "entry", "entries"),
    "too_long": ("at most", "max_length", "entry", "entries"),
    "string_too_short": ("at least", "min_length", "character", "characters"),
    "string_too_long": ("at most", "max_length", "character", "characters"),
}


def complaints(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Diagnostic]:
    """Translate a failed validation of `document` against `model`: one diagnostic for each thing to mend.

    pydantic reports every branch of a union that no key decides; here they become one.
    """
    details = [detail for detail in error.errors(include_url=False) if not _is_aftermath(detail)]
    found = [_Error(detail, trace(model, detail["loc"]), document) for detail in details]
    return [d for _, group in groupby(found, key=_Error.union_location) for d in _of_group(list(group), model)]


def _is_aftermath(detail: Any) -> bool:
    """A list is called too short when entries of it were refused; those are reported already."""
    return bool(detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"])


class _Error:
    """One error of pydantic, and where its location leads in the model and in the document."""

    def __init__(self, detail: Any, traced: Trace, document: Document) -> None:
        self.kind: str = detail["type"]
        self.message: str = detail["msg"]
        self.input: Any = detail["input"]
        self.location: Location = detail["loc"]
        self.context: dict[str, Any] = detail.get("ctx", {})
        self.traced = traced
        self.document = document
        self.dotted = ".".join(str(part) for part in traced.path) or "the document"

    def union_location(self) -> tuple[Location, int]:
        """Return what errors of the branches of one open union share; of any other error, something of its own."""
        if self.traced.union is None:
            return self.location, id(self)
        return self.location[: self.traced.union], 0

    def says(self, code: str, message: str, hint: str | None, path: Location | None = None) -> Diagnostic:
        """Build a diagnostic at the value this error is about, or at the value of another path."""
        at = self.traced.path if path is None else path
        return Diagnostic(code, message, self.document.place(at, key=self.traced.on_key), hint)


def _of_group(errors: list[_Error], model: type[BaseModel]) -> list[Diagnostic]:
    """Report the one branch of an open union that was meant: the first whose value has the right type."""
    first = errors[0]
    if first.traced.union is None or first.traced.union_shape is None:
        return [_diagnostic(first, model)]
    branch_at = first.traced.union
    meant = next((e for e in errors if len(e.location) > branch_at + 1 or not _is_about_type(e)), None)
    if meant is not None:
        label = meant.location[branch_at]
        return [_diagnostic(e, model) for e in errors if e.location[branch_at] == label]
    return [_no_branch(errors, first.traced.union_shape)]


def _is_about_type(error: _Error) -> bool:
    return (error.kind in WORDS and error.kind != "finite_number") or error.kind == "literal_error"


def _no_branch(errors: Sequence[_Error], union: Shape) -> Diagnostic:
    """No branch of a union takes a value of this type: say all that would do."""
    choices = [str(choice) for branch in union.branches for choice in branch.choices]
    words = [WORDS[error.kind] for error in errors if error.kind in WORDS]
    options = list(dict.fromkeys([*words, *(f'"{choice}"' for choice in choices)]))
    first = errors[0]
    hint = nearest(first.input, choices) if isinstance(first.input, str) else None
    return first.says("wrong-type", f"{first.dotted} must be {_either(options)}, not {_describe(first.input)}", hint)


def _either(options: Sequence[str]) -> str:
    return f"{', '.join(options[:-1])} or {options[-1]}" if len(options) > 1 else options[0]


def _diagnostic(error: _Error, model: type[BaseModel]) -> Diagnostic:
    kind = error.kind
    if kind == "extra_forbidden":
        return _unknown_key(error, model)
    if kind == "missing":
        return _missing_key(error)
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        return _choice(error)
    if kind == "union_tag_not_found":
        return _no_tag(error)
    if kind in WORDS:
        return _wrong_type(error)
    if kind in RANGES or kind in LENGTHS:
        return _out_of_range(error)
    return _other(error)


def _unknown_key(error: _Error, model: type[BaseModel]) -> Diagnostic:
    key, place = str(error.location[-1]), error.document.place(error.traced.path, key=True)
    known = sorted(known_keys(trace(model, error.location[:-1]).shape))
    hint = nearest(key, known) or (f"known keys: {', '.join(known)}" if known else "remove it")
    owners = [tag for tag, sibling in error.traced.siblings if key in known_keys(sibling)]
    if owners and error.traced.path[-1] == key:
        message = f'key "{error.dotted}" belongs to {_either(owners)} only'
        return Diagnostic("misplaced-key", message, place, f"known keys here: {', '.join(known)}")
    return Diagnostic("unknown-key", f'key "{error.dotted}" is not known', place, hint)


def _missing_key(error: _Error) -> Diagnostic:
    missing, owner = str(error.location[-1]), error.traced.path[:-1]
    shape = error.traced.shape
    examples = [str(choice) for choice in shape.choices[:1]] if shape else []
    name = ".".join(str(part) for part in owner) or "the document"
    if isinstance(error.location[-1], int):  # a list of fixed length
        message = f"{name} has no entry {error.location[-1] + 1}"
        return error.says("out-of-range", message, "give all of them", owner)
    return Diagnostic(
        "missing-key",
        f'{name} needs the key "{missing}"',
        error.document.place(owner, key=True),
        f"add {missing}: {examples[0] if examples else '…'}",
    )


def _choice(error: _Error) -> Diagnostic:
    path, dotted, given = error.traced.path, error.dotted, error.input
    expected = error.context.get("expected", "")
    if error.kind == "union_tag_invalid":
        key = str(error.context["discriminator"]).strip("'")
        path, dotted = (*path, key), f"{error.dotted}.{key}"
        given, expected = error.input.get(key, ""), error.context["expected_tags"]
    choices = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",") if word.strip()]
    known = ", ".join(choices)
    if not isinstance(given, str):
        return error.says(
            "invalid-choice", f"{dotted} must be one of {known}, not {_describe(given)}", f"one of: {known}", path
        )
    hint = nearest(given, choices) or (f"write {known}" if len(choices) == 1 else f"one of: {known}")
    if len(choices) == 1:
        return error.says("invalid-choice", f'{dotted} must be {known}, not "{given}"', hint, path)
    return error.says("invalid-choice", f'{dotted}: "{given}" is not one of {known}', hint, path)


def _no_tag(error: _Error) -> Diagnostic:
    """No key says which member of a union is meant: it is missing, mistyped, or this is no mapping at all."""
    if not isinstance(error.input, dict):
        return error.says("wrong-type", f"{error.dotted} must be a mapping, not {_describe(error.input)}", None)
    tags = sorted(error.traced.shape.core().tagged()) if error.traced.shape else []
    written = str(error.context.get("discriminator", "")).strip("'")
    keys = [written] if written.isidentifier() else tags
    for given in error.input:
        if hint := nearest(str(given), keys):
            path = (*error.traced.path, given)
            place = error.document.place(path, key=True)
            return Diagnostic("unknown-key", f'key "{error.dotted}.{given}" is not known', place, hint)
    place = error.document.place(error.traced.path, key=True)
    if len(keys) == 1:
        message, hint = f'{error.dotted} needs the key "{keys[0]}"', f"{keys[0]} is one of: {', '.join(tags)}"
        return Diagnostic("missing-key", message, place, hint)
    return Diagnostic(
        "missing-key", f"{error.dotted} needs one of the keys {', '.join(keys)}", place, f"add {keys[0]}: …"
    )


def _wrong_type(error: _Error) -> Diagnostic:
    given, shape = error.input, error.traced.shape
    if shape and shape.core().model is Secret:  # whatever stands here may be the secret itself: never repeat it
        message = f"{error.dotted} must name a secret: {{secret: NAME}}"
        return error.says("plain-secret", message, "put the value into the environment variable NAME")
    hint = None
    if error.kind == "string_type" and isinstance(given, bool | int | float):
        hint = f'quote it: "{_source(error)}"'
    elif error.kind in {"int_type", "float_type"} and isinstance(given, str) and _is_number(given):
        hint = "remove the quotes"
    elif error.kind in {"tuple_type", "list_type"} and isinstance(given, str | bool | int | float):
        hint = f"write it as a list: [{_source(error)}]"
    elif given is None:
        hint = "give a value, or remove the key"
    return error.says("wrong-type", f"{error.dotted} must be {WORDS[error.kind]}, not {_describe(given)}", hint)


def _source(error: _Error) -> str:
    """Return the value as it is written in the file."""
    mark = error.document.marks.get(error.traced.path)
    return error.document.text[mark.start : mark.end] if mark else str(error.input)


def _out_of_range(error: _Error) -> Diagnostic:
    if error.kind in RANGES:
        key, words = RANGES[error.kind]
        limit = error.context[key]
        message = f"{error.dotted} must be {words} {_number(limit)}, not {_number(error.input)}"
        return error.says("out-of-range", message, None)
    words, key, one, many = LENGTHS[error.kind]
    limit = error.context[key]
    actual = error.context.get("actual_length", len(error.input))
    message = f"{error.dotted} must have {words} {limit} {one if limit == 1 else many}, not {actual}"
    return error.says("out-of-range", message, None)


def _number(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def _other(error: _Error) -> Diagnostic:
    hint = error.context.get("hint") or None
    if "-" in error.kind:
        return error.says(error.kind, error.message, hint)
    if error.kind == "string_pattern_mismatch":
        message = f"{error.dotted} does not have the form {error.context['pattern']}"
        return error.says("invalid-value", message, _example(error.traced.shape))
    message = error.message.removeprefix("Value error, ")
    return error.says("invalid-value", f"{error.dotted}: {message[0].lower()}{message[1:]}", hint)


def _example(shape: Shape | None) -> str | None:
    found = [e for extra in (shape.metadata if shape else ()) for e in getattr(extra, "examples", None) or ()]
    return f"for example: {found[0]}" if found else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _describe(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f'the text "{value[:40]}{"…" if len(value) > 40 else ""}"'
        case tuple() | list():
            return "a list"
        case _:
            return "a mapping"
