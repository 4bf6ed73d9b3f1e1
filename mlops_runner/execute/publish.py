"""The end of a run: pointers, then the lock that vouches for them, and away with what no step writes any more."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.digest import FileDigest
from mlops_runner.durable import write_if_changed
from mlops_runner.execute.beside import beside, folders_above, joined
from mlops_runner.execute.result import Result
from mlops_runner.execute.shelf import Shelf
from mlops_runner.journal import Finished
from mlops_runner.lock.codec import emit
from mlops_runner.lock.model import FILE_NAME, Lock, Output
from mlops_runner.plan.key import taken
from mlops_runner.plan.model import Facts
from mlops_runner.plan.steps import Input, Step
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.patterns import parse_pattern
from mlops_runner.store.pointers import Pointers, ensure_dvc, remove_pointers

Settled = Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Writes what a run concluded into the project's folder. finished: reads what was ever executed here."""

    root: Path
    store: ObjectStore
    shelf: Shelf
    finished: Callable[[], Collection[Finished]]

    def publish(self, before: Lock, facts: Facts, settled: Settled, left: Collection[Step] | None = None) -> None:
        """Write pointers and lock. settled: every step; before: the lock of the run before. Raises OSError.

        left: the steps that the run was not about, if it was not about all: what is locked beside the settled stays.
        What no step writes any more goes, unless one still reads it.
        """
        ensure_dvc(self.root)
        kept = {} if left is None else beside(before, settled)
        present = {path for result in settled.values() for path in result.stage.outputs}
        present |= {path for stage in kept.values() for path in stage.outputs}
        pointed = {path for result in settled.values() for path in result.step.outputs}
        pointed |= {path for step in left or () if step.name in kept for path in step.outputs}
        changed = [
            stage
            for name, stage in before.stages.items()
            if name not in kept and not (name in settled and settled[name].stage.outputs.keys() == stage.outputs.keys())
        ]
        read = _Read((*(result.step for result in settled.values()), *(left or ())) if changed else ())
        for stage in changed:
            if any(map(read.takes, stage.outputs)):
                continue
            gone = {path: output for path, output in stage.outputs.items() if path not in present}
            self.shelf.drop(gone)
            md5s = {path: output.md5 for path, output in stage.outputs.items()}
            remove_pointers(self.root, md5s, keep=pointed)
        pointers = Pointers(self.root)
        for result in settled.values():
            self._drop_strays(result)
            for output, files in written(result).items():
                if "" not in files:
                    self.store.add_folder(files)
                pointers.write(output, files)
        pointers.save()
        made = {name: result.stage for name, result in settled.items() if not result.step.frozen}
        frozen = {name: result.stage for name, result in settled.items() if result.step.frozen}
        after = Lock(facts.environments_of(settled[name].step for name in made), made)
        after = joined(before, after, {**kept, **frozen})
        if after != before or not (self.root / FILE_NAME).exists():
            write_if_changed(self.root / FILE_NAME, emit(after))

    def _drop_strays(self, result: Result) -> None:
        """Remove what the same step wrote under another branch's specs: dvc would call the folder changed."""
        for output in result.step.outputs:
            if output in result.stage.outputs:
                continue  # a single file
            folder = self.root / output
            names = {path.relative_to(self.root).as_posix() for path in folder.rglob("*") if not path.is_dir()}
            if strays := names - result.stage.outputs.keys():
                for finished in self.finished():
                    known = {result.step.path_of(name): digest for name, digest in finished.outputs.items()}
                    stale = {path: Output(known[path].md5, known[path].sha256) for path in strays & known.keys()}
                    self.shelf.drop(stale)


class _Read:
    """What steps read that no step writes, for many questions."""

    def __init__(self, steps: Iterable[Step]) -> None:
        paths = {item.path for step in steps for item in step.files if item.producer is None}
        self._patterns = [path for path in paths if parse_pattern(path)]
        self._plain = paths.difference(self._patterns)

    def takes(self, path: str) -> bool:
        """Say whether a file is read: by its path, with a folder above it, or by a pattern."""
        if path in self._plain or any(folder in self._plain for folder in folders_above(path)):
            return True
        return any(taken(Input(pattern, pattern), (path,)) for pattern in self._patterns)


def written(result: Result) -> dict[str, dict[str, FileDigest]]:
    """Return what a step wrote by output: names below a folder, or "" for an output that is a file."""
    step = result.step
    paths = {step.path_of(name): digest for name, digest in result.files.items()}
    found = {}
    for output in step.outputs:
        below = {path.removeprefix(f"{output}/"): d for path, d in paths.items() if path.startswith(f"{output}/")}
        found[output] = {"": paths[output]} if output in paths else below
    return found
