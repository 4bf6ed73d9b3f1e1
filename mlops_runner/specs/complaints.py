"""Turn what pydantic found into diagnostics: the place in the YAML, one sentence, and a hint."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.locations import Document, Path

WORDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "null",
    "int_from_float": "a whole number",
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return `did you mean "…"?` for the closest known word, or None when nothing is close."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else None


def complaints(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Diagnostic]:
    """Translate every error of a failed validation of `document` against `model`."""
    return [_complaint(detail, document, model) for detail in error.errors(include_url=False)]


def _complaint(detail: Any, document: Document, model: type[BaseModel]) -> Diagnostic:
    written = _written_path(detail["loc"], document.value)
    kind, context = detail["type"], detail.get("ctx", {})
    name = str(written[-1]) if written else document.file
    dotted = ".".join(str(part) for part in written) or "the document"
    match kind:
        case "extra_forbidden":
            known = sorted(_fields_at(model, written[:-1]))
            hint = nearest(name, known) or (f"known keys: {', '.join(known)}" if known else "remove it")
            return Diagnostic("unknown-key", f'key "{dotted}" is not known', document.place(written, key=True), hint)
        case "missing":
            missing = str(detail["loc"][-1])
            owner = ".".join(str(part) for part in written if part != missing) or "the document"
            place = document.place(written[:-1] if written and written[-1] == missing else written, key=True)
            return Diagnostic("missing-key", f'{owner} needs the key "{missing}"', place, f"add {missing}: …")
        case "literal_error" | "enum":
            return _choice(str(detail["input"]), context.get("expected", ""), dotted, document, written)
        case "union_tag_invalid":
            return _choice(
                str(context.get("tag")), context.get("expected_tags", ""), dotted, document, _tag_path(context, written)
            )
        case "union_tag_not_found":
            tag = str(context.get("discriminator", "'kind'")).strip("'")
            return Diagnostic(
                "missing-key", f'{dotted} needs the key "{tag}"', document.place(written), f"add {tag}: …"
            )
        case _ if kind in WORDS:
            return _wrong_type(kind, detail["input"], dotted, document, written)
        case _:
            message = detail["msg"].removeprefix("Value error, ")
            code = kind if "-" in kind else "invalid-value"
            text = message if "-" in kind else f"{dotted}: {message[0].lower()}{message[1:]}"
            return Diagnostic(code, text, document.place(written), context.get("hint") or None)


def _choice(given: str, expected: str, dotted: str, document: Document, path: Path) -> Diagnostic:
    choices = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",") if word.strip()]
    hint = nearest(given, choices)
    known = ", ".join(choices)
    return Diagnostic(
        "invalid-choice", f'{dotted}: "{given}" is not one of {known}', document.place(path), hint or f"one of: {known}"
    )


def _tag_path(context: Any, written: Path) -> Path:
    return (*written, str(context.get("discriminator", "kind")).strip("'"))


def _wrong_type(kind: str, given: Any, dotted: str, document: Document, path: Path) -> Diagnostic:
    hint = f'quote it: "{given}"' if kind == "string_type" and isinstance(given, bool | int | float) else None
    if kind in {"int_type", "float_type"} and isinstance(given, str):
        hint = "remove the quotes" if _is_number(given) else None
    return Diagnostic(
        "wrong-type", f"{dotted} must be {WORDS[kind]}, not {_describe(given)}", document.place(path), hint
    )


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


def _written_path(location: tuple[int | str, ...], value: Any) -> Path:
    """Drop from a pydantic location what is not in the YAML: the tags of unions and names of functions."""
    return tuple(_walk(location, value))


def _walk(location: tuple[int | str, ...], value: Any) -> Iterator[int | str]:
    for position, part in enumerate(location):
        if isinstance(value, dict) and part in value:
            value = value[part]
            yield part
        elif isinstance(value, tuple | list) and isinstance(part, int) and part < len(value):
            value = value[part]
            yield part
        elif (
            position == len(location) - 1 and isinstance(value, dict) and isinstance(part, str) and part.isidentifier()
        ):
            yield part


def _fields_at(model: type[BaseModel], path: Path) -> set[str]:
    """Collect the field names that are known at a path, through optional, list, mapping and union types."""
    models: list[Any] = [model]
    for part in path:
        models = [found for candidate in models for found in _step(candidate, part)]
    return {name for found in models for owner in _models(found) for name in owner.model_fields}


def _step(annotation: Any, part: int | str) -> Iterator[Any]:
    for owner in _models(annotation):
        if isinstance(part, str) and part in owner.model_fields:
            yield owner.model_fields[part].annotation
    for inner in _containers(annotation):
        yield inner


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    if getattr(annotation, "__origin__", None) in {tuple, list, dict}:
        return
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)


def _containers(annotation: Any) -> Iterator[Any]:
    origin, arguments = getattr(annotation, "__origin__", None), getattr(annotation, "__args__", ())
    if origin in {tuple, list}:
        yield arguments[0]
    elif origin is dict or getattr(origin, "__name__", "") == "Mapping":
        yield arguments[1]
    else:
        for argument in arguments:
            yield from _containers(argument)
