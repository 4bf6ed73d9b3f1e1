"""Experiments: a record of every run, and how to find it again. Loads nothing that an ordinary run does not."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_runner.api.evidence import done, evaluate_step, verdict_of
from mlops_runner.api.sources import Sources
from mlops_runner.errors import Diagnostic, MlopsError, UsageFailure
from mlops_runner.execute.result import Result
from mlops_runner.execute.tracking import Experiment, ExperimentLog
from mlops_runner.gitops import git
from mlops_runner.plan.steps import Compiled, Step
from mlops_runner.reports.experiments import moved
from mlops_runner.reports.verdict import Verdict
from mlops_runner.store.objects import ObjectStore

if TYPE_CHECKING:
    from mlops_runner.api.running import RunOptions

DOCUMENTS = ("pipeline", "data", "training", "evaluation")  # in the order of Compiled.specs
MOST_CURVE_POINTS = 200
MOST_HEADLINES = 4
LATELY = 20  # runs


def evidence_of(root: Path, results: Sequence[Result]) -> dict[str, Any]:
    """Return the evidence of a run from the object store."""
    found = next(result for result in results if result.step.kind == "evaluate")
    return _stored(root, found, "evaluation.json")


def verdict_aside(root: Path, compiled: Compiled, results: Sequence[Result]) -> Verdict:
    """Judge a run whose artifacts are in the store alone."""
    if not compiled.trains:
        return done(compiled)
    return verdict_of(evidence_of(root, results), compiled)


def remember(sources: Sources, options: "RunOptions", seconds: float, results: Sequence[Result]) -> int:
    """Record a run that ended with a verdict, and return its number. Raises OSError."""
    root, compiled = sources.root, sources.compiled()
    if not any(result.step.kind == "evaluate" for result in results):
        return _remember_steps(sources, options, seconds, results)
    evidence = evidence_of(root, results)
    verdict = verdict_of(evidence, compiled)
    trained, searched = ([result for result in results if result.step.kind == kind] for kind in ("train", "search"))
    searches = {result.name.partition(".")[2]: _stored(root, result, "trials.json") for result in searched}
    return _add(
        sources, options, seconds, "passed" if verdict.passed else "refused",
        params={step.name: _params(step, searches) for step in compiled.steps},
        steps={result.name: _settled(result) for result in results},
        winner=evidence["winner"],
        metrics=_flat(evidence["metrics"][evidence["winner"]]),
        models={name: _flat(sides) for name, sides in evidence["metrics"].items()},
        gates={gate["name"]: gate["answer"] for gate in evidence["gates"]},
        curves={result.name.partition(".")[2]: _curve(root, result) for result in trained},
        searches=searches,
    )  # fmt: skip


def _remember_steps(sources: Sources, options: "RunOptions", seconds: float, results: Sequence[Result]) -> int:
    """Record a run that trains no model: the metrics are what its steps said."""
    said = {f"{result.name}.{name}": value for result in results for name, value in result.stage.metrics.items()}
    return _add(
        sources, options, seconds, "passed",
        params={step.name: dict(step.params) for step in sources.compiled().steps},
        steps={result.name: _settled(result) for result in results},
        metrics=said,
    )  # fmt: skip


def _params(step: Step, searches: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a step; of a training those that a search has found for it."""
    kind, _, candidate = step.name.partition(".")
    if kind != "train" or candidate not in searches:
        return dict(step.params)
    found = searches[candidate]
    best = next(trial["params"] for trial in found["trials"] if trial["number"] == found["best"])
    own = {name: f"trainer.{name}" for name in best if f"trainer.{name}" in step.params}  # such as rounds
    return {**step.params, **{own.get(name, f"trainer.params.{name}"): value for name, value in best.items()}}


def remember_failure(sources: Sources, options: "RunOptions", seconds: float, error: MlopsError) -> int:
    """Record a run that failed, and return its number. Raises OSError."""
    return _add(sources, options, seconds, "failed", problem="; ".join(d.message for d in error.diagnostics))


def _add(sources: Sources, options: "RunOptions", seconds: float, verdict: Any, **found: Any) -> int:
    experiment = Experiment(
        now(), verdict, round(seconds, 3), options.message, _revision(sources.root), options.settings,
        documents_of(sources), **found,
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


def documents_of(sources: Sources) -> dict[str, str]:
    """Return the text of the documents, as they are run."""
    files = dict(zip(DOCUMENTS, sources.compiled().specs, strict=False))  # the first alone where nothing is trained
    return {name: (sources.read(file) or b"").decode("utf-8", "replace") for name, file in files.items()}


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


def headline_of_steps(runs: Sequence[Experiment]) -> list[str]:
    """Return what steps said of themselves in the last run: what moved between runs first, of later steps first."""
    told = [run for run in runs if run.metrics]
    names = list(told[0].metrics)[::-1] if told else []
    return sorted(names, key=lambda name: not moved(told, name))[:MOST_HEADLINES]


def headline(compiled: Compiled) -> list[str]:
    """Return the metrics that a list of experiments shows: the first of the evaluation, on the last side there is."""
    step = evaluate_step(compiled)
    sides = {item.name for item in step.inputs}
    side = next(name for name in ("test", "validation", "train") if name in sides)
    return [f"{side}.{name}" for name in step.config["metrics"][:3]]
