"""The evaluate stage: every model on every side, thresholds, the winner, intervals, slices, gates and importance."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mlops_runner.digest import canonical_json
from mlops_runner.errors import MlopsError, NotVerified
from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.learning_curve import learning_curve_json
from mlops_runner.evaluate.perturb import changed, changes, perturb, repeats_of, touched
from mlops_runner.evaluate.refits import Refits, refits_from
from mlops_runner.evaluate.values import Floats, Options, Unmeasured
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import SIDES, build, log, out_folder, spec_from
from mlops_runner.execute.stages.evaluated_errors import Explained
from mlops_runner.execute.stages.evaluated_models import Models, load_models, rows_by_side
from mlops_runner.execute.stages.evaluated_predictions import PREDICTIONS, profiles
from mlops_runner.execute.stages.evaluated_rows import Marks
from mlops_runner.execute.stages.evaluated_series import measured_sides
from mlops_runner.execute.stages.latency import latency_ms
from mlops_runner.execute.stages.measuring import select_from
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.evaluation_gates import LatencyGate, RobustnessGate
from mlops_runner.specs.evaluation_robustness import Perturbation
from mlops_runner.train.artifacts import Candidate, predict
from mlops_runner.train.record import encode
from mlops_runner.train.stored import AnyRows, StoredRows

EVIDENCE = "evaluation.json"
REFITS = "refits"
SETTINGS = (
    "metrics", "digits", "intervals", "threshold", "slices", "find_slices", "worst_rows", "learning_curve", "gates",
)  # fmt: skip

build(Evaluation)


def execute(request: Request) -> Reply:
    """Assess all models and write the evidence."""
    config = request.config
    evaluation = spec_from(Evaluation, {key: config[key] for key in SETTINGS if key in config})
    weight = config.get("weight")
    models = load_models(request)
    schema = models.schema
    frames = rows_by_side(request, models)
    block = evaluation.intervals.block if evaluation.intervals else None
    marks = Marks(evaluation.slices, evaluation.gates, weight, block)
    sides = measured_sides(frames, schema, marks, config)
    scores = models.scores(frames)
    classes = tuple(str(value) for value in schema.classes)
    options = Options(schema.task, classes, select_from(request), evaluation, weight)
    found = assess(options, sides, scores, _extras(request, models, frames, evaluation))
    winner, seed = models.candidates[found.winner], int(request.execution["seed"])
    evidence = {**found.as_json(), **Explained(found, winner, frames, config["columns"], seed).explain()}
    if curve := learning_curve_json(found.known):
        evidence["learning_curve"] = curve
    (out_folder(request) / EVIDENCE).write_text(canonical_json(evidence) + "\n", encoding="utf-8")
    predictions = profiles(found.known.samples[found.winner], schema, frames, config["columns"])
    (out_folder(request) / PREDICTIONS).write_text(canonical_json(predictions) + "\n", encoding="utf-8")
    digits = evaluation.digits
    metrics = {
        n: value if n.split(".")[0] == "threshold" else round(value, digits)
        for n, value in found.flat_metrics().items()
    }
    gates = {gate.name: gate.answer for gate in found.gates}
    return Reply("done", {"winner": found.winner, **metrics}, gates, local=_latencies(evaluation, winner, frames))


def _latencies(evaluation: Evaluation, model: Candidate, frames: Mapping[str, AnyRows]) -> dict[str, float]:
    """Time the winner for every gate of latency. The log and the reply are told; the evidence must not change by it."""
    side = next((name for name in reversed(SIDES) if name in frames and frames[name].height), None)
    found = {}
    for name, gate in evaluation.gates.items():
        if isinstance(gate, LatencyGate) and side is not None:
            found[name] = latency_ms(model, frames[side], gate.rows)
            log(f"{name}: {found[name]:.4g} ms per row at the 95th percentile, requests of {gate.rows} rows")
    return found


def _extras(request: Request, models: Models, frames: Mapping[str, AnyRows], evaluation: Evaluation) -> Extras:
    seed = int(request.execution["seed"])

    def perturbed(winner: str, name: str) -> Sequence[Floats] | Unmeasured:
        gate, model = evaluation.gates[name], models.candidates[winner]
        assert isinstance(gate, RobustnessGate)
        frame, done = frames[gate.split], gate.perturbation
        columns = touched(done, frame, [feature.name for feature in model.schema.features])
        rounds = range(repeats_of(done, gate.repeats))
        try:
            return [_perturbed(model, done, frame, columns, (seed, number)) for number in rounds]
        except NotVerified:
            raise
        except MlopsError as error:
            return Unmeasured(error.diagnostics[0].message)

    sizes = {name: _size(model) for name, model in models.candidates.items()}
    return Extras(seed, models.champion.threshold, models.champion.problem, sizes, perturbed, _refits(request))


def _perturbed(
    model: Candidate, done: Perturbation, rows: AnyRows, columns: Sequence[str], seed: tuple[int, ...]
) -> Floats:
    if not isinstance(rows, StoredRows):
        return predict(model, perturb(done, rows, columns, seed))
    how = changes(done, rows, columns, seed)
    return np.concatenate([predict(model, changed(batch, first, how)) for first, batch in rows.batches()])


def _refits(request: Request) -> dict[str, Refits]:
    files = {name.removeprefix(f"{REFITS}."): path for name, path in request.inputs.items() if name.startswith(REFITS)}
    return {name: refits_from(json.loads(Path(path).read_bytes())) for name, path in files.items()}


def _size(model: Candidate) -> int:
    """Return the bytes of a model's files, the record among them."""
    return sum(stored.size for stored in model.record.files.values()) + len(encode(model.record))
