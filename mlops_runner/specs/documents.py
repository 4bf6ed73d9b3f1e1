"""Read the documents that say how a model is operated: rollout, monitoring, environments."""

from dataclasses import dataclass, field

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.environment import Environment
from mlops_runner.specs.load import Loaded, Problems, Reader, S, blame_pipeline, load_document
from mlops_runner.specs.locations import Path
from mlops_runner.specs.monitoring import Monitoring
from mlops_runner.specs.pipeline import Pipeline
from mlops_runner.specs.rollout import Rollout


@dataclass(slots=True)
class Operation:
    """The operating documents that could be read, and the problems of the others."""

    rollout: Loaded[Rollout] | None = None
    monitoring: Loaded[Monitoring] | None = None
    environments: list[Loaded[Environment]] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)


def load_operation(read: Reader, pipeline: Loaded[Pipeline]) -> Operation:
    """Read every operating document that the pipeline names; collect problems instead of raising them."""
    problems = Problems()

    def load(file: str | None, model: type[S], path: Path) -> Loaded[S] | None:
        if file is None:
            return None
        try:
            return load_document(read, file, model)
        except InvalidInput as error:
            problems.found += [blame_pipeline(d, pipeline.document, path) for d in error.diagnostics]
            return None

    specs = pipeline.spec.specs
    found = Operation(
        load(specs.rollout, Rollout, ("specs", "rollout")),
        load(specs.monitoring, Monitoring, ("specs", "monitoring")),
    )
    for position, file in enumerate(pipeline.spec.environments):
        if environment := load(file, Environment, ("environments", position)):
            found.environments.append(environment)
    found.problems = problems.found
    return found
