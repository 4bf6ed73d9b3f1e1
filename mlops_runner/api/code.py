"""The project's own code behind the steps of a pipeline: its fingerprints, and whether it can be called as declared."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.plan.fingerprint import Code, CodeBase
from mlops_runner.plan.modules import Stamp, stamp_of
from mlops_runner.plan.signature import Signature, misfits, signature_of
from mlops_runner.plan.steps import PROGRAMS, Compiled, Step

MOST_COMPLAINTS = 20
CALLING = frozenset({"python"})


class ProjectCode:
    """The code behind the steps of a pipeline as it was read: fingerprints by callable and by program.

    Raises InvalidInput for what is not there, or cannot be called as declared.
    """

    def __init__(self, root: Path, compiled: Compiled) -> None:
        self._root = root
        self._compiled = compiled
        self._stamps: dict[Path, Stamp] = {}
        wanted = {name: step for step in reversed(compiled.steps) for name in step.code}
        self.found, callables = self._read(wanted)
        if problems := list(islice(_misfits(compiled, callables), MOST_COMPLAINTS)):
            raise InvalidInput(problems)

    def changed(self, step: Step, known: Mapping[str, str]) -> list[str]:
        """Name the files of a step's code that are not any more what they were; known: their fingerprints."""
        folder = self._root if step.kind in PROGRAMS else self._root / self._compiled.code
        if not (moved := [file for file in known if self._stamps.get(folder / file) != _stamp(folder / file)]):
            return []
        try:
            found, _ = self._read(dict.fromkeys(step.code, step))
        except InvalidInput:
            return moved
        now = {file: digest for code in found.values() for file, digest in code.files.items()}
        return sorted(file for file in known.keys() | now.keys() if known.get(file) != now.get(file))

    def _read(self, wanted: Mapping[str, Step]) -> tuple[dict[str, Code], CodeBase]:
        """Read the code behind names, each with a step that has it; also return what was read of callables."""
        callables, programs = CodeBase(self._root / self._compiled.code), dict[str, CodeBase]()
        found = {}
        for name, step in wanted.items():
            if ":" in name:
                found[name] = callables.fingerprint(name, step.code_place(name))
                continue
            # where Python looks for what a program imports: beside it, then in the code
            folder = name.rpartition("/")[0]
            path = tuple(f"{part}/" if part else "" for part in (folder, self._compiled.code))
            program = programs.setdefault(folder, CodeBase(self._root, tuple(dict.fromkeys(path))))
            found[name] = program.program(name, step.code_place(name))
        for base in (callables, *programs.values()):
            self._stamps |= {base.root / file: stamp for file, stamp in base.stamps.items()}
        return found, callables


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp_of(path)
    except OSError:
        return None


def _misfits(compiled: Compiled, code: CodeBase) -> Iterator[Diagnostic]:
    """Yield what is wrong with the calls of the project's functions, of those whose parameters can be seen."""
    signatures: dict[str, Signature | None] = {}
    said = set()
    for step in compiled.steps:
        if step.kind not in CALLING:
            continue
        name: str = step.config["callable"]
        if name not in signatures:
            found = code.function(name)
            file = "/".join(filter(None, (compiled.code, found[0]))) if found else ""
            signatures[name] = signature_of(name, file, found[1]) if found else None
        if signature := signatures[name]:
            for problem in misfits(step, signature):
                if problem not in said:  # of all instances of a step once
                    said.add(problem)
                    yield problem
