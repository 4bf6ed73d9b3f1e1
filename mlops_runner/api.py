"""The verbs as a typed Python API: what the command line calls, and what a notebook can call.

project = load_project(".")
print(project.plan().changes)
project.run()
"""

import functools
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_runner import journal
from mlops_runner.digest import digest_bytes
from mlops_runner.durable import write_text
from mlops_runner.errors import Diagnostic, InvalidInput, NotVerified, Place, PlanMismatch, UsageFailure
from mlops_runner.gitops import git
from mlops_runner.journal import Finished
from mlops_runner.lock.codec import parse
from mlops_runner.lock.merge import has_conflicts
from mlops_runner.lock.model import FILE_NAME, Environment, Lock
from mlops_runner.plan import cache
from mlops_runner.plan.build import build_plan
from mlops_runner.plan.codec import plan_digest
from mlops_runner.plan.environment import differences, from_dependency_lock, from_installed, normalise, python_minor
from mlops_runner.plan.fingerprint import CodeBase
from mlops_runner.plan.local import LocalNote, local_notes
from mlops_runner.plan.model import Facts, Plan
from mlops_runner.plan.steps import Compiled, Step
from mlops_runner.reports.verdict import GateLine, Verdict
from mlops_runner.store.layout import Layout
from mlops_runner.store.mutex import exclusive
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.stats import StatCache

if TYPE_CHECKING:
    from mlops_runner.execute.engine import Listener, Result
    from mlops_runner.execute.rerun import Agreement
    from mlops_runner.reports.document import Report
    from mlops_runner.specs.load import Loaded
    from mlops_runner.specs.training import Trainer, Training
    from mlops_runner.train.model import Model


EVIDENCE = "evaluation.json"


def load_project(folder: str | Path = ".") -> "Project":
    """Open the project in a folder. Nothing is read until a verb needs it."""
    return Project(Path(folder).absolute())


def load_model(folder: str | Path = ".") -> "Model":
    """Load the model bundle that a project's lock names, after checking every byte against it.

    Raises UsageFailure without a lock, NotVerified for bytes that are missing or altered.
    """
    from mlops_runner.train.bundle import load_bundle

    project = load_project(folder)
    stage = project.lock().stages.get("package")
    if stage is None:
        raise UsageFailure(Diagnostic("no-run", "no model has been packaged yet", hint="run: mlops run"))
    expected = {path.rsplit("/", 1)[-1]: output.sha256 for path, output in stage.outputs.items()}
    return load_bundle(project.root / next(iter(stage.outputs)).rpartition("/")[0], expected)


