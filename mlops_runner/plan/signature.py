"""What functions of the project take, read from their source, and whether a step calls one so. Nothing is imported."""

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_runner.errors import Diagnostic
from mlops_runner.plan.source import Function
from mlops_runner.plan.steps import Step
from mlops_runner.plan.values import PARAMS
from mlops_runner.specs.nearest import nearest

MOST_SHOWN = 60
GIVEN = ("inputs", "outputs", "params")


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a function. where: `file:line: name()`; wanted: annotations, of those that have one."""

    where: str
    by_position: Mapping[str, bool]
    by_name: Mapping[str, bool]  # name → whether it must be given
    others: bool
    wanted: Mapping[str, ast.expr]


def signature_of(callable_path: str, file: str, function: Function) -> Signature:
    """Return what a function takes; `file` is named in complaints."""
    found = function.arguments
    plain = [*found.posonlyargs, *found.args]
    defaults = [*[None] * (len(plain) - len(found.defaults)), *found.defaults, *found.kw_defaults]
    parameters = list(zip([*plain, *found.kwonlyargs], defaults, strict=True))
    needs = {parameter.arg: default is None for parameter, default in parameters}
    positional = {parameter.arg for parameter in found.posonlyargs}
    return Signature(
        f"{file}:{function.line}: {callable_path.partition(':')[2]}()",
        {name: must for name, must in needs.items() if name in positional},
        {name: must for name, must in needs.items() if name not in positional},
        found.kwarg is not None,
        {p.arg: _with_default(p.annotation, default) for p, default in parameters if p.annotation is not None},
    )


def _with_default(annotation: ast.expr, default: ast.expr | None) -> ast.expr:
    """Return what a parameter takes: where its default is None, also None."""
    if isinstance(default, ast.Constant) and default.value is None and not fits(annotation, None):
        return ast.BinOp(annotation, ast.BitOr(), default)
    return annotation


def misfits(step: Step, signature: Signature) -> Iterator[Diagnostic]:
    """Yield what is wrong with the call of a function by a step: names that it does not take or lacks, and values."""
    given = {name: f"{where}.{name}" for where in GIVEN for name in step.config.get(where, {})}
    given |= {item.name.removeprefix(PARAMS): item.name for item in step.values}
    yield from _positional(step, signature, given)
    yield from _named(step, signature, given)
    for name, value in step.config.get("params", {}).items():
        if name in signature.wanted and not fits(signature.wanted[name], value):
            wanted = ast.unparse(signature.wanted[name])
            message = f"{signature.where} takes {name}: {wanted}, not {_shown(value)}"
            yield Diagnostic(
                "wrong-type", message, step.place(f"params.{name}"), "correct the value, or the annotation"
            )


def _positional(step: Step, signature: Signature, given: Mapping[str, str]) -> Iterator[Diagnostic]:
    for name, must in signature.by_position.items():
        if must or name in given:
            message = f'{signature.where} takes "{name}" by position only'
            place = step.place(given.get(name, "callable"))
            yield Diagnostic(
                "positional-argument", message, place, "steps call by name: remove the / from its parameters"
            )


def _named(step: Step, signature: Signature, given: Mapping[str, str]) -> Iterator[Diagnostic]:
    known = signature.by_name.keys() | signature.by_position.keys()
    unknown = [name for name in given if name not in known and not signature.others]
    free = [name for name in signature.by_name if name not in given]
    hints = {name: nearest(name, free) or _takes(signature) for name in unknown}
    for name, hint in hints.items():
        message = f'{signature.where} has no parameter "{name}"'
        yield Diagnostic("unknown-argument", message, step.place(given[name]), hint)
    for name in free:
        if signature.by_name[name] and not any(f'"{name}"' in hint for hint in hints.values()):
            message, hint = f'{signature.where} needs "{name}"', "give it under inputs, outputs or params"
            yield Diagnostic("missing-argument", message, step.place("callable"), hint)


def _takes(signature: Signature) -> str:
    return f"it takes: {', '.join(signature.by_name) or 'nothing'}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def fits(wanted: ast.expr, value: Any) -> bool:
    """Say whether a value is what a plain annotation asks for; one that is not plain takes every value."""
    match wanted:
        case ast.Constant(value=None):
            return value is None
        case ast.Name(id=name) if name in _PLAIN:
            return _is(name, value)
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return isinstance(value, list) and all(fits(inner, one) for one in value)
        case ast.Subscript(value=ast.Name(id="dict")):
            return isinstance(value, dict)
        case ast.Subscript(value=ast.Name(id="Optional") | ast.Attribute(attr="Optional"), slice=inner):
            return value is None or fits(inner, value)
        case ast.Subscript(value=ast.Name(id="Literal") | ast.Attribute(attr="Literal"), slice=inner):
            return _is_one_of(inner.elts if isinstance(inner, ast.Tuple) else [inner], value)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return fits(left, value) or fits(right, value)
    return True


def _is(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return name == "bool"
    return isinstance(value, _PLAIN[name])


def _is_one_of(choices: list[ast.expr], value: Any) -> bool:
    plain = [choice.value for choice in choices if isinstance(choice, ast.Constant)]
    return len(plain) < len(choices) or any(type(one) is type(value) and one == value for one in plain)


_PLAIN: Mapping[str, type | tuple[type, ...]] = {
    "bool": bool, "int": int, "float": (int, float), "str": str, "list": list, "dict": dict,
}  # fmt: skip
