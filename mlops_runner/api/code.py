"""The project's own code behind the steps of a pipeline: its fingerprints, and whether it can be called as declared."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.plan.fingerprint import Code, CodeBase
from mlops_runner.plan.signature import Signature, misfits, signature_of
from mlops_runner.plan.steps import Compiled

MOST_COMPLAINTS = 20
CALLING = frozenset({"python"})


def fingerprints(root: Path, compiled: Compiled) -> dict[str, Code]:
    """Return the fingerprints behind every callable and every program of the project. Raises InvalidInput."""
    wanted = {name: step for step in reversed(compiled.steps) for name in step.code}
    callables, programs = CodeBase(root / compiled.code), dict[str, CodeBase]()
    found = {}
    for name, step in wanted.items():
        if ":" in name:
            found[name] = callables.fingerprint(name, step.code_place(name))
            continue
        # where Python looks for what a program imports: beside it, then in the code
        folder = name.rpartition("/")[0]
        path = tuple(f"{part}/" if part else "" for part in (folder, compiled.code))
        program = programs.setdefault(folder, CodeBase(root, tuple(dict.fromkeys(path))))
        found[name] = program.program(name, step.code_place(name))
    if problems := list(islice(_misfits(compiled, callables), MOST_COMPLAINTS)):
        raise InvalidInput(problems)
    return found


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
