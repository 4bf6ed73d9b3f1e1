"""The steps that a run leaves as they are locked: others may read what they wrote, from the store or the folder."""

from collections.abc import Mapping, Sequence

from mlops_runner.digest import FileDigest
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.execute.shelf import Shelf
from mlops_runner.execute.sources import Stored
from mlops_runner.lock.model import Lock, Output, Scalar
from mlops_runner.plan.build import written
from mlops_runner.plan.key import taken
from mlops_runner.plan.steps import Input, Step
from mlops_runner.store.objects import ObjectStore


class Left:
    """What unselected steps wrote when they were locked; a step that is not locked wrote nothing."""

    def __init__(self, steps: Sequence[Step], lock: Lock) -> None:
        self._steps = {step.name: step for step in steps}
        self._lock = lock

    def __contains__(self, name: object) -> bool:
        return name in self._steps

    def step(self, name: str) -> Step:
        """Return an unselected step."""
        return self._steps[name]

    def paths(self, name: str) -> dict[str, str]:
        """Return what a step wrote: path → sha256."""
        stage = self._lock.stages.get(name)
        return dict(written(self._steps[name], stage)) if stage else {}

    def metrics(self, name: str) -> Mapping[str, Scalar]:
        """Return what a step returned."""
        stage = self._lock.stages.get(name)
        return stage.metrics if stage else {}

    def stored(self, item: Input, reader: Step, store: ObjectStore, shelf: Shelf) -> dict[str, Stored]:
        """Return the files of an input. Raises InvalidInput for what is neither in the cache nor in the folder."""
        assert item.producer is not None
        step, stage = self._steps[item.producer], self._lock.stages[item.producer]
        files = {step.path_of(step.name_of(path)): (path, output) for path, output in stage.outputs.items()}
        found = {}
        for path in taken(item, files):
            locked_at, output = files[path]
            digest = self._digest(locked_at, output, store, shelf)
            place = shelf.readable("", locked_at, digest) if digest else None
            if place is None:
                message = f"{path}, which {reader.name} reads, is neither here nor in DVC's cache"
                hint = f"run: dvc pull, or: mlops run --to {reader.name}"
                raise InvalidInput(Diagnostic("missing-input", message, reader.input_place(item), hint))
            found[path] = Stored(place, output.sha256)
        return found

    @staticmethod
    def _digest(path: str, output: Output, store: ObjectStore, shelf: Shelf) -> FileDigest | None:
        return store.verified(output.md5, output.sha256) or shelf.standing("", {path: output}).get(path)
