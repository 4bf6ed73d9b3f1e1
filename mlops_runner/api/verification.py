"""Do lock, artifacts and pointers fit together, and does a second execution repeat them?"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlops_runner.api.evidence import locked_evidence
from mlops_runner.errors import Diagnostic, NotVerified
from mlops_runner.execute import verify
from mlops_runner.execute.verify_metrics import other_than_journaled, other_than_written
from mlops_runner.lock.merge import has_conflicts
from mlops_runner.lock.model import Lock
from mlops_runner.plan.build import build_plan
from mlops_runner.store.mutex import exclusive

if TYPE_CHECKING:
    from mlops_runner.api.project import Project
    from mlops_runner.execute.rerun import Agreement

ABSENT = frozenset({"artifact-missing", "pointer-missing"})


def problems(project: "Project", *, allow_missing: bool = False) -> list[Diagnostic]:
    """Return every way in which lock, artifacts and pointers do not fit together; nothing is trained or written."""
    lock, facts, compiled = _existing_lock(project), project.facts(), project.compiled()
    stats = project.sources.stats()
    plan = build_plan(compiled.pipeline, compiled.steps, lock, facts)
    evidence = locked_evidence(project.root, lock, compiled)
    journaled = other_than_journaled(lock, project.finished())
    found = [
        *verify.stale(plan),
        *verify.edited(plan, lock, facts),
        *(verify.wrong_numbers(lock, evidence) if evidence else ()),
        *other_than_written(project.root, compiled.steps, lock),
        *journaled,
        *verify.broken_chain(compiled.steps, lock),
        *verify.moved_inputs(facts),
        *verify.wrong_artifacts(project.root, lock, stats),
        *verify.wrong_pointers(project.root, compiled.steps, lock, stats),
    ]
    return [d for d in dict.fromkeys(found) if not (allow_missing and d.code in ABSENT)]


def rerun(project: "Project", rounds: int, tell: "Callable[[Agreement], None]", note: Callable[[str], None]) -> None:
    """Execute every step again in a clean room. Raises NotVerified at the first artifact that differs."""
    from mlops_runner.execute.rerun import Site
    from mlops_runner.execute.rerun import rerun as execute_again

    compiled, sources = project.compiled(), project.sources
    with exclusive(project.layout.mutex, project.lock_timeout):
        lock = _existing_lock(project)
        if found := [d for d in problems(project, allow_missing=True) if d.code != "pointer-different"]:
            raise NotVerified(found)
        environments = sources.environments(project.facts(), note)
        for name in dict.fromkeys(step.env for step in compiled.steps if not step.frozen):
            environments.interpreter(name)
        sources.bring(sorted((facts := project.facts()).absent & facts.pointers.keys()))
        site = Site(project.layout, sources.code_folder(compiled), environments.interpreter)
        execute_again(site, compiled.steps, lock, rounds, tell)


def _existing_lock(project: "Project") -> Lock:
    if has_conflicts(project.lock_text()):
        hint = "run: mlops lock resolve"
        raise NotVerified(Diagnostic("lock-conflict", "pipeline.lock has conflict markers", hint=hint))
    return project.lock()
