"""The project at another revision, laid out in a folder of its own, beside the project as it is."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_runner.api.sources import Sources
from mlops_runner.digest import Json, digest_value
from mlops_runner.errors import Diagnostic, InvalidInput, UsageFailure
from mlops_runner.gitops import git
from mlops_runner.gitops.history import History
from mlops_runner.lock.model import Lock
from mlops_runner.plan.affected import Affected, Made, affected, recipes_of
from mlops_runner.plan.model import Facts
from mlops_runner.plan.pipelines import writers_of
from mlops_runner.plan.steps import Compiled
from mlops_runner.specs.above import PIPELINE_FILE
from mlops_runner.store.layout import Layout

if TYPE_CHECKING:
    from mlops_runner.api.project import Project

BATCH = 200  # files that are held in memory at a time


def affected_by(project: "Project", revision: str) -> Affected:
    """Compare the project with a revision. Raises UsageFailure for one that git does not know, InvalidInput."""
    compiled, facts = project.compiled(), project.facts()
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
        _lay_out(project.root, git.resolve(project.root, revision).commit, Path(folder))
        then = _made_at(Path(folder), revision, facts)
    lock = project.lock_at(revision)
    now = _made(compiled, facts, project.root)
    return affected(now, _same_where_unknown(now, then, lock), revision)


def _lay_out(root: Path, commit: str, folder: Path) -> None:
    """Write the files that a commit holds below the project's folder; links and submodules are left out."""
    history = History(root)
    top = git.root(root)
    assert top is not None
    below = root.resolve().relative_to(top.resolve()).as_posix()
    prefix = "" if below == "." else f"{below}/"
    blobs = history.wanted([commit], lambda path: path.startswith(prefix))[commit]
    for start in range(0, len(blobs), BATCH):
        part = blobs[start : start + BATCH]
        contents = history.contents(blob.id for blob in part)
        for blob in part:
            target = folder / blob.path.removeprefix(prefix)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(contents[blob.id])


def _made_at(folder: Path, revision: str, now: Facts) -> Made:
    if not (folder / PIPELINE_FILE).exists():
        return Made((), now, {})  # there was no pipeline: every step is new
    sources = Sources(Layout(folder))
    try:
        compiled, facts = sources.compiled(), sources.facts()
    except InvalidInput as error:
        hint = "name a revision whose documents are valid"
        raise UsageFailure(
            Diagnostic("invalid-revision", f"the pipeline of {revision} is not valid: {problem}", hint=hint)
            for problem in error.diagnostics
        ) from None
    return _made(compiled, facts, folder)


def _made(compiled: Compiled, facts: Facts, root: Path) -> Made:
    """Return what a pipeline is made of. What pipelines below it write counts as what it is made of there."""
    contents = _contents(facts)
    if facts.written:
        below = {
            folder: _below(root / folder) for folder in dict.fromkeys(f for by in facts.written.values() for f in by)
        }
        steps = {folder: made.steps for folder, made in below.items()}
        recipes = {folder: recipes_of(made) for folder, made in below.items()}
        for path in facts.written:
            found: list[Json] = [recipes[folder][name] for folder, name in writers_of(path, steps)]
            contents[path] = digest_value("k1", found)
    return Made(compiled.steps, facts, contents)


def _below(folder: Path) -> Made:
    sources = Sources(Layout(folder))
    facts = sources.facts()
    return Made(sources.compiled().steps, facts, _contents(facts))


def _contents(facts: Facts) -> dict[str, str]:
    """Return what each file outside holds: of what DVC tracks its md5, which is known without the data."""
    present = {path: digest if ":" in digest else f"sha256:{digest}" for path, digest in facts.external.items()}
    tracked = {path: f"md5:{facts.addresses.get(path, pointer.md5)}" for path, pointer in facts.pointers.items()}
    return {**present, **tracked}


def _same_where_unknown(now: Made, then: Made, lock: Lock) -> Made:
    """Take what neither git nor DVC held at the revision as its lock says, and else as it is now."""
    locked = {path: digest for stage in lock.stages.values() for path, digest in stage.inputs.items()}
    unknown = {i.path for step in then.steps for i in step.inputs if i.producer is None} - then.contents.keys()
    found = {path: locked.get(path, now.contents.get(path, "")) for path in unknown}
    return Made(then.steps, then.facts, {**then.contents, **found})
