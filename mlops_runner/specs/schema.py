"""The kinds of document, their JSON Schemas (for editors and for people without Python) and a check against those."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from mlops_runner.errors import Diagnostic, Place, UsageFailure
from mlops_runner.specs.base import Spec
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.locations import Document

KINDS: Mapping[str, tuple[str, str]] = {
    "Pipeline": ("mlops_runner.specs.pipeline", "Pipeline"),
    "Data": ("mlops_runner.specs.data", "Data"),
    "Training": ("mlops_runner.specs.training", "Training"),
    "Evaluation": ("mlops_runner.specs.evaluation", "Evaluation"),
    "Rollout": ("mlops_runner.specs.rollout", "Rollout"),
    "Monitoring": ("mlops_runner.specs.monitoring", "Monitoring"),
    "Environment": ("mlops_runner.specs.environment", "Environment"),
    "Model": ("mlops_runner.specs.model", "Model"),
}


def model_of(kind: str) -> type[Spec]:
    """Return the model of a kind, importing only its module. Raises UsageFailure for an unknown kind."""
    if kind not in KINDS:
        hint = nearest(kind, KINDS) or f"one of: {', '.join(KINDS)}"
        raise UsageFailure(Diagnostic("unknown-kind", f'there is no kind "{kind}"', hint=hint))
    module, name = KINDS[kind]
    found: type[Spec] = getattr(import_module(module), name)
    return found


def example(kind: str) -> str:
    """Return the text of the example document of a kind. Raises UsageFailure for an unknown kind."""
    model_of(kind)
    return _text("examples", f"{kind.lower()}.yaml")


def json_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a kind. Raises UsageFailure for an unknown kind."""
    schema: dict[str, Any] = json.loads(schema_text(kind))
    return schema


def schema_text(kind: str) -> str:
    """Return the schema as it is written to a file. It was generated from the model, which takes a good deal longer."""
    model_of(kind)
    return _text("schemas", f"{kind.lower()}.json")


def _text(folder: str, name: str) -> str:
    return (files("mlops_runner.specs") / folder / name).read_text("utf-8")


def export(folder: Path) -> list[Path]:
    """Write the schema of every kind to `<folder>/<kind>.json` and return the paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in KINDS:
        path = folder / f"{kind.lower()}.json"
        path.write_text(schema_text(kind), encoding="utf-8")
        written.append(path)
    return written


def check(document: Document, kind: str) -> list[Diagnostic]:
    """Validate a parsed document against the schema of a kind: what an editor would underline, in file order.

    Rules between fields are not in a schema; validating with the model finds those too.
    """
    errors = _validator(kind).iter_errors(document.value)
    leaves = (leaf for error in errors for leaf in _leaves(error))
    found = {diagnostic for leaf in leaves for diagnostic in _diagnostics(leaf, document)}
    return sorted(found, key=lambda d: (d.place or Place(document.file), d.message))


@lru_cache
def _validator(kind: str) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    def is_array(_: Any, value: Any) -> bool:
        return isinstance(value, list | tuple)

    checker = Draft202012Validator.TYPE_CHECKER.redefine("array", is_array)
    validator: Any = extend  # its stub lacks a signature
    return validator(Draft202012Validator, type_checker=checker)(json_schema(kind))


def _leaves(error: Any) -> Iterator[Any]:
    """Follow a union into the branch that was meant: the one whose constants fit, else the one that fits deepest."""
    if error.validator not in {"oneOf", "anyOf"} or not error.context:
        yield error
        return
    branches: dict[int, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    entered = [found for found in branches.values() if not any(_is_refusal(inner, error) for inner in found)]
    if not entered:
        yield error
        return
    for inner in entered[0]:
        yield from _leaves(inner)


def _is_refusal(inner: Any, union: Any) -> bool:
    """A branch refuses a value as a whole: by its type, or by the constant of the key that tells branches apart."""
    depth = len(inner.absolute_path) - len(union.absolute_path)
    return (depth == 0 and inner.validator in {"type", "const", "enum"}) or (depth == 1 and inner.validator == "const")


def _diagnostics(error: Any, document: Document) -> Iterator[Diagnostic]:
    path = tuple(error.absolute_path)
    dotted = ".".join(str(part) for part in path) or "the document"
    match error.validator:
        case "additionalProperties" if isinstance(error.instance, dict):
            known = error.schema.get("properties", {})
            for unknown in (key for key in error.instance if key not in known):
                at = (*path, unknown)
                hint = nearest(unknown, known) or f"known keys: {', '.join(sorted(known))}"
                message = f'key "{".".join(str(part) for part in at)}" is not known'
                yield Diagnostic("unknown-key", message, document.place(at, key=True), hint)
        case "required":  # one error for each key; only its message says which
            missing = next(key for key in error.validator_value if error.message.startswith(repr(key)))
            place = document.place(path, key=True)
            yield Diagnostic("missing-key", f'{dotted} needs the key "{missing}"', place, f"add {missing}: …")
        case _:
            yield Diagnostic("schema-mismatch", f"{dotted} {_sentence(error)}", document.place(path))


def _sentence(error: Any) -> str:
    match error.validator:
        case "enum" | "const":
            allowed = error.validator_value if error.validator == "enum" else [error.validator_value]
            return f"must be one of {', '.join(map(str, allowed))}"
        case "type":
            return f"must be of type {error.validator_value}"
        case "oneOf" | "anyOf":
            return "fits none of the forms that are allowed here"
        case "pattern":
            return f"does not have the form {error.validator_value}"
        case _:
            return str(error.message)
