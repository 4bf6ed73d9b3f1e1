"""The select stage: which candidate wins, before anything is trained again. The evaluation comes to the same answer."""

from mlops_runner.digest import canonical_json
from mlops_runner.evaluate.alone import winner_of
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import out_folder
from mlops_runner.execute.stages.evaluated_models import load_models, rows_by_side
from mlops_runner.execute.stages.evaluated_rows import Marks
from mlops_runner.execute.stages.evaluated_series import measured_sides
from mlops_runner.execute.stages.measuring import reading_from, select_from
from mlops_runner.plan.compile_refits import WINNER
from mlops_runner.specs.evaluation import DIGITS


def execute(request: Request) -> Reply:
    """Measure the candidates as far as the choice needs it, and write the winner's name."""
    config = request.config
    models = load_models(request)
    frames = rows_by_side(request, models)
    sides = measured_sides(frames, models.schema, Marks(weight=config.get("weight")), config)
    reading, digits = reading_from(request, models.schema), config.get("digits", DIGITS)
    winner = winner_of(reading, select_from(request), digits, sides, models.scores(frames))
    (out_folder(request) / WINNER).write_text(canonical_json({"winner": winner}) + "\n", encoding="utf-8")
    return Reply("done", {"winner": winner})