@dataclass(slots=True)
class Project:
    """One pipeline and its lock. Every verb reads what it needs anew."""

    root: Path
    lock_timeout: float = 0.0
    layout: Layout = field(init=False)
    _memory: cache.Entry | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.layout = Layout(self.root)

    def compiled(self) -> Compiled:
        """Return the steps the specs ask for. Raises InvalidInput with every problem in the documents."""
        return self._entry().compiled

    def lock(self) -> Lock:
        """Return pipeline.lock; an absent one is empty. Raises InvalidInput."""
        try:
            return parse(self._lock_text())
        except FileNotFoundError:
            return Lock()

    def lock_at(self, revision: str) -> Lock:
        """Return pipeline.lock as it was at a git revision; empty if there was none. Raises UsageFailure."""
        found = git.read(self.root, git.resolve(self.root, revision), FILE_NAME)
        return parse(found.decode("utf-8", "replace"), f"{revision}:{FILE_NAME}") if found is not None else Lock()

    def facts(self) -> Facts:
        """Return what a plan is decided from besides specs and lock: environment, code, files. Writes nothing."""
        entry = self._entry()
        code_base = CodeBase(self.code_folder(entry.compiled))
        code = {
            name: code_base.fingerprint(
                name, step.place("trainer.callable" if step.kind == "train" else "source.callable")
            )
            for step in entry.compiled.steps
            for name in step.code
        }
        notes = tuple(dict.fromkeys(note for found in code.values() for note in found.notes))
        external, absent = self._external(entry.compiled)
        environment = entry.environment or from_installed(installed())
        files = {name: found.files for name, found in code.items()}
        return Facts(environment, files, external, absent, notes)

    def plan(self, base: str | None = None) -> Plan:
        """Say what a run would do, and why. `base` compares with another revision's lock instead of the present one."""
        compiled = self.compiled()
        lock = self.lock_at(base) if base else self.lock()
        return build_plan(compiled.pipeline, compiled.steps, lock, self.facts())

    def validate(self) -> list[Diagnostic]:
        """Return every problem of every document, and advice as warnings; in file order."""
        from mlops_runner.plan.check import check_core
        from mlops_runner.plan.check_operation import check_operation
        from mlops_runner.specs.documents import load_operation
        from mlops_runner.specs.load import folder_reader, load_core, load_pipeline
        from mlops_runner.specs.rollout import rollout_warnings
        from mlops_runner.specs.schema import check

        read = folder_reader(self.root)
        try:
            pipeline = load_pipeline(read)
        except InvalidInput as error:
            return list(error.diagnostics)
        operation = load_operation(read, pipeline)
        found = list(operation.problems)
        try:
            core = load_core(read)
        except InvalidInput as error:
            return sorted([*error.diagnostics, *found], key=_by_place)
        trained = (core.pipeline, core.data, core.training, core.evaluation)
        operated = (operation.rollout, operation.monitoring, *operation.environments)
        documents = [loaded.document for loaded in (*trained, *operated) if loaded is not None]
        found += [problem for document in documents for problem in check(document, document.value["kind"])]
        found += [*check_core(core), *check_operation(core, operation)]
        if operation.rollout:
            found += rollout_warnings(operation.rollout.spec, operation.rollout.document)
        if not any(problem.severity == "error" for problem in found):
            found += [*self._unreadable(), *_untrainable(core.training)]
        return sorted(found, key=_by_place)

    def _unreadable(self) -> tuple[Diagnostic, ...]:
        """Return what keeps the environment and the code that the documents name from being read."""
        try:
            self.facts()
        except InvalidInput as error:
            return error.diagnostics
        return ()

    def documents(self) -> list[str]:
        """Return the files of all documents of the pipeline."""
        from mlops_runner.specs.load import folder_reader, load_pipeline

        spec = load_pipeline(folder_reader(self.root)).spec
        named = [spec.specs.data, spec.specs.training, spec.specs.evaluation, spec.specs.rollout, spec.specs.monitoring]
        return ["pipeline.yaml", *filter(None, named), *spec.environments]

    def notes(self, plan: Plan) -> dict[str, LocalNote]:
        """Return what this machine knows beyond the plan: what it can restore, what it lacks, how long things took."""
        return local_notes(plan, self.lock(), self.finished(), self.root, StatCache(self.layout.stats))

    def verdict(self) -> Verdict:
        """Return what the last run concluded. Raises UsageFailure when there was none."""
        evidence = self.evidence()
        limits = {name: gate["unmeasured"] for name, gate in self._evaluate_step().config["gates"].items()}
        gates = tuple(
            GateLine(g["name"], g["answer"], g["comparison"], _blocks(g["answer"], limits.get(g["name"], "fail")))
            for g in evidence["gates"]
        )
        threshold = evidence.get("threshold")
        metrics = _headline(evidence, self._evaluate_step().config["metrics"])
        value = threshold["value"] if threshold else None
        return Verdict(self.compiled().pipeline, evidence["winner"], metrics, value, gates)

    def evidence(self) -> dict[str, Any]:
        """Return the last evaluation's evidence. Raises UsageFailure without one, NotVerified if it was altered."""
        lock = self.lock()
        if "evaluate" not in lock.stages:
            self.compiled()  # where there is no pipeline at all, that is what must be said
            raise UsageFailure(Diagnostic("no-run", "nothing has been evaluated yet", hint="run: mlops run"))
        if (found := self._evidence(lock)) is not None:
            return found
        message = "the evidence of the last evaluation is not here as it was locked"
        raise NotVerified(Diagnostic("artifact-missing", message, hint="run: mlops run"))

    def _evidence(self, lock: Lock) -> dict[str, Any] | None:
        """Return the evidence if its bytes are here, in the project or in the cache, and are the locked ones."""
        path = f"{self._evaluate_step().output}/{EVIDENCE}"
        output = lock.stages["evaluate"].outputs.get(path) if "evaluate" in lock.stages else None
        if output is None:
            return None
        for place in (self.root / path, ObjectStore(self.root).path(output.md5)):
            try:
                data = place.read_bytes()
            except OSError:
                continue
            if digest_bytes(data).sha256 == output.sha256:
                found: dict[str, Any] = json.loads(data)
                return found
        return None

    def fresh_report(self, *, changed: bool) -> Path:
        """Return the report of the last run, rendered again only if something changed or it is not there."""
        if changed or not self.layout.report.exists():
            return self.write_report()
        return self.layout.report.relative_to(self.root)

    def write_report(self) -> Path:
        """Render the report of the last run as one HTML page, and return its path relative to the project."""
        from mlops_runner.reports.render import render

        write_text(self.layout.report, render(self.report(), "html"))
        return self.layout.report.relative_to(self.root)

    def report(self) -> "Report":
        """Build the report of the last run."""
        from mlops_runner.reports.builders.evaluation import build_evaluation_report
        from mlops_runner.reports.context import ReportContext

        evidence, lock = self.evidence(), self.lock()
        steps = self.compiled().steps
        environment = lock.environments["default"]
        context = ReportContext(
            name=self.compiled().pipeline,
            description=self.compiled().description,
            lineage={name: {"key": stage.key, "inputs": dict(stage.inputs)} for name, stage in lock.stages.items()},
            parameters={
                step.name.removeprefix("train."): step.config["trainer"] for step in steps if step.kind == "train"
            },
            data=self._profile(lock),
            importance=[(row["feature"], row["drop"], row["std"]) for row in evidence["importance"]],
            importance_metric=evidence["select"]["metric"],
            environment={"python": environment.python, "dependencies": environment.digest},
            commands=("mlops verify --rerun 1",),
        )
        return build_evaluation_report(evidence, context)

    def _profile(self, lock: Lock) -> dict[str, Any]:
        """Return the profile of the data, or nothing when it is not here."""
        for path in lock.stages["data"].outputs:
            if path.endswith("/profile.json") and (self.root / path).is_file():
                found: dict[str, Any] = json.loads((self.root / path).read_bytes())
                return found
        return {}

    def _evaluate_step(self) -> Step:
        return next(step for step in self.compiled().steps if step.kind == "evaluate")

    def finished(self) -> dict[str, Finished]:
        """Return what has finished on this machine, by key."""
        return journal.read(self.layout.journal)

    def run(
        self, listener: "Listener | None" = None, expected: str | None = None, *, force: bool = False
    ) -> "list[Result]":
        """Make every step's artifacts stand and write pipeline.lock.

        `listener` is told what happens, `expected` is the digest of the plan that was approved. Nothing runs when
        it is another one. Raises StepFailed, InvalidInput, PlanMismatch, LockBusy.
        """
        self.compiled()  # before the state folder is made: there may be no project here
        with exclusive(self.layout.mutex, self.lock_timeout):
            compiled, lock, facts = self.compiled(), self.lock(), self.facts()
            self._remember_compiled()
            plan = build_plan(compiled.pipeline, compiled.steps, lock, facts)
            if expected is not None and plan_digest(plan) != expected:
                message = f"the plan is now {plan_digest(plan)}, not {expected}"
                raise PlanMismatch(Diagnostic("plan-changed", message, hint="review it again: mlops plan"))
            from mlops_runner.execute.engine import Engine, Silence

            code = self.code_folder(compiled)
            engine = Engine(self.layout, lock, facts, code, listener or Silence(), self.require_environment, force)
            return engine.run(compiled.steps)

    def verify(self, *, allow_missing: bool = False) -> list[Diagnostic]:
        """Return every way in which lock, artifacts and pointers do not fit together; nothing is trained or written."""
        from mlops_runner.execute import verify

        lock, facts = self._existing_lock(), self.facts()
        stats = StatCache(self.layout.stats)
        plan = build_plan(self.compiled().pipeline, self.compiled().steps, lock, facts)
        found = [
            *verify.stale(plan),
            *verify.edited(plan, lock, facts),
            *(verify.wrong_numbers(lock, evidence) if (evidence := self._evidence(lock)) else ()),
            *verify.broken_chain(lock),
            *verify.moved_inputs(self.root, plan, stats),
            *verify.wrong_artifacts(self.root, lock, stats),
            *verify.wrong_pointers(self.root, lock, stats),
        ]
        return [d for d in found if not (allow_missing and d.code in {"artifact-missing", "pointer-missing"})]

    def rerun(self, rounds: int, tell: "Callable[[Agreement], None]") -> None:
        """Execute every step again in a clean room. Raises NotVerified at the first artifact that differs."""
        from mlops_runner.execute.rerun import rerun

        compiled = self.compiled()
        with exclusive(self.layout.mutex, self.lock_timeout):
            lock = self._existing_lock()
            if problems := [d for d in self.verify(allow_missing=True) if d.code != "pointer-different"]:
                raise NotVerified(problems)
            self.require_environment()
            rerun(self.layout, compiled.steps, lock, self.code_folder(compiled), rounds, tell)

    def write_lock(self, text: str) -> None:
        """Replace pipeline.lock durably, while no run is under way. Raises LockBusy."""
        with exclusive(self.layout.mutex, self.lock_timeout):
            write_text(self.root / FILE_NAME, text)

    def prune(self, tell: Callable[[str], None]) -> tuple[str, ...]:
        """Drop the stages that no step stands for, with their pointers and those of their files that are unchanged."""
        from mlops_runner.execute.shelf import Shelf
        from mlops_runner.lock.codec import emit
        from mlops_runner.plan.resolve import prune

        self.lock_text()
        with exclusive(self.layout.mutex, self.lock_timeout):
            old, stats = self.lock(), StatCache(self.layout.stats)
            new, gone = prune(self.compiled().steps, old)
            shelf = Shelf(self.layout, ObjectStore(self.root), stats, tell)
            for name in gone:
                shelf.clear(old.stages[name])
            if gone:
                write_text(self.root / FILE_NAME, emit(new))
        return gone

    def lock_text(self) -> str:
        """Return pipeline.lock's text as it stands, conflict markers included. Raises UsageFailure without a lock."""
        try:
            return self._lock_text()
        except FileNotFoundError:
            self.compiled()  # where there is no pipeline at all, that is what must be said
            raise UsageFailure(Diagnostic("no-lock", "there is no pipeline.lock yet", hint="run: mlops run")) from None

    def _lock_text(self) -> str:
        try:
            return (self.root / FILE_NAME).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            place = Place(FILE_NAME)
            message = "pipeline.lock is not text"
            raise InvalidInput(Diagnostic("lock-syntax", message, place, "take it from git")) from None

    def code_folder(self, compiled: Compiled) -> Path:
        """Return the folder that python callables are imported from."""
        return self.root / compiled.code

    def environment_differences(self) -> list[str]:
        """Say where the installed distributions differ from the dependency lock; empty without one."""
        compiled = self.compiled()
        if compiled.dependencies is None:
            return []
        text = self._read(compiled.dependencies) or b""
        _, pins = from_dependency_lock(text.decode("utf-8", "replace"), compiled.dependencies)
        return differences(pins, installed())

    def require_environment(self) -> None:
        """Refuse to execute in an environment that is not the one the keys name. Raises InvalidInput."""
        if found := self.environment_differences():
            more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
            file = self.compiled().dependencies
            message = f"the installed packages are not those of {file}: {'; '.join(found[:3])}{more}"
            raise InvalidInput(Diagnostic("environment-differs", message, hint=f"pip install -r {file}"))

    def _existing_lock(self) -> Lock:
        if has_conflicts(self.lock_text()):
            hint = "run: mlops lock resolve"
            raise NotVerified(Diagnostic("lock-conflict", "pipeline.lock has conflict markers", hint=hint))
        return self.lock()

    def _entry(self) -> cache.Entry:
        """Return what the specs compile to: from memory or the cache while their files have the same content."""
        if self._memory is None or not cache.fresh(self._memory.sources, self._read):
            stored = self._stored()
            self._memory = cache.decode(stored, self._read, python_minor()) if stored else None
            self._memory = self._memory or self._compile()
        return self._memory

    def _stored(self) -> bytes:
        try:
            return self.layout.compiled.read_bytes()
        except OSError:
            return b""

    def _compile(self) -> cache.Entry:
        from mlops_runner.plan.check import check_core
        from mlops_runner.plan.compile import compile_pipeline
        from mlops_runner.specs.load import folder_reader, load_core

        core = load_core(folder_reader(self.root))
        if problems := list(check_core(core)):
            raise InvalidInput(problems)
        compiled = compile_pipeline(core)
        files = [*compiled.specs, *filter(None, [compiled.dependencies])]
        sources = {file: cache.source_digest(self._read(file) or b"") for file in files}
        return cache.Entry(compiled, self._environment(compiled), sources)

    def _environment(self, compiled: Compiled) -> Environment | None:
        if compiled.dependencies is None:
            return None
        data = self._read(compiled.dependencies)
        if data is None:
            message = f"there is no file {compiled.dependencies}"
            hint = "make it with: uv pip compile --universal --generate-hashes pyproject.toml -o requirements.lock"
            raise InvalidInput(Diagnostic("missing-file", message, hint=hint))
        return from_dependency_lock(data.decode("utf-8", "replace"), compiled.dependencies)[0]

    def _remember_compiled(self) -> None:
        text = cache.encode(self._entry(), python_minor())
        if self._stored() != text.encode():
            write_text(self.layout.compiled, text)

    def _external(self, compiled: Compiled) -> tuple[dict[str, str], frozenset[str]]:
        stats = StatCache(self.layout.stats)
        found: dict[str, str] = {}
        absent = set()
        for item in (item for step in compiled.steps for item in step.inputs if item.producer is None):
            try:
                found[item.path] = stats.digest(self.root / item.path).sha256
            except OSError:
                absent.add(item.path)
        return found, frozenset(absent)

    def _read(self, file: str) -> bytes | None:
        try:
            return (self.root / file).read_bytes()
        except OSError:
            return None


