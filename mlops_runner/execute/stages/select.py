"""The select stage: which candidate wins, before anything is trained again. The evaluation comes to the same answer."""

from mlops_runner.digest import canonical_json
from mlops_runner.evaluate.alone import winner_of
from mlops_runner.evaluate.values import Options
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import UNUSED, out_folder, spec_from, training_from
from mlops_runner.execute.stages.evaluated_models import load_models, rows_by_side
from mlops_runner.execute.stages.evaluated_series import measured_sides
from mlops_runner.plan.compile_refits import WINNER
from mlops_runner.specs.evaluation import Evaluation

SETTINGS = ("digits", "threshold")


def execute(request: Request) -> Reply:
    """Measure the candidates as far as the choice needs it, and write the winner's name."""
    config = request.config
    select = training_from(request, UNUSED).select
    settings = {key: config[key] for key in SETTINGS if key in config}
    evaluation = spec_from(Evaluation, {**settings, "metrics": [select.metric]})
    models = load_models(request)
    schema = models.schema
    frames = rows_by_side(request, models)
    sides = measured_sides(frames, schema, evaluation, config)
    options = Options(schema.task, tuple(str(value) for value in schema.classes), select, evaluation)
    winner = winner_of(options, sides, models.scores(frames))
    (out_folder(request) / WINNER).write_text(canonical_json({"winner": winner}) + "\n", encoding="utf-8")
    return Reply("done", {"winner": winner})
