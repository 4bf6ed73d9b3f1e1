"""Fingerprints of a project's Python code: one digest per file that a callable can reach through imports.

Comments, docstrings and formatting do not count; the modules of the project that are imported do, those of the
standard library and of installed distributions do not: they belong to the environment's digest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.plan.cells import read_cells
from mlops_runner.plan.modules import COMPILED, Module, Modules, Stamp
from mlops_runner.plan.notebook import SUFFIX as NOTEBOOK
from mlops_runner.plan.source import Function, Import, Source, raw_digest, read_source
from mlops_runner.specs.nearest import nearest

# The runner keeps versions of its own steps: upgrading it must not retrain a project that has it in its folder.
OWN_PACKAGE = "mlops_runner"


@dataclass(frozen=True, slots=True)
class Code:
    """What a callable is made of: `a1:` digests by file, sorted, and notes on files that could not be understood."""

    files: Mapping[str, str]
    notes: tuple[str, ...] = ()


def fingerprint(callable_path: str, root: Path, place: Place | None = None) -> Code:
    """Fingerprint `package.module:function` below `root`. For many callables, keep one `CodeBase`."""
    return CodeBase(root).fingerprint(callable_path, place)


@dataclass(frozen=True, slots=True)
class _Reading:
    source: Source
    imported: tuple[tuple[Module, Place], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class CodeBase:
    """The code below one root as one plan sees it: every file is read once. path: where modules are looked for."""

    root: Path
    path: tuple[str, ...] = ("",)
    _modules: Modules = field(init=False)
    _readings: dict[str, _Reading] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_modules", Modules(self.root, self.path))

    @property
    def stamps(self) -> Mapping[str, Stamp]:
        """What the files that were read looked like just before, by their paths below the root."""
        return self._modules.stamps

    def fingerprint(self, callable_path: str, place: Place | None = None) -> Code:
        """Fingerprint `package.module:function`; `place` is where the callable is named.

        Raises InvalidInput for a module or function that does not exist, and for code that lies outside the root.
        """
        dotted, _, function = callable_path.partition(":")
        module = self._modules.find(dotted, place) if dotted and function else None
        if module is None or module.file is None:
            raise InvalidInput(self._no_module(callable_path, dotted, place))
        reached = self._reach([*self._above(dotted, place), module], place)
        if not self._defines(module, function, set()):
            raise InvalidInput(_no_function(callable_path, function, module, reached[module.file].source, place))
        return _code(reached)

    def function(self, callable_path: str) -> tuple[str, Function] | None:
        """Return where a fingerprinted function is written, file and parameters; None where that cannot be seen."""
        dotted, _, name = callable_path.partition(":")
        module = self._modules.find(dotted, None)
        reading = self._readings.get(module.file) if module and module.file else None
        found = reading.source.functions.get(name) if reading else None
        return (str(module.file), found) if module and found else None

    def program(self, file: str, place: Place | None = None) -> Code:
        """Fingerprint a program: a Python file or a notebook with what it imports, any other file by its bytes.

        Raises InvalidInput for a file that does not exist, or lies outside the root, and for what is no notebook.
        """
        if not file.endswith((".py", NOTEBOOK)):
            return Code({file: raw_digest(self._modules.read(file, place))})
        reached = self._reach([Module("", file, None)], place)
        return _code(reached)

    def _reach(self, first: list[Module], place: Place | None) -> dict[str, _Reading]:
        reached: dict[str, _Reading] = {}
        waiting: list[tuple[Module, Place | None]] = [(module, place) for module in first]
        while waiting:
            module, importer = waiting.pop()
            if module.file is not None and module.file not in reached:
                reached[module.file] = self._read(module, module.file, importer)
                waiting.extend(reached[module.file].imported)
        return reached

    def _read(self, module: Module, file: str, place: Place | None) -> _Reading:
        if file not in self._readings:
            data = self._modules.read(file, place)
            if file.endswith(COMPILED):
                source = Source(raw_digest(data), doubts=((1, "is compiled"),), readable=False)
            elif file.endswith(NOTEBOOK):
                source = read_cells(data, file)
            else:
                source = read_source(data)
            what = "the cell counts letter by letter" if file.endswith(NOTEBOOK) else "the file counts byte by byte"
            notes = [f"{file}:{line}: {doubt}; {what}" for line, doubt in source.doubts]
            imported: dict[str, tuple[Module, Place]] = {}
            for found in source.imports:
                base = _absolute(module, found)
                if base is not None and base.partition(".")[0] != OWN_PACKAGE:
                    at = Place(file, found.line)
                    imported |= {known.name: (known, at) for known in self._imported(base, found, at)}
                if found.level and base not in imported:
                    notes.append(f"{file}:{found.line}: the relative import leads nowhere; it is not followed")
            self._readings[file] = _Reading(source, tuple(imported.values()), tuple(notes))
        return self._readings[file]

    def _imported(self, base: str, found: Import, place: Place) -> Iterator[Module]:
        yield from self._above(base, place)
        if target := self._modules.find(base, place):
            yield target
            # What is imported from a package may be a name in it or a module below it: both count.
            names = self._offered(target, place) if "*" in found.names else found.names
            inner = (self._modules.find(f"{base}.{name}", place) for name in names)
            yield from filter(None, inner)

    def _offered(self, package: Module, place: Place) -> tuple[str, ...]:
        """Name what `from package import *` may import beyond the package's own file."""
        if package.folder is None or package.file is None:
            return ()
        return tuple(sorted(read_source(self._modules.read(package.file, place)).words))

    def _above(self, dotted: str, place: Place | None) -> Iterator[Module]:
        parts = dotted.split(".")
        for length in range(1, len(parts)):
            if module := self._modules.find(".".join(parts[:length]), place):
                yield module

    def _defines(self, module: Module, function: str, seen: set[str]) -> bool:
        reading = self._readings.get(module.file or "")
        if reading is None or module.name in seen:
            return False
        seen.add(module.name)
        source = reading.source
        # A module that cannot be read, or makes its names at run time, may define anything.
        if not source.readable or function in source.defines or "__getattr__" in source.defines:
            return True
        return any(self._star_defines(module, found, function, seen) for found in source.imports if "*" in found.names)

    def _star_defines(self, module: Module, found: Import, function: str, seen: set[str]) -> bool:
        base = _absolute(module, found)
        target = self._modules.find(base, None) if base else None
        return target is None or self._defines(target, function, seen)

    def _no_module(self, callable_path: str, dotted: str, place: Place | None) -> Diagnostic:
        if not dotted or not callable_path.partition(":")[2]:
            return Diagnostic(
                "invalid-callable", f'"{callable_path}" is not a callable', place, "write package.module:function"
            )
        wanted = dotted.replace(".", "/")
        return Diagnostic(
            "unknown-module",
            f'module "{dotted}" of "{callable_path}" is not in the project',
            place,
            f"add {wanted}.py; names are looked up from the project's folder",
        )


def _code(reached: Mapping[str, _Reading]) -> Code:
    files = {file: reading.source.digest for file, reading in sorted(reached.items())}
    return Code(files, tuple(note for _, reading in sorted(reached.items()) for note in reading.notes))


def _absolute(module: Module, found: Import) -> str | None:
    """Return the dotted name an import starts from, or None when its dots lead above the root."""
    if not found.level:
        return found.module
    parts = module.name.split(".")
    drop = found.level - (module.folder is not None)
    if drop >= len(parts):
        return None
    return ".".join([*parts[: len(parts) - drop], *filter(None, [found.module])])


def _no_function(callable_path: str, function: str, module: Module, source: Source, place: Place | None) -> Diagnostic:
    known = sorted(name for name in source.defines if not name.startswith("_"))
    hint = nearest(function, known) or f"it defines: {', '.join(known) or 'nothing'}"
    return Diagnostic("unknown-function", f'{module.file} has no "{function}" ({callable_path})', place, hint)
