"""One text for one meaning: a Python syntax tree as text that is the same under every Python version.

`ast.dump` and `ast.unparse` change with the interpreter, so the nodes are written out here, by `ast_fields`.
Any change of the text is a change of the `a1:` digests: it means a new prefix.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mlops_runner.plan.ast_fields import BLOCKS, FIELDS, OPTIONAL, SKIPPED


class UnknownSyntaxError(Exception):
    """The tree holds a node, a field or a constant that is not in the table."""


def canonical_text(tree: ast.Module, *, docstrings: bool = False) -> str:
    """Write a tree as text, with the strings that stand alone as statements only if `docstrings`.

    Raises UnknownSyntaxError.
    """
    written: list[str] = []
    waiting: list[Any] = [tree]
    # A stack of our own: with recursion the text of deep code would depend on how deep the caller already is.
    while waiting:
        item = waiting.pop()
        if type(item) is str:
            written.append(item)
            continue
        opening, fields, optional = _shape(type(item))
        written.append(opening)
        parts = list(_parts(item, fields, optional, docstrings))
        waiting.append(")")
        waiting.extend(reversed(parts))
    return "".join(written)


def _parts(node: Any, fields: tuple[str, ...], optional: tuple[str, ...], docstrings: bool) -> Iterator[Any]:
    for name in fields:
        value = getattr(node, name)
        if type(value) is list:
            if name in BLOCKS and not docstrings:
                value = _without_strings(value, filled=name == "body" and type(node) is not ast.Module)
            elif type(node) in _TEMPLATES:
                value = _joined(value)
            yield "["
            yield from (item if isinstance(item, ast.AST) else _atom(item) for item in value)
            yield "]"
        elif isinstance(value, ast.AST):
            # `{x:}` has an empty format under some versions and none under others; both mean the same.
            yield "N" if name == "format_spec" and not _joined(getattr(value, "values", [value])) else value
        else:
            yield _atom(value)
    for name in optional:
        if value := getattr(node, name):
            yield f"{name}="
            yield from value if isinstance(value, list) else [value]


def _without_strings(body: list[ast.stmt], *, filled: bool) -> list[ast.stmt]:
    left = [statement for statement in body if not _is_string(statement)]
    # A function that held only its docstring is the same function with `pass`.
    return left or ([ast.Pass()] if filled else left)


def _is_string(statement: ast.stmt) -> bool:
    return type(statement) is ast.Expr and type(statement.value) is ast.Constant and type(statement.value.value) is str


def _joined(values: Iterable[Any]) -> list[Any]:
    """Merge the neighbouring texts of an f-string; Python versions cut them at different places."""
    merged: list[Any] = []
    for value in values:
        if type(value) is ast.JoinedStr:
            merged.extend(_joined(value.values))
        elif type(value) is not ast.Constant:
            merged.append(value)
        elif merged and type(merged[-1]) is ast.Constant:
            merged[-1] = ast.Constant(str(merged[-1].value) + str(value.value))
        elif value.value:
            merged.append(value)
    return merged


def _shape(kind: type) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    if shape := _SHAPES.get(kind):
        return shape
    name = kind.__name__
    fields = FIELDS.get(name)
    known = {*(fields or ()), *OPTIONAL, *SKIPPED}
    if fields is None or not known.issuperset(getattr(kind, "_fields", ())):
        raise UnknownSyntaxError(name)
    optional = tuple(field for field in OPTIONAL if field in kind._fields)  # type: ignore[attr-defined]
    return _SHAPES.setdefault(kind, (f"{name}(", fields, optional))


def _atom(value: object) -> str:
    write = _ATOMS.get(type(value))
    if write is None:
        raise UnknownSyntaxError(type(value).__name__)
    return write(value)


_SHAPES: dict[type, tuple[str, tuple[str, ...], tuple[str, ...]]] = {}

_TEMPLATES = frozenset(getattr(ast, name) for name in ("JoinedStr", "TemplateStr") if hasattr(ast, name))

# Each form is self-delimiting. Decimal text is avoided: repr of long integers is limited, of floats it is rounded.
_ATOMS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "N",
    bool: lambda value: "T" if value else "F",
    type(...): lambda _: "E",
    int: lambda value: f"i{value:x},",
    float: lambda value: f"f{value.hex()},",
    complex: lambda value: f"c{value.imag.hex()},",
    str: lambda value: f"s{len(value)}:{value}",
    bytes: lambda value: f"b{value.hex()},",
}
