"""Experiments: settings laid over the documents, a record of every run, and the way from a record back to the files."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_runner.api.evidence import evaluate_step, verdict_of
from mlops_runner.api.sources import Sources
from mlops_runner.durable import write_text
from mlops_runner.errors import Diagnostic, MlopsError, UsageFailure
from mlops_runner.execute.engine import Result
from mlops_runner.execute.tracking import Experiment, ExperimentLog
from mlops_runner.gitops import git
from mlops_runner.plan.steps import Compiled
from mlops_runner.reports.verdict import Verdict
from mlops_runner.specs.edit import apply
from mlops_runner.specs.load import PIPELINE_FILE, folder_reader, load_pipeline
from mlops_runner.specs.locations import load_yaml
from mlops_runner.specs.settings import DOCUMENTS, Setting, edits_between, edits_of
from mlops_runner.store.objects import ObjectStore

if TYPE_CHECKING:
    from mlops_runner.api.project import Asked

MOST_CURVE_POINTS = 200


def overlay(root: Path, settings: Iterable[Setting]) -> dict[str, bytes]:
    """Return the documents that settings change, by file, as they would read. Raises UsageFailure, InvalidInput."""
    by_file: dict[str, list[Setting]] = {}
    files = document_files(root)
    for setting in settings:
        by_file.setdefault(files[setting.document], []).append(setting)
    read = folder_reader(root)
    return {file: _with(load_yaml(read(file), file), found) for file, found in by_file.items()}


def _with(document: Any, settings: list[Setting]) -> bytes:
    for setting in settings:  # one after the other: a later one may lead into what an earlier one has added
        document = load_yaml(apply(document, edits_of(document, [setting])).encode(), document.file)
    text: str = document.text
    return text.encode()


def document_files(root: Path) -> dict[str, str]:
    """Return the file of each document that decides what is trained."""
    specs = load_pipeline(folder_reader(root)).spec.specs
    return {"pipeline": PIPELINE_FILE, **{name: getattr(specs, name) for name in DOCUMENTS[1:]}}


def evidence_of(root: Path, results: Sequence[Result]) -> dict[str, Any]:
    """Return the evidence of a run from the object store."""
    found = next(result for result in results if result.step.kind == "evaluate")
    return _stored(root, found, "evaluation.json")


def verdict_aside(root: Path, compiled: Compiled, results: Sequence[Result]) -> Verdict:
    """Judge a run whose artifacts are in the store alone."""
    return verdict_of(evidence_of(root, results), compiled)


def remember(sources: Sources, asked: "Asked", seconds: float, results: Sequence[Result]) -> int:
    """Record a run that ended with a verdict, and return its number. Raises OSError."""
    root, compiled = sources.root, sources.compiled()
    evidence = evidence_of(root, results)
    verdict = verdict_of(evidence, compiled)
    trained = [result for result in results if result.step.kind == "train"]
    return _add(
        sources, asked, seconds, "passed" if verdict.passed else "refused",
        params={step.name: dict(step.params) for step in compiled.steps},
        steps={result.name: _settled(result) for result in results},
        winner=evidence["winner"],
        metrics=_flat(evidence["metrics"][evidence["winner"]]),
        models={name: _flat(sides) for name, sides in evidence["metrics"].items()},
        gates={gate["name"]: gate["answer"] for gate in evidence["gates"]},
        curves={result.name.partition(".")[2]: _curve(root, result) for result in trained},
    )  # fmt: skip


def remember_failure(sources: Sources, asked: "Asked", seconds: float, error: MlopsError) -> int:
    """Record a run that failed, and return its number. Raises OSError."""
    return _add(sources, asked, seconds, "failed", problem="; ".join(d.message for d in error.diagnostics))


def _add(sources: Sources, asked: "Asked", seconds: float, verdict: Any, **found: Any) -> int:
    experiment = Experiment(
        now(), verdict, round(seconds, 3), asked.message, _revision(sources.root), asked.settings,
        documents_of(sources.root, sources.laid_over), **found,
    )  # fmt: skip
    return ExperimentLog(sources.layout.experiments).add(experiment)


def now() -> str:
    """Return the moment, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _revision(root: Path) -> str:
    try:
        return git.resolve(root, "HEAD").commit
    except UsageFailure:
        return ""


def documents_of(root: Path, laid_over: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the values of the documents, as they are run."""
    read = folder_reader(root)
    files = document_files(root).items()
    return {name: load_yaml(laid_over.get(file) or read(file), file).value for name, file in files}


def _settled(result: Result) -> dict[str, Any]:
    files = {name: digest.sha256 for name, digest in result.files.items()}
    found = {"how": result.how, "key": result.stage.key, "metrics": dict(result.stage.metrics), "files": files}
    return {**found, "seconds": round(result.seconds, 3), "peak_kib": result.peak_kib}


def _flat(sides: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{side}.{metric}": value for side, found in sides.items() for metric, value in found.items()}


def _curve(root: Path, result: Result) -> dict[str, Any]:
    curve = _stored(root, result, "candidate.json").get("curve", {})
    return {side: {metric: _thin(values) for metric, values in found.items()} for side, found in curve.items()}


def _thin(values: Sequence[float]) -> list[float]:
    step = max(1, -(-len(values) // MOST_CURVE_POINTS))
    return [*values[::step]]


def _stored(root: Path, result: Result, name: str) -> dict[str, Any]:
    if name not in result.files:
        return {}
    found: dict[str, Any] = json.loads(ObjectStore(root).path(result.files[name].md5).read_bytes())
    return found


def find(log: ExperimentLog, numbers: Sequence[int]) -> list[Experiment]:
    """Return experiments by their numbers, in that order. Raises UsageFailure for one that does not exist."""
    found = log.find(numbers)
    for number in numbers:
        if number not in found:
            raise UsageFailure(
                Diagnostic("unknown-experiment", f"there is no experiment {number}", hint="mlops exp list")
            )
    return [found[number] for number in numbers]


def apply_experiment(root: Path, experiment: Experiment) -> dict[str, tuple[str, str]]:
    """Edit the documents so that they say what an experiment ran; comments stay. Returns file → (old, new) text.

    Raises InvalidInput for a document that cannot be read, OSError.
    """
    read, changed = folder_reader(root), {}
    for name, file in document_files(root).items():
        document = load_yaml(read(file), file)
        wanted = _tuples(experiment.documents[name])
        text = apply(document, edits_between(document.value, wanted))
        if text != document.text:
            changed[file] = (document.text, text)
    for file, (_, text) in changed.items():
        write_text(root / file, text)
    return changed


def _tuples(value: Any) -> Any:
    """Return JSON as a document holds it: sequences are tuples."""
    if isinstance(value, dict):
        return {key: _tuples(found) for key, found in value.items()}
    return tuple(_tuples(found) for found in value) if isinstance(value, list) else value


def headline(compiled: Compiled) -> list[str]:
    """Return the metrics that a list of experiments shows: the first of the evaluation, on the last side there is."""
    step = evaluate_step(compiled)
    sides = {item.name for item in step.inputs}
    side = next(name for name in ("test", "validation", "train") if name in sides)
    return [f"{side}.{name}" for name in step.config["metrics"][:3]]
