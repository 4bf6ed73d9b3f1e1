"""The Pipeline document: names the specs a pipeline is made of."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Name, Part, RelativePath, Spec
from mlops_runner.specs.rules import Finding, hold, repeated
from mlops_runner.specs.step_environments import StepEnvironments, System
from mlops_runner.specs.step_part import SharedParams
from mlops_runner.specs.steps import Steps

# The names of the built-in steps, or what these begin with.
RESERVED = frozenset({"source", "data", "search", "train", "select", "refit", "evaluate", "package"})


DEFAULT = "default"  # the environment that `dependencies` declares


class SpecFiles(Part):
    """The documents of the pipeline, as paths relative to pipeline.yaml."""

    data: Annotated[RelativePath, Field(description="The Data document.")] = "specs/data.yaml"
    training: Annotated[RelativePath, Field(description="The Training document.")] = "specs/training.yaml"
    evaluation: Annotated[RelativePath, Field(description="The Evaluation document.")] = "specs/evaluation.yaml"
    rollout: Annotated[RelativePath | None, Field(description="The Rollout document.")] = None
    monitoring: Annotated[RelativePath | None, Field(description="The Monitoring document.")] = None


class Dependencies(Part):
    """What a step's environment is made of."""

    lock: Annotated[
        RelativePath | None,
        Field(
            description="Requirements file with pinned versions and hashes. Its content, evaluated for the running "
            "Python, is the environment's digest. Without one, the installed distributions are.",
            examples=["requirements.lock"],
        ),
    ] = None
    system: Annotated[System, Field(description="What the steps need of the machine.")] = System.model_construct()


class Cost(Part):
    """What the machine costs that runs the steps. Plans say what a run may cost; nothing else follows from it."""

    per_hour: Annotated[float, Field(gt=0, description="Price of an hour.", examples=[3.2])]
    currency: Annotated[
        str, Field(pattern=r"^[A-Z]{3}$", description="Its three letters (ISO 4217).", examples=["EUR"])
    ]


class Pipeline(Spec):
    """Names the pipeline, the specs it is made of and where its artifacts go."""

    kind: Literal["Pipeline"]
    specs: Annotated[
        SpecFiles,
        Field(
            description="The documents the pipeline is made of. A pipeline that has steps or pipelines and leaves them "
            "out trains no model of its own."
        ),
    ] = SpecFiles.model_construct()
    pipelines: Annotated[
        tuple[RelativePath, ...],
        Field(
            description="Folders below this one that hold pipelines of their own, each with its pipeline.yaml and "
            "pipeline.lock. Steps may read what these write. No other folder is looked at.",
            examples=[["churn", "teams/pricing"]],
        ),
    ] = ()
    steps: Steps = {}
    params: SharedParams = {}
    pools: Annotated[
        dict[Name, Annotated[int, Field(ge=1, le=1_000_000)]],
        Field(
            description="How much there is of what steps share, such as connections to a database: steps that would "
            "take more together wait for each other. In no key.",
            examples=[{"warehouse": 2}],
        ),
    ] = {}
    envs: StepEnvironments = {}
    environments: Annotated[tuple[RelativePath, ...], Field(description="The Environment documents.")] = ()
    dependencies: Annotated[Dependencies, Field(description="What a step's environment is made of.")] = (
        Dependencies.model_construct()
    )
    artifacts: Annotated[
        RelativePath, Field(description="Folder for what the steps produce; its content never enters git.")
    ] = "artifacts"
    code: Annotated[
        RelativePath | None,
        Field(description="Folder that python callables are imported from; the project's own folder when left out."),
    ] = None
    cost: Annotated[Cost | None, Field(description="What the machine costs that runs the steps; in no key.")] = None
    reproducibility: Annotated[
        Literal["bitwise", "tolerance", "none"],
        Field(
            description="What a second execution of the same key must repeat: every byte, the metrics, or nothing. "
            "Under bitwise, seed, threads and device belong to the key."
        ),
    ] = "bitwise"

    @property
    def trains(self) -> bool:
        """Whether there are documents from which a model is trained: always, unless there is something else alone."""
        return not (self.steps or self.pipelines) or "specs" in self.model_fields_set

    @model_validator(mode="after")
    def _holds(self) -> "Pipeline":
        return hold(self, (_names_are_free, _pipelines_are_apart))


def _names_are_free(pipeline: Pipeline) -> Iterator[Finding]:
    """A step is not called as a built-in one, nor by what these begin with; no environment as the project's own."""
    for name in (name for name in pipeline.steps if name in RESERVED):
        hint = f"choose another name; taken: {', '.join(sorted(RESERVED))}"
        yield Finding(("steps", name), "reserved-name", f'a step cannot be called "{name}"', hint)
    if DEFAULT in pipeline.envs:
        hint = "that is the project's own, which dependencies declares: choose another name"
        yield Finding(("envs", DEFAULT), "reserved-name", f'an environment cannot be called "{DEFAULT}"', hint)


def _pipelines_are_apart(pipeline: Pipeline) -> Iterator[Finding]:
    """A folder is named once in pipelines, and none lies in another."""
    folders = pipeline.pipelines
    again = {position: folder for position, folder, _ in repeated(folders)}
    for position, folder in again.items():
        hint = "remove one of the two"
        yield Finding(("pipelines", position), "pipeline-twice", f"{folder} is named twice", hint)
    for position, folder in enumerate(folders):
        outer = next((other for other in folders if folder.startswith(f"{other}/")), None)
        if outer is not None and position not in again:
            message = f"{folder} lies in {outer}, which is a pipeline, too"
            yield Finding(("pipelines", position), "pipeline-nested", message, "move it beside the other")
