"""What a plan is decided from: specs through the cache, the environment, the code, the files that no step writes."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_runner.durable import write_text
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.lock.model import Environment
from mlops_runner.plan import cache
from mlops_runner.plan.environment import (
    DEFAULT,
    OURS,
    Declared,
    Pin,
    differences,
    from_dependency_lock,
    from_installed,
    installed,
    python_minor,
    refuse_unsafe,
)
from mlops_runner.plan.model import Facts, Pointer
from mlops_runner.plan.steps import Compiled, Step
from mlops_runner.store.checkout import check_out
from mlops_runner.store.inputs import Content, Inputs
from mlops_runner.store.layout import Layout
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.patterns import certain
from mlops_runner.store.stats import StatCache
from mlops_runner.store.tracked import Tracking

if TYPE_CHECKING:
    from mlops_runner.api.code import ProjectCode
    from mlops_runner.execute.environments import Environments
    from mlops_runner.plan.fingerprint import Code


@dataclass(frozen=True, slots=True)
class Foreign:
    """Inputs that pipelines below write: what each holds by their locks, its files, and what is not here as locked."""

    contents: Mapping[str, Content] = field(default_factory=dict)
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    pointers: Mapping[str, Pointer] = field(default_factory=dict)
    written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    behind: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class External:
    """What no step writes: digests of what is there, what is not, and for what DVC tracks what it should be and is."""

    digests: Mapping[str, str]
    absent: frozenset[str]
    notes: tuple[str, ...]
    pointers: Mapping[str, Pointer]
    addresses: Mapping[str, str]
    foreign: Foreign


@dataclass(slots=True)
class Sources:
    """The files of one project. Only `remember` writes. `laid_over` holds documents that take the place of files."""

    layout: Layout
    laid_over: Mapping[str, bytes] = field(default_factory=dict)
    _memory: cache.Entry | None = None
    _kept: cache.Entry | None = None  # what the cache holds, if it was read
    _inputs: Inputs | None = None
    _foreign: Foreign = field(default_factory=Foreign)
    _project_code: "ProjectCode | None" = None

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.layout.root

    def compiled(self) -> Compiled:
        """Return the steps the specs ask for. Raises InvalidInput with every problem in the documents."""
        return self._entry().compiled

    def facts(self) -> Facts:
        """Return what a plan is decided from besides specs and lock: environment, code, files. Writes nothing."""
        entry = self._entry()
        code = self._code(entry.compiled)
        notes = tuple(dict.fromkeys(note for fingerprint in code.values() for note in fingerprint.notes))
        found = self._external(entry.compiled)
        others = dict(entry.environments)
        needs = entry.compiled.environments[DEFAULT].needs
        environment = others.pop(DEFAULT, None) or from_installed(installed(sys.path), needs)
        files = {name: fingerprint.files for name, fingerprint in code.items()}
        return Facts(
            environment, files, found.digests, found.absent, (*notes, *found.notes), found.pointers, found.addresses,
            found.foreign.written, found.foreign.behind,
            others,
        )  # fmt: skip

    def _code(self, compiled: Compiled) -> "Mapping[str, Code]":
        if not any(step.code for step in compiled.steps):
            return {}
        from mlops_runner.api.code import ProjectCode

        self._project_code = ProjectCode(self.root, compiled)
        return self._project_code.found

    def changed_code(self, step: Step, known: Mapping[str, str]) -> list[str]:
        """Name the files of a step's code that are not any more what they were; known: their fingerprints."""
        return self._project_code.changed(step, known) if self._project_code else []

    def code_folder(self, compiled: Compiled) -> Path:
        """Return the folder that python callables are imported from."""
        return self.root / compiled.code

    def environment_differences(self) -> list[str]:
        """Say where the installed distributions differ from the dependency lock; empty without one."""
        own = self.compiled().environments[DEFAULT]
        return differences(self.described(own)[1], installed(sys.path)) if own.lock else []

    def distributions(self) -> dict[str, str]:
        """Return what must be installed wherever steps run, name → version: what is locked, else what is here."""
        own = self.compiled().environments[DEFAULT]
        if own.lock:
            return {pin.name: pin.version for pin in self.described(own)[1]}
        return {name: version for name, version in installed(sys.path).items() if name != OURS}

    def require_environment(self) -> None:
        """Refuse to execute in an environment that is not the one the keys name. Raises InvalidInput."""
        from mlops_runner.execute.system import require_machine

        if found := self.environment_differences():
            more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
            file = self.compiled().dependencies
            message = f"the installed packages are not those of {file}: {'; '.join(found[:3])}{more}"
            raise InvalidInput(Diagnostic("environment-differs", message, hint=f"pip install -r {file}"))
        require_machine(self.compiled().environments[DEFAULT])

    def environments(self, facts: Facts, note: Callable[[str], None]) -> "Environments":
        """Return what gives steps the interpreters of their environments, and makes those that are not here."""
        from mlops_runner.execute.environments import Environments

        declared = self.compiled().environments
        return Environments(self.layout, declared, facts.others, self.described, self.require_environment, note)

    def bring(self, paths: Iterable[str]) -> None:
        """Take inputs that are not there from DVC's cache. Raises InvalidInput for those that it does not hold."""
        store = ObjectStore(self.root)
        tracking = Tracking(self.root, store)
        problems = []
        for path in chain.from_iterable(self._foreign.files.get(path, (path,)) for path in paths):
            tracked = tracking.find(certain(path))
            if tracked is not None and not check_out(self.root, store, tracked):
                message = f"{path} is neither here nor in DVC's cache"
                problems.append(Diagnostic("missing-input", message, tracked.place, f"run: dvc pull {certain(path)}"))
        if problems:
            raise InvalidInput(problems)

    def stats(self) -> StatCache:
        """Return the stat cache: that in which the inputs were looked up, if they were."""
        return self._inputs.stats if self._inputs else StatCache(self.layout.stats)

    def inputs(self) -> Inputs:
        """Return the files that no step writes, as they were looked up last."""
        if self._inputs is None:
            self._inputs = Inputs(self.layout)
        return self._inputs

    def difference(self, path: str, then: str) -> str:
        """Say how a folder differs from one with the digest `then`; empty where that is not known on this machine."""
        return str(self._inputs.difference(path, then) or "") if self._inputs else ""

    def remember(self) -> None:
        """Keep what the specs compile to, and what was read, for the next command. Raises OSError."""
        if self._inputs:
            self._inputs.save()
        entry = self._entry()
        if not self.laid_over and entry is not self._kept:
            write_text(self.layout.compiled, cache.encode(entry, python_minor()))
            self._kept = entry

    def _entry(self) -> cache.Entry:
        """Return what the specs compile to: from memory or the cache while their files have the same content."""
        last = self.last()
        if last is None or not self.unchanged(last):
            last = self._memory = self._compile()
        return last

    def last(self) -> cache.Entry | None:
        """Return what the specs compiled to when they were last read, here or by a run; None where nobody did."""
        if self._memory is None:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                self._memory = self._kept = cache.decode(self.layout.compiled.read_bytes(), python_minor())
        return self._memory

    def unchanged(self, entry: cache.Entry) -> bool:
        """Say whether the files behind an entry still have the same content."""
        return cache.fresh(entry.sources, self.read)

    def _compile(self) -> cache.Entry:
        from mlops_runner.plan.check import check_core
        from mlops_runner.plan.check_steps import check_steps
        from mlops_runner.plan.compile import compile_pipeline
        from mlops_runner.plan.compile_environments import check_kernels
        from mlops_runner.specs.load import folder_reader, load_pipeline, load_trained

        seen: dict[str, str] = {}  # of the very bytes that are compiled: a file may change meanwhile
        read = folder_reader(self.root)

        def noted(file: str) -> bytes:
            data = self.laid_over.get(file) or read(file)
            seen[file] = cache.source_digest(data)
            return data

        pipeline = load_pipeline(noted)
        core = load_trained(noted, pipeline)
        if problems := [*check_steps(pipeline), *(check_core(core) if core else ())]:
            raise InvalidInput(problems)
        compiled = compile_pipeline(pipeline, core)
        described = {}
        for declared in compiled.environments.values():
            if declared.lock is not None:
                data = self._locked(declared)
                seen[declared.lock] = cache.source_digest(data)
                described[declared.name] = _described(declared, data)
        pinned = {name: {pin.name for pin in pins} for name, (_, pins) in described.items()}
        if problems := [*check_kernels(pipeline, pinned)]:
            raise InvalidInput(problems)
        return cache.Entry(compiled, {name: environment for name, (environment, _) in described.items()}, seen)

    def described(self, declared: Declared) -> tuple[Environment, tuple[Pin, ...]]:
        """Return what an environment's dependency lock describes, and its pins. Raises InvalidInput."""
        return _described(declared, self._locked(declared))

    def _locked(self, declared: Declared) -> bytes:
        data = self.read(str(declared.lock))
        if data is None:
            message = f"there is no file {declared.lock}"
            hint = f"make it with: uv pip compile --universal --generate-hashes pyproject.toml -o {declared.lock}"
            raise InvalidInput(Diagnostic("missing-file", message, declared.place, hint))
        return data

    def _external(self, compiled: Compiled) -> External:
        """Return what is there of the files and folders that no step writes, and what DVC says of them."""
        store = ObjectStore(self.root)
        tracking = Tracking(self.root, store)
        self._inputs = Inputs(self.layout)
        paths = dict.fromkeys(i.path for step in compiled.steps for i in step.inputs if i.producer is None)
        self._foreign = Foreign()
        if compiled.pipelines:
            from mlops_runner.api.below import foreign

            self._foreign = foreign(self.root, compiled.pipelines, paths, self._inputs)
        digests, addresses, notes = {}, {}, list[str]()
        pointers = dict(self._foreign.pointers)
        for path in paths:
            tracked = tracking.find(certain(path))
            found = self._foreign.contents.get(path) or self._inputs.look(path, md5=tracked is not None)
            if found is not None:
                digests[path] = found.digest
            if tracked is None:
                continue
            pointers[path] = Pointer(tracked.md5, tracked.place)
            if found is not None and found.md5:
                addresses[path] = found.md5
                if found.md5 != tracked.md5:
                    notes.append(f"{path} is not what {tracked.place.file} names: dvc add it, or dvc checkout")
        absent = frozenset(paths.keys() - digests.keys()) | self._foreign.absent
        return External(digests, absent, tuple(notes), pointers, addresses, self._foreign)

    def read(self, file: str) -> bytes | None:
        """Return the content of a document or a dependency lock, or None when it is not there."""
        if file in self.laid_over:
            return self.laid_over[file]
        try:
            return (self.root / file).read_bytes()
        except OSError:
            return None


def _described(declared: Declared, data: bytes) -> tuple[Environment, tuple[Pin, ...]]:
    text, file = data.decode("utf-8", "replace"), str(declared.lock)
    environment, pins = from_dependency_lock(text, file, declared.python, declared.needs)
    if declared.name != DEFAULT:
        refuse_unsafe(text, pins, file)
    return environment, pins
