"""What the stages that measure share: the choice of the winner and the reading of scores, rebuilt from the config."""

import json

from pydantic import TypeAdapter

from mlops_runner.evaluate.values import Reading
from mlops_runner.execute.messages import Request
from mlops_runner.execute.stages.common import build
from mlops_runner.specs.evaluation_threshold import Threshold
from mlops_runner.specs.training import Select
from mlops_runner.train.features import Schema

_RULE: TypeAdapter[Threshold] = TypeAdapter(Threshold)

build(Select)


def select_from(request: Request) -> Select:
    """Rebuild how the winner is chosen."""
    return Select.model_validate_json(json.dumps(request.config["select"]))


def reading_from(request: Request, schema: Schema) -> Reading:
    """Rebuild how scores of the models are read."""
    rule = request.config.get("threshold")
    found = None if rule is None else _RULE.validate_json(json.dumps(rule))
    return Reading(schema.task, tuple(str(value) for value in schema.classes), found)
