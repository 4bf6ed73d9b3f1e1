"""What the last run concluded: its evidence, the verdict by the gates, and the report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_runner.digest import digest_bytes
from mlops_runner.lock.model import Lock
from mlops_runner.plan.steps import Compiled, Step
from mlops_runner.reports.verdict import GateLine, Verdict
from mlops_runner.store.objects import ObjectStore

if TYPE_CHECKING:
    from mlops_runner.reports.context import ReportContext
    from mlops_runner.reports.document import Report

EVIDENCE = "evaluation.json"


def locked_evidence(root: Path, lock: Lock, compiled: Compiled) -> dict[str, Any] | None:
    """Return the evidence if its bytes are here, in the project or in the cache, and are the locked ones."""
    if not compiled.trains:
        return None
    path = f"{evaluate_step(compiled).output}/{EVIDENCE}"
    output = lock.stages["evaluate"].outputs.get(path) if "evaluate" in lock.stages else None
    if output is None:
        return None
    for place in (root / path, ObjectStore(root).path(output.md5)):
        try:
            data = place.read_bytes()
        except OSError:
            continue
        if digest_bytes(data).sha256 == output.sha256:
            found: dict[str, Any] = json.loads(data)
            return found
    return None


def with_latency(evidence: dict[str, Any], compiled: Compiled, local: Mapping[str, float]) -> dict[str, Any]:
    """Add the gates of latency, which are judged by what was measured on this machine, or answer that nothing was."""
    gates = evaluate_step(compiled).config.get("gates", {})
    found = [_latency(name, gate, local.get(name)) for name, gate in gates.items() if gate["kind"] == "latency"]
    return {**evidence, "gates": [*evidence["gates"], *found]} if found else evidence


def _latency(name: str, gate: Mapping[str, Any], measured: float | None) -> dict[str, Any]:
    limit, rows = gate["max_ms"], gate.get("rows", 1)
    where = "for single rows" if rows == 1 else f"in requests of {rows:,} rows"
    if measured is None:
        answer, text = "unmeasured", "latency could not be measured: the model was not evaluated on this machine"
    else:
        answer = "pass" if measured <= limit else "fail"
        text = f"latency {measured:.4g} ms a row at p95, {where} {'<=' if answer == 'pass' else '>'} {limit:g} ms"
    blocks = _blocks(answer, gate.get("unmeasured", "warn"))
    place = dict.fromkeys(("metric", "split", "slice"))
    return {"name": name, "kind": "latency", **place, "answer": answer, "comparison": text, "blocks": blocks}


def verdict_of(evidence: dict[str, Any], compiled: Compiled, local: Mapping[str, float] | None = None) -> Verdict:
    """Judge the evidence by the gates of the specs. local: what was measured on this machine alone."""
    found = with_latency(evidence, compiled, local or {})["gates"]
    gates = tuple(GateLine(gate["name"], gate["answer"], gate["comparison"], gate["blocks"]) for gate in found)
    threshold = evidence.get("threshold")
    value = threshold["value"] if threshold else None
    value = dict(zip(evidence["classes"], value, strict=True)) if isinstance(value, list) else value
    headline = _headline(evidence, evaluate_step(compiled).config["metrics"])
    return Verdict(compiled.pipeline, evidence["winner"], headline, value, gates)


def done(compiled: Compiled) -> Verdict:
    """Return the verdict on a run that evaluates no model: every step is done."""
    return Verdict(compiled.pipeline, "", {}, None, ())


def report_of(evidence: dict[str, Any], lock: Lock, compiled: Compiled, root: Path) -> "Report":
    """Build the report of a run."""
    from mlops_runner.reports.builders.evaluation import build_evaluation_report

    return build_evaluation_report(evidence, context_of(evidence, lock, compiled, root))


def context_of(evidence: dict[str, Any], lock: Lock, compiled: Compiled, root: Path) -> "ReportContext":
    """Put together what a report says besides the numbers."""
    from mlops_runner.reports.context import ReportContext

    environment = lock.environments["default"]
    execution = evaluate_step(compiled).execution
    searches = [step.name for step in compiled.steps if step.kind == "search"]
    trained = [step for step in compiled.steps if step.kind == "train"]
    return ReportContext(
        name=compiled.pipeline,
        description=compiled.description,
        lineage={name: _lineage(lock, name) for name in lock.stages},
        parameters={step.name.removeprefix("train."): step.config["trainer"] for step in trained},
        data=_artifact(root, lock, "data", "profile.json"),
        quality=_artifact(root, lock, "data", "quality.json"),
        searches={name.removeprefix("search."): _artifact(root, lock, name, "trials.json") for name in searches},
        importance=[(row["feature"], row["drop"], row["std"]) for row in evidence["importance"]],
        importance_metric=evidence["select"]["metric"],
        environment={"python": environment.python, "dependencies": environment.digest, **_shown(execution)},
        commands=("mlops verify --rerun 1",),
    )


def evaluate_step(compiled: Compiled) -> Step:
    """Return the step that writes the evidence."""
    return next(step for step in compiled.steps if step.kind == "evaluate")


def _lineage(lock: Lock, name: str) -> dict[str, Any]:
    stage = lock.stages[name]
    outputs = {path: f"sha256:{output.sha256}" for path, output in stage.outputs.items()}
    return {"key": stage.key, "inputs": dict(stage.inputs), "outputs": outputs}


def _shown(execution: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in execution.items()}


def _artifact(root: Path, lock: Lock, stage: str, name: str) -> dict[str, Any]:
    """Return what a stage wrote as JSON, or nothing when it is not here."""
    for path in lock.stages[stage].outputs:
        if path.endswith(f"/{name}") and (root / path).is_file():
            found: dict[str, Any] = json.loads((root / path).read_bytes())
            return found
    return {}


def _blocks(answer: str, unmeasured: str) -> bool:
    return answer == "fail" or (answer == "unmeasured" and unmeasured == "fail")


def _headline(evidence: dict[str, Any], wanted: Sequence[str]) -> dict[str, float]:
    """Choose the numbers of the verdict: the first metrics of the spec, on the held-out side."""
    winner = evidence["metrics"][evidence["winner"]]
    side = next(name for name in ("test", "validation", "train") if name in winner)
    numbers = {f"{side} {name}": winner[side].get(name) for name in wanted}
    return dict([(name, value) for name, value in numbers.items() if value is not None][:4])
