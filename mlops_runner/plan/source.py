"""What one source file says, whatever its name: its digest, its imports, and what reading it cannot tell.

A file whose code may come from elsewhere at run time (exec, importlib, sys.path) counts byte by byte, and says so.
"""

import ast
import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from mlops_runner.digest import digest_text
from mlops_runner.plan.canonical_ast import UnknownSyntaxError, canonical_text

BUILT_IN = frozenset({"bool", "int", "float", "str", "list", "dict"})


@dataclass(frozen=True, slots=True)
class Import:
    """`import module` (no names), or `from module import names`, with as many leading dots as `level`."""

    line: int
    level: int
    module: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function as it is written: its line and its parameters."""

    line: int
    arguments: ast.arguments


@dataclass(frozen=True, slots=True)
class Source:
    """The reading of one file. `doubts` are (line, sentence) pairs: why its bytes count instead of its meaning.

    `functions` are those whose parameters are sure to be the written ones.
    """

    digest: str
    imports: tuple[Import, ...] = ()
    doubts: tuple[tuple[int, str], ...] = ()
    defines: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    readable: bool = True
    functions: Mapping[str, Function] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def read_source(data: bytes, *, docstrings: bool = False) -> Source:
    """Parse a file, once per content and process. What cannot be parsed counts byte by byte.

    docstrings: whether texts that stand alone count, as they do where values are shown.
    """
    try:
        tree = _parse(data)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        return Source(raw_digest(data), doubts=((line, f"cannot be parsed ({_reason(error)})"),), readable=False)
    except (RecursionError, MemoryError):
        return Source(raw_digest(data), doubts=((1, "is nested too deeply to be parsed"),), readable=False)
    return _read_tree(tree, data, docstrings=docstrings)


def raw_digest(data: bytes) -> str:
    """Digest the bytes of a file as code."""
    return digest_text("a1", f"raw:{hashlib.sha256(data).hexdigest()}")


def _parse(data: bytes) -> ast.Module:
    with warnings.catch_warnings():
        # Doubtful escapes are the project's business; as errors they would look like bad syntax.
        warnings.simplefilter("ignore")
        return ast.parse(data)


def _reason(error: Exception) -> str:
    return str(getattr(error, "msg", None) or error)


def _read_tree(tree: ast.Module, data: bytes, *, docstrings: bool) -> Source:
    nodes = list(ast.walk(tree)) if _may_surprise(data) else []
    doubts = sorted({doubt for node in nodes for doubt in _doubts(node)})
    # What reads docstrings at run time may depend on them.
    docstrings = docstrings or any(_mentions(node, "__doc__") or _mentions(node, "getdoc") for node in nodes)
    imports = tuple(sorted({*_imports(tree), *(found for node in nodes for found in _named_imports(node))}, key=_order))
    try:
        digest = raw_digest(data) if doubts else digest_text("a1", canonical_text(tree, docstrings=docstrings))
    except UnknownSyntaxError as error:
        digest, doubts = raw_digest(data), [(1, f"uses syntax that is not known here ({error})")]
    bound = Counter(_bound(tree.body))
    functions = {} if doubts else dict(_functions(tree, bound))  # exec and its like may replace any
    return Source(digest, imports, tuple(doubts), frozenset(bound), frozenset(_words(tree)), functions=functions)


def _functions(tree: ast.Module, bound: Mapping[str, int]) -> Iterator[tuple[str, Function]]:
    """Collect the functions of a module that nothing wraps or replaces, and whose annotations mean what they say."""
    if not BUILT_IN.isdisjoint(bound):
        return
    for node in tree.body:
        if type(node) is ast.FunctionDef and not node.decorator_list and bound[node.name] == 1:
            yield node.name, Function(node.lineno, node.args)


def _order(found: Import) -> tuple[int, int, str, tuple[str, ...]]:
    return found.line, found.level, found.module, found.names


def _statements(body: list[Any]) -> Iterator[Any]:
    """Walk statements, not expressions, in no promised order; into functions and classes too."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        for part in _NESTED:
            waiting.extend(getattr(node, part, ()))


def _imports(tree: ast.Module) -> Iterator[Import]:
    for node in _statements(tree.body):
        if type(node) is ast.Import:
            for alias in node.names:
                yield Import(node.lineno, 0, alias.name)
        elif type(node) is ast.ImportFrom:
            yield Import(node.lineno, node.level, node.module or "", tuple(alias.name for alias in node.names))


def _named_imports(node: ast.AST) -> Iterator[Import]:
    """Find import_module("name") and __import__("name"): still a doubt, but what they name is followed."""
    match node:
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module" | "__import__"),
            args=[ast.Constant(value=str(name)), *_],
        ) if not name.startswith("."):
            yield Import(node.lineno, 0, name)


def _may_surprise(data: bytes) -> bool:
    # Identifiers are normalised by the parser: outside ASCII the bytes need not show them.
    return not data.isascii() or _SURPRISING.search(data) is not None


def _mentions(node: ast.AST, word: str) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name) | ast.Constant(value=name):
            return name == word
        case _:
            return False


def _doubts(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Name(id="exec" | "eval" | "__import__" as name):
            yield node.lineno, f"uses {name}"
        case ast.Attribute(value=ast.Name(id="builtins"), attr="exec" | "eval" as name):
            yield node.lineno, f"uses {name}"
        case ast.Attribute(value=ast.Name(id="sys"), attr="path" | "meta_path" | "path_hooks" as name):
            yield node.lineno, f"uses sys.{name}"
        case ast.Attribute(attr=name) if name in _LOADERS:
            yield node.lineno, f"uses {name}"
        case ast.ImportFrom(module="sys", names=names) if any(alias.name == "path" for alias in names):
            yield node.lineno, "uses sys.path"
        case ast.ImportFrom(module="builtins" | "importlib" | "importlib.util" | "runpy" | "site", names=names):
            for alias in names:
                if alias.name in _LOADERS or alias.name in {"exec", "eval"}:
                    yield node.lineno, f"uses {alias.name}"


def _bound(body: list[Any]) -> Iterator[str]:
    """Collect the names a module binds when it is imported."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
                continue
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
                continue
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
        waiting.extend(ast.iter_child_nodes(node))


def _words(tree: ast.Module) -> Iterator[str]:
    """Collect the texts in assignments to `__all__`: a star import of a package imports the modules among them."""
    for node in _statements(tree.body):
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.AugAssign(target=ast.Name(id="__all__")):
                yield from _texts(node)
            case (
                ast.AnnAssign(target=ast.Name(id="__all__"))
                | ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="__all__"))))
            ):
                yield from _texts(node)


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


_NESTED = ("body", "orelse", "finalbody", "handlers", "cases")

_LOADERS = frozenset(
    {
        "__import__",
        "addsitedir",
        "exec_module",
        "import_module",
        "load_module",
        "run_module",
        "run_path",
        "spec_from_file_location",
        "spec_from_loader",
    }
)

_SURPRISING = re.compile(
    "|".join(rf"\b{name}\b" for name in sorted({*_LOADERS, "exec", "eval", "sys", "__doc__", "getdoc"})).encode()
)
