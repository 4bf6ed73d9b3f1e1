"""The end of a run: pointers, then the lock that vouches for them, and away with what no step writes any more."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.durable import write_if_changed
from mlops_runner.execute.result import Result
from mlops_runner.execute.shelf import Shelf
from mlops_runner.journal import Finished
from mlops_runner.lock.codec import emit
from mlops_runner.lock.model import FILE_NAME, Environment, Lock, Output, Stage
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.pointers import ensure_dvc, remove_pointer, write_pointer

Settled = Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Writes what a run concluded into the project's folder. finished: what was ever executed here."""

    root: Path
    store: ObjectStore
    shelf: Shelf
    finished: Collection[Finished]

    def publish(self, before: Lock, environment: Environment, settled: Settled) -> None:
        """Write pointers and lock. settled: every step; before: the lock of the run before. Raises OSError."""
        ensure_dvc(self.root)
        for name, stage in before.stages.items():
            self._drop_stale(name, stage, settled)
        for result in settled.values():
            self._drop_strays(result)
            self.store.add_folder(result.files)
            write_pointer(self.root, result.step.output, result.files)
        stages = {name: result.stage for name, result in settled.items()}
        write_if_changed(self.root / FILE_NAME, emit(Lock({"default": environment}, stages)))

    def _drop_strays(self, result: Result) -> None:
        """Remove what the same step wrote under another branch's specs: dvc would call the folder changed."""
        present = {path.name for path in (self.root / result.step.output).iterdir()}
        if strays := present - result.files.keys():
            for finished in self.finished:
                for name in strays & finished.outputs.keys():
                    digest = finished.outputs[name]
                    self.shelf.drop(result.step.output, {name: Output(digest.md5, digest.sha256)})

    def _drop_stale(self, name: str, stage: Stage, settled: Settled) -> None:
        folders = {result.step.output for result in settled.values()}
        for path, output in stage.outputs.items():
            folder, _, file = path.rpartition("/")
            result = settled.get(name)
            kept = result is not None and result.step.output == folder and file in result.files
            if not kept:
                self.shelf.drop(folder, {file: output})
            if folder not in folders:
                remove_pointer(self.root, folder)
