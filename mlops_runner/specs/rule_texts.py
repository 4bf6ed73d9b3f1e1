"""What the rules of the documents say, read from their source: so that the reference never lags behind the code."""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module

_MAKERS = {"complaint": 0, "Finding": 1}  # where the code, the message and the hint begin among the arguments


@dataclass(frozen=True, slots=True)
class RuleText:
    """What one rule refuses: its sentence, and the code, message and hint of one complaint."""

    sentence: str
    code: str
    message: str
    hint: str


def rule_texts(modules: Iterable[str]) -> list[RuleText]:
    """Return what these modules complain about, in the order of their source."""
    found = [text for name in modules for text in _module_rules(name)]
    return list(dict.fromkeys(found))


def _module_rules(name: str) -> Iterator[RuleText]:
    module = import_module(name)
    advice = {rule.__name__ for rule in getattr(module, "ADVICE", ())}
    tree = ast.parse(inspect.getsource(module))
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        sentence = (ast.get_docstring(function) or function.name.strip("_").replace("_", " ")).split("\n")[0]
        if "_" not in sentence.split(" ")[0]:
            sentence = f"{sentence[0].upper()}{sentence[1:]}"
        sentence = f"{'Warning: ' if function.name in advice else ''}{sentence.rstrip('.')}."
        for call, arguments in _complaints_made(function):
            texts = [_text(_value(argument, function, call.lineno)) for argument in arguments]
            yield RuleText(sentence, *(texts + [""] * 3)[:3])


def _complaints_made(function: ast.FunctionDef) -> list[tuple[ast.Call, list[ast.expr]]]:
    """Return the calls in a function that make a complaint with a code written out, and their arguments from it on."""
    found = [
        (node, node.args[_MAKERS[node.func.id] :])
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MAKERS
    ]
    written = [(call, arguments) for call, arguments in found if isinstance(arguments[0], ast.Constant)]
    return sorted(written, key=lambda made: made[0].lineno)


def _value(node: ast.expr, function: ast.FunctionDef, line: int) -> ast.expr:
    """Return what a local variable was last set to above a line; of any other expression, itself."""
    if not isinstance(node, ast.Name):
        return node
    above = [
        found
        for found in ast.walk(function)
        if isinstance(found, ast.Assign) and found.lineno < line and ast.unparse(found.targets[0]) == node.id
    ]
    return max(above, key=lambda found: found.lineno).value if above else node


def _text(node: ast.expr) -> str:
    """Read a text from source, with … for what is only known when it runs."""
    match node:
        case ast.Constant(value=str(text)):
            return re.sub(r"\{\w+\}", "…", text)
        case ast.JoinedStr(values=parts):
            return re.sub("…+", "…", "".join(_text(part) for part in parts))
        case _:
            return "…"