@functools.cache
def installed() -> dict[str, str]:
    """Return the installed distributions, normalised name → version, read from the names of their metadata folders."""
    folders = [Path(entry) for entry in reversed(sys.path) if entry and Path(entry).is_dir()]
    names = [info.name.removesuffix(".dist-info") for folder in folders for info in folder.glob("*.dist-info")]
    return {normalise(name): version for name, _, version in (text.partition("-") for text in names)}


def _blocks(answer: str, unmeasured: str) -> bool:
    return answer == "fail" or (answer == "unmeasured" and unmeasured == "fail")


def _headline(evidence: dict[str, Any], wanted: Sequence[str]) -> dict[str, float]:
    """Choose the numbers of the verdict: the first metrics of the spec, on the held-out side."""
    winner = evidence["metrics"][evidence["winner"]]
    side = next(name for name in ("test", "validation", "train") if name in winner)
    numbers = {f"{side} {name}": winner[side].get(name) for name in wanted}
    return dict([(name, value) for name, value in numbers.items() if value is not None][:4])


def _by_place(diagnostic: Diagnostic) -> tuple[bool, str, int, int]:
    place = diagnostic.place
    return (place is None, place.file if place else "", place.line if place else 0, place.column if place else 0)


def _untrainable(training: "Loaded[Training]") -> Iterator[Diagnostic]:
    """Ask every trainer what is wrong with its spec: parameters it does not have, estimators that do not fit the task."""
    from mlops_runner.train.trainers.base import check

    trainers: dict[tuple[str, ...], Trainer] = {("baseline",): training.spec.baseline}
    trainers |= {("candidates", name): trainer for name, trainer in training.spec.candidates.items()}
    for path, trainer in trainers.items():
        for found in check(trainer, training.spec.task):
            quoted = [("params", word) for word in re.findall(r'"([^"]+)"', found.message) if word in trainer.params]
            place = training.document.place((*path, *(quoted[0] if quoted else ("trainer",))))
            yield replace(found, place=found.place or place)
