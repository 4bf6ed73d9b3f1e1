"""The evaluate stage: every model on every side, thresholds, the winner, intervals, slices, gates and importance."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from mlops_runner.digest import canonical_json
from mlops_runner.durable import write_text
from mlops_runner.errors import MlopsError, NotVerified
from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.assessment import Assessment
from mlops_runner.evaluate.importance import ImportanceOptions, permutation_importance
from mlops_runner.evaluate.perturb import perturb, repeats_of, touched
from mlops_runner.evaluate.values import Extras, Floats, Options, Side, Unmeasured
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import SIDES, out_folder, spec_from, training_from
from mlops_runner.execute.stages.evaluated_models import Models, load_models
from mlops_runner.execute.stages.evaluated_rows import side_of
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.evaluation_gates import RobustnessGate
from mlops_runner.train.artifacts import Candidate, predict
from mlops_runner.train.record import encode

UNUSED = {"trainer": "sklearn", "estimator": "unused"}
EVIDENCE = "evaluation.json"
SETTINGS = ("metrics", "digits", "intervals", "threshold", "slices", "find_slices", "worst_rows", "gates")

# A prediction of a wide table takes its time however few its rows: at 3000 features, 33 are shuffled.
FEWEST_SHUFFLED, MOST_SHUFFLED, SHUFFLED_CELLS = 20, 100, 100_000


def execute(request: Request) -> Reply:
    """Assess all models and write the evidence."""
    config = request.config
    evaluation = spec_from(Evaluation, {key: config[key] for key in SETTINGS if key in config})
    select = training_from(request, UNUSED).select
    models = load_models(request)
    schema = models.schema
    frames = {side: pl.read_parquet(request.inputs[side]) for side in SIDES if side in request.inputs}
    sides = {name: side_of(name, frame, schema, evaluation, config["columns"]) for name, frame in frames.items()}
    scores = models.scores(frames)
    options = Options(schema.task, tuple(str(value) for value in schema.classes), select, evaluation)
    found = assess(options, sides, scores, _extras(request, models, frames, evaluation))
    evidence = {**found.as_json(), "importance": _importance(request, found, models.candidates, frames, sides)}
    write_text(out_folder(request) / EVIDENCE, canonical_json(evidence) + "\n")
    digits = evaluation.digits
    metrics = {n: value if n == "threshold" else round(value, digits) for n, value in found.flat_metrics().items()}
    return Reply("done", {"winner": found.winner, **metrics}, {gate.name: gate.answer for gate in found.gates})


def _extras(request: Request, models: Models, frames: Mapping[str, pl.DataFrame], evaluation: Evaluation) -> Extras:
    seed = int(request.execution["seed"])

    def perturbed(winner: str, name: str) -> Sequence[Floats] | Unmeasured:
        gate, model = evaluation.gates[name], models.candidates[winner]
        assert isinstance(gate, RobustnessGate)
        frame, done = frames[gate.split], gate.perturbation
        columns = touched(done, frame, [feature.name for feature in model.schema.features])
        rounds = range(repeats_of(done, gate.repeats))
        try:
            return [predict(model, perturb(done, frame, columns, (seed, number))) for number in rounds]
        except NotVerified:
            raise
        except MlopsError as error:
            return Unmeasured(error.diagnostics[0].message)

    sizes = {name: _size(model) for name, model in models.candidates.items()}
    return Extras(seed, models.champion.threshold, models.champion.problem, sizes, perturbed)


def _size(model: Candidate) -> int:
    """Return the bytes of a model's files, the record among them."""
    return sum(stored.size for stored in model.record.files.values()) + len(encode(model.record))


def _ranked(model: Candidate) -> list[str]:
    """Return the features, those first that the model itself leans on: of a wide table not all can be shuffled."""
    weight = dict.fromkeys((feature.name for feature in model.schema.features), 0.0)
    for output in model.record.importance.outputs if model.record.importance else ():
        weight[output.feature] = max(weight[output.feature], abs(output.value))
    return sorted(weight, key=lambda name: -weight[name])


def _importance(
    request: Request, found: Assessment, models: Mapping[str, Candidate], frames: Mapping[str, pl.DataFrame],
    sides: Mapping[str, Side],
) -> list[dict[str, Any]]:  # fmt: skip
    """Shuffle each feature on the side the winner was selected on: the held-out side stays out of every choice."""
    side = found.known.options.select.split
    model = models[found.winner]
    threshold = found.thresholds.get(found.winner)
    options = ImportanceOptions(
        metric=found.known.options.select.metric,
        task=found.known.options.task,
        classes=found.known.options.classes,
        seed=int(request.execution["seed"]),
        threshold=threshold.value if threshold else None,
        max_features=max(FEWEST_SHUFFLED, min(MOST_SHUFFLED, SHUFFLED_CELLS // len(model.schema.features))),
    )
    features = _ranked(model)
    rows = permutation_importance(
        lambda frame: predict(model, frame), frames[side], features, sides[side].target, options
    )
    return [{"feature": row.feature, "drop": row.drop, "std": row.std} for row in rows]
