"""One pipeline and its lock, and what can be done with them."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_runner import journal
from mlops_runner.api.evidence import done, locked_evidence, report_of, verdict_of, with_latency
from mlops_runner.api.locked import LockFile
from mlops_runner.api.sources import Sources
from mlops_runner.durable import write_text
from mlops_runner.errors import Diagnostic, InvalidInput, NotVerified, UsageFailure
from mlops_runner.journal import Finished
from mlops_runner.lock.model import Lock
from mlops_runner.plan.build import behind, build_part, build_plan
from mlops_runner.plan.local import LocalNote, local_notes
from mlops_runner.plan.model import Facts, Plan
from mlops_runner.plan.select import Selection
from mlops_runner.plan.steps import Compiled
from mlops_runner.reports.verdict import Verdict
from mlops_runner.store.layout import Layout
from mlops_runner.store.mutex import exclusive
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.stats import StatCache

if TYPE_CHECKING:
    from typing import Unpack

    from polars import DataFrame

    from mlops_runner.api.running import Flags
    from mlops_runner.execute.listener import Listener
    from mlops_runner.execute.rerun import Agreement
    from mlops_runner.execute.result import Result
    from mlops_runner.execute.tracking import Experiment
    from mlops_runner.plan.affected import Affected
    from mlops_runner.reports.document import Report
    from mlops_runner.reports.plan import Local
    from mlops_runner.reports.refresh import Refreshed


def load_project(folder: str | Path = ".") -> "Project":
    """Open the project in a folder. Nothing is read until a verb needs it."""
    return Project(Path(folder).absolute())


@dataclass(slots=True)
class Project:
    """One pipeline and its lock. Every verb reads what it needs anew."""

    root: Path
    lock_timeout: float = 0.0
    layout: Layout = field(init=False)
    locked: LockFile = field(init=False)
    sources: Sources = field(init=False)

    def __post_init__(self) -> None:
        self.layout = Layout(self.root)
        self.locked = LockFile(self.layout)
        self.sources = Sources(self.layout)

    def compiled(self) -> Compiled:
        """Return the steps the specs ask for. Raises InvalidInput with every problem in the documents."""
        return self.sources.compiled()

    def pipelines(self) -> "dict[str, Project]":
        """Return the pipelines that this one declares below itself, by folder, and then itself as `.`: as they run.

        One that has no steps of its own is left out. Raises InvalidInput for folders that cannot be what they should.
        """
        from mlops_runner.api.below import misplaced, nested

        compiled = self.compiled()
        if problems := [*misplaced(self.root, compiled.pipelines), *nested(self.root, compiled.pipelines)]:
            raise InvalidInput(problems)
        below = {folder: Project(self.root / folder, self.lock_timeout) for folder in compiled.pipelines}
        return {**below, ".": self} if compiled.steps else below

    def reads_from(self) -> frozenset[str]:
        """Return the folders of those pipelines below that steps of this one read from."""
        from mlops_runner.plan.pipelines import read_by

        compiled = self.compiled()
        return read_by(compiled.steps, compiled.pipelines)

    def facts(self) -> Facts:
        """Return what a plan is decided from besides specs and lock. Writes nothing."""
        return self.sources.facts()

    def lock(self) -> Lock:
        """Return pipeline.lock; an absent one is empty. Raises InvalidInput."""
        return self.locked.read()

    def lock_at(self, revision: str) -> Lock:
        """Return pipeline.lock as it was at a git revision; empty if there was none. Raises UsageFailure."""
        return self.locked.at(revision)

    def plan(self, base: str | None = None, selection: Selection | None = None) -> Plan:
        """Say what a run would do, and why. `base` compares with another revision's lock instead of the present one.

        `selection` asks for some of the steps: the others count as they are locked. Raises UsageFailure when it
        matches nothing.
        """
        compiled = self.compiled()
        lock = self.lock_at(base) if base else self.lock()
        if selection:
            return build_part(compiled.pipeline, compiled.steps, lock, self.facts(), selection)
        return build_plan(compiled.pipeline, compiled.steps, lock, self.facts())

    def affected_by(self, revision: str) -> "Affected":
        """Say which steps may come out differently because of what changed since a git revision; no lock is needed.

        Raises UsageFailure for a revision that git does not know, or whose documents are not valid.
        """
        from mlops_runner.api.affected import affected_by

        return affected_by(self, revision)

    def partial(self) -> tuple[str, ...]:
        """Return the names of the steps that are not in pipeline.lock as the specs imply; none when it is whole.

        A run of selected steps may leave some. It puts no mark into the lock, because none is needed: the key of such
        a step does not come out of the specs, the code, and what the other steps wrote.
        """
        return behind(self.compiled().steps, self.lock(), self.facts())

    def validate(self) -> list[Diagnostic]:
        """Return every problem of every document, and advice as warnings; in file order."""
        from mlops_runner.api.validation import validate

        found = validate(self.root)
        if any(problem.severity == "error" for problem in found):
            return found
        try:
            self.facts()  # the environment and the code that the documents name must be readable, too
        except InvalidInput as error:
            return [*found, *error.diagnostics]
        return found

    def documents(self) -> list[str]:
        """Return the files of all documents of the pipeline."""
        from mlops_runner.api.validation import documents

        return documents(self.root)

    def derive(self, rows: "DataFrame") -> "DataFrame":
        """Return rows with the columns that the Data document derives from the past of each series.

        rows: the past, as far back as is looked at, and the rows to forecast. Raises InvalidInput.
        """
        from mlops_runner.api.derived import derive_rows

        return derive_rows(self.root, rows)

    def notes(self, plan: Plan) -> dict[str, LocalNote]:
        """Return what this machine knows beyond the plan: what it can restore, what it lacks, how long things took."""
        lock = self.lock()
        return local_notes(plan, lock, self.finished, self.root, self.sources.stats(), self.sources.difference)

    def local(self, plan: Plan, jobs: int | None = None) -> "Local":
        """Return the notes, and how long a run of a plan may take with `jobs`, and what it may cost."""
        from mlops_runner.api.expected import local

        return local(self, plan, jobs)

    def verdict(self, results: "Sequence[Result] | None" = None) -> Verdict:
        """Return what the last run concluded; of `results` that judge no model, that they are done.

        Raises UsageFailure when there was no run.
        """
        judged = results is None or any(result.step.kind == "evaluate" for result in results)
        if not (judged and self.compiled().trains):
            return done(self.compiled())
        return verdict_of(self.evidence(), self.compiled(), self._local())

    def _local(self) -> Mapping[str, float]:
        """Return what was measured when the locked evaluation ran on this machine; nothing when it ran elsewhere."""
        stage = self.lock().stages.get("evaluate")
        done = self.finished().get(stage.key) if stage else None
        return done.local if done else {}

    def evidence(self) -> dict[str, Any]:
        """Return the last evaluation's evidence. Raises UsageFailure without one, NotVerified if it was altered."""
        lock = self.lock()
        if not self.compiled().trains:  # where there is no pipeline at all, that is what is said
            message = "this pipeline has steps alone: it evaluates no model"
            raise UsageFailure(Diagnostic("no-model", message, hint="mlops plan and mlops graph show its steps"))
        if "evaluate" not in lock.stages:
            raise UsageFailure(Diagnostic("no-run", "nothing has been evaluated yet", hint="run: mlops run"))
        if (found := locked_evidence(self.root, lock, self.compiled())) is not None:
            return found
        message = "the evidence of the last evaluation is not here as it was locked"
        raise NotVerified(Diagnostic("artifact-missing", message, hint="run: mlops run"))

    def fresh_report(self, *, changed: bool) -> Path | None:
        """Return the report of the last run, rendered again only if something changed; None if nothing is trained."""
        if not self.compiled().trains:
            return None
        if changed or not self.layout.report.exists():
            return self.write_report()
        return self.layout.report.relative_to(self.root)

    def write_report(self) -> Path:
        """Render the report of the last run as one HTML page, and return its path relative to the project."""
        from mlops_runner.reports.render import render

        write_text(self.layout.report, render(self.report(), "html"))
        return self.layout.report.relative_to(self.root)

    def report(self) -> "Report":
        """Build the report of the last run. Raises UsageFailure when there was none."""
        evidence = with_latency(self.evidence(), self.compiled(), self._local())
        return report_of(evidence, self.lock(), self.compiled(), self.root)

    def finished(self) -> dict[str, Finished]:
        """Return what has finished on this machine, by key."""
        return journal.read(self.layout.journal)

    def run(
        self, listener: "Listener | None" = None, expected: str | None = None, **flags: "Unpack[Flags]"
    ) -> "list[Result]":
        """Make every step's artifacts stand and write pipeline.lock.

        `listener` is told what happens, `expected` is the digest of the plan that was approved. Nothing runs when
        it is another one. The flags are those of `api.running.Flags`. Raises StepFailed, InvalidInput, PlanMismatch,
        LockBusy, UsageFailure.
        """
        from mlops_runner.api.running import RunOptions, run

        return run(self, listener, RunOptions(expected, **flags))

    def try_out(
        self, settings: Sequence[str], listener: "Listener | None" = None, **flags: "Unpack[Flags]"
    ) -> "tuple[list[Result], Verdict]":
        """Run with settings laid over the documents (`training.seed=3`), and leave every file of the project as it is.

        What is made stays in the object store, where a later run of the same steps finds it. Raises as `run` does, and
        UsageFailure for a setting that makes no sense.
        """
        from mlops_runner.api.experiments import verdict_aside
        from mlops_runner.api.overlay import overlay
        from mlops_runner.api.running import RunOptions, run
        from mlops_runner.specs.settings import parse_setting

        aside = Project(self.root, self.lock_timeout)
        aside.sources.laid_over = overlay(self.root, [parse_setting(text) for text in settings])
        results = run(aside, listener, RunOptions(None, settings=tuple(settings), **flags))
        return results, verdict_aside(self.root, aside.compiled(), results)

    def said(self, name: str, *, follow: bool = False) -> Iterator[bytes]:
        """Yield what a step said in its last execution here; with `follow`, of one that runs also what it says now.

        Secrets are hidden in it. Raises UsageFailure for a step that there is not, or that was never executed here.
        """
        from mlops_runner.execute.live import live_of, said_by
        from mlops_runner.execute.logs import log_of
        from mlops_runner.plan.select import unknown_step

        steps = {step.name: step for step in self.compiled().steps}
        if (step := steps.get(name)) is None:
            raise UsageFailure(unknown_step(name, list(steps)))
        if not any(place(self.layout.logs, step).exists() for place in (log_of, live_of)):
            message = f"there is no log of {name}: it was not executed here"
            raise UsageFailure(Diagnostic("no-log", message, hint="run: mlops run"))
        return said_by(self.layout.logs, step, follow=follow)

    def experiments(self, limit: int | None = None) -> "list[Experiment]":
        """Return what the experiment log holds of runs on this machine, the newest first."""
        from mlops_runner.execute.tracking import ExperimentLog

        return ExperimentLog(self.layout.experiments).latest(limit)

    def experiment(self, *numbers: int) -> "list[Experiment]":
        """Return experiments by number. Raises UsageFailure for one that is not in the log."""
        from mlops_runner.api.experiments import find
        from mlops_runner.execute.tracking import ExperimentLog

        return find(ExperimentLog(self.layout.experiments), numbers)

    def forget(self, *numbers: int) -> None:
        """Remove experiments from the log. Raises UsageFailure for one that is not in it."""
        from mlops_runner.execute.tracking import ExperimentLog

        self.experiment(*numbers)
        ExperimentLog(self.layout.experiments).remove(numbers)

    def headline(self) -> list[str]:
        """Return the metrics that a list of experiments shows: the first of the specs, on the last side.

        Where no model is trained, what the steps said of themselves: what moved lately, and of the last steps, first.
        """
        from mlops_runner.api.experiments import LATELY, headline, headline_of_steps

        if not self.compiled().trains:
            return headline_of_steps(self.experiments(LATELY))
        return headline(self.compiled())

    def apply(self, number: int) -> dict[str, tuple[str, str]]:
        """Edit the documents so that they say what an experiment ran; comments stay. Returns file → (old, new) text."""
        from mlops_runner.api.overlay import apply_experiment

        (found,) = self.experiment(number)
        with exclusive(self.layout.mutex, self.lock_timeout):
            return apply_experiment(self.root, found)

    def refresh(
        self, as_of: str | None = None, *, check: bool = False, tell: Callable[[str], None] = lambda _: None
    ) -> "Refreshed":
        """Fetch a remote source anew and write its digest into the Data document; `check` only looks.

        `as_of` is the time a query is to be about (RFC 3339). Raises StepFailed, InvalidInput, UsageFailure,
        PlanMismatch, LockBusy.
        """
        from mlops_runner.api.refresh import Asked, refresh

        return refresh(self.layout, self.lock(), Asked(as_of, check), self.lock_timeout, tell)

    def verify(self, *, allow_missing: bool = False) -> list[Diagnostic]:
        """Return every way in which lock, artifacts and pointers do not fit together; nothing is trained or written."""
        from mlops_runner.api.verification import problems

        return problems(self, allow_missing=allow_missing)

    def rerun(
        self, rounds: int, tell: "Callable[[Agreement], None]", note: Callable[[str], None] = lambda _: None
    ) -> None:
        """Execute every step again in a clean room. Raises NotVerified at the first artifact that differs."""
        from mlops_runner.api.verification import rerun

        rerun(self, rounds, tell, note)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep runs out while the lock is read and written anew. Raises LockBusy, and UsageFailure without a lock."""
        self.lock_text()  # where there is nothing to mend, nothing is written
        with exclusive(self.layout.mutex, self.lock_timeout):
            yield

    def prune(self, tell: Callable[[str], None]) -> tuple[str, ...]:
        """Drop the stages that no step stands for, with their pointers and those of their files that are unchanged."""
        from mlops_runner.execute.shelf import Shelf
        from mlops_runner.plan.resolve import prune

        with self.alone():
            old, stats = self.lock(), StatCache(self.layout.stats)
            new, gone = prune(self.compiled().steps, old)
            shelf = Shelf(self.layout, ObjectStore(self.root), stats, tell)
            for name in gone:
                shelf.clear(old.stages[name])
            if gone:
                self.locked.write(new)
        return gone

    def lock_text(self) -> str:
        """Return pipeline.lock's text as it stands, conflict markers included. Raises UsageFailure without a lock."""
        try:
            return self.locked.text()
        except FileNotFoundError:
            self.compiled()  # where there is no pipeline at all, that is what must be said
            raise UsageFailure(Diagnostic("no-lock", "there is no pipeline.lock yet", hint="run: mlops run")) from None
