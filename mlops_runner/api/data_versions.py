"""The data of two revisions, or of two files, side by side; what a lock names is looked for on this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_runner.errors import Diagnostic, InvalidInput, UsageFailure
from mlops_runner.lock.model import Lock, Output
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.stats import StatCache

if TYPE_CHECKING:
    from mlops_runner.api.project import Project
    from mlops_runner.data.compare import Difference
    from mlops_runner.data.versions import Version

STAGE = "data"
SIDES = ("train", "validation", "test")


def compare_revisions(project: "Project", old: str, new: str, key: Sequence[str] = ()) -> "Difference":
    """Compare what the data stage wrote at two git revisions; an empty one stands for the working tree.

    Raises UsageFailure when a revision has no data, or its profile is not on this machine.
    """
    from mlops_runner.data.compare import compare

    versions = [_version(project, revision) for revision in (old, new)]
    return compare(versions[0], versions[1], key)


def compare_files(old: str, new: str, folder: Path, key: Sequence[str] = ()) -> "Difference":
    """Compare two CSV or Parquet files; dialect and types are inferred. Raises InvalidInput, UsageFailure."""
    from mlops_runner.data.compare import compare
    from mlops_runner.data.versions import version_of_file

    missing = [name for name in (old, new) if not (folder / name).is_file()]
    if missing:
        hint = "write A..B to compare revisions, or the paths of two files"
        raise UsageFailure([Diagnostic("missing-file", f"there is no file {name}", hint=hint) for name in missing])
    return compare(version_of_file(folder / old, old), version_of_file(folder / new, new), key)


def _version(project: "Project", revision: str) -> "Version":
    import json

    from mlops_runner.data.versions import version_of_profile

    lock = project.lock_at(revision) if revision else project.lock()
    name = revision or "working tree"
    files = files_of_data(project, lock)
    if files is None:
        message = f"{name}: pipeline.lock has no data"
        raise UsageFailure(Diagnostic("no-data", message, hint="run: mlops run"))
    profile = files.get("profile.json")
    if profile is None:
        hint = f"git checkout {revision} && dvc pull" if revision else "run: mlops run"
        message = f"{name}: the profile of the data is not on this machine"
        raise UsageFailure(Diagnostic("artifact-missing", message, hint=hint))
    locked = [side for side in SIDES if f"{side}.parquet" in files]
    sides = {side: path for side in locked if (path := files[f"{side}.parquet"]) is not None}
    try:
        found = json.loads(profile.read_bytes())
    except ValueError:
        raise InvalidInput(Diagnostic("invalid-profile", f"{name}: the profile is not JSON")) from None
    return version_of_profile(name, found, sides if len(sides) == len(locked) else None)


def files_of_data(project: "Project", lock: Lock) -> dict[str, Path | None] | None:
    """Return where each output of the data stage lies, by its name; None for one that is not here as it was locked."""
    stage = lock.stages.get(STAGE)
    if stage is None:
        return None
    store, stats = ObjectStore(project.root), StatCache(project.layout.stats)
    return {
        path.rpartition("/")[2]: _place(project.root, path, output, store, stats)
        for path, output in stage.outputs.items()
    }


def _place(root: Path, path: str, output: Output, store: ObjectStore, stats: StatCache) -> Path | None:
    for place in (store.path(output.md5), root / path):
        try:
            if stats.digest(place).sha256 == output.sha256:
                return place
        except OSError:
            continue
    return None
