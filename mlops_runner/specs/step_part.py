"""What every step of a Pipeline document can say: its matrix, params, surroundings, and what it takes up."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from mlops_runner.specs.base import Duration, Name, Part, Scalar, Size, Words, complaint
from mlops_runner.specs.rules import Finding, hold

IDENTIFIER = r"[a-z_][a-z0-9_]{0,62}"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]{0,254}"
RESERVED = frozenset({"PATH", "HOME", "TMPDIR", "PYTHONHASHSEED", "PYTHONPATH", "LD_PRELOAD", "LD_LIBRARY_PATH"})
DEVICES = "CUDA_VISIBLE_DEVICES"


def _identifier(value: str) -> str:
    if not re.fullmatch(IDENTIFIER, value):
        hint = "for example: raw_table"
        raise complaint(
            "invalid-name", '"{given}" must be lower-case letters, digits and _, as in a function', hint, given=value
        )
    return value


def _variable(value: str) -> str:
    if not re.fullmatch(VARIABLE, value):
        raise complaint(
            "invalid-name", '"{given}" is not the name of a variable', "for example: LOG_LEVEL", given=value
        )
    if value in RESERVED:
        raise complaint("reserved-name", "{given} is set by the runner", "choose another name", given=value)
    return value


def _with_lists(value: Any) -> Any:
    """Return a value with lists where reading a document makes tuples: JSON has no other."""
    match value:
        case tuple() | list():
            return [_with_lists(inner) for inner in value]
        case dict():
            return {key: _with_lists(inner) for key, inner in value.items()}
    return value


Identifier = Annotated[
    str, AfterValidator(_identifier), Words("a name"), Field(json_schema_extra={"pattern": f"^{IDENTIFIER}$"})
]
Variable = Annotated[
    str, AfterValidator(_variable), Words("a name"), Field(json_schema_extra={"pattern": f"^{VARIABLE}$"})
]

ParamValue = Annotated[JsonValue, BeforeValidator(_with_lists)]
SharedParams = Annotated[
    dict[Identifier, ParamValue],
    Field(
        description="Values that several steps read, as {param: KEY.KEY}; each is part of the keys of those that do.",
        examples=[{"model": {"depth": 6}, "seed": 3}],
    ),
]


class Matrix(Part):
    """Instances of a step: one for each combination of values. {axis} stands for the value in its texts."""

    axes: Annotated[
        dict[Identifier, Annotated[tuple[Scalar, ...], Field(min_length=1)]],
        Field(
            min_length=1,
            description="The values of each axis; every combination is an instance, named step@value,value.",
            examples=[{"table": ["north", "south"], "depth": [3, 6]}],
        ),
    ]
    exclude: Annotated[
        tuple[dict[Identifier, Scalar], ...],
        Field(description="Combinations to leave out: all that have these values.", examples=[[{"table": "north"}]]),
    ] = ()
    include: Annotated[
        tuple[dict[Identifier, Scalar], ...],
        Field(description="Further combinations, each with a value for every axis."),
    ] = ()

    @model_validator(mode="after")
    def _is_complete(self) -> "Matrix":
        return hold(self, (_names_are_axes, _included_are_whole))


def _names_are_axes(matrix: Matrix) -> Iterator[Finding]:
    """What is left out or added names axes."""
    for where in ("exclude", "include"):
        for position, values in enumerate(getattr(matrix, where)):
            for name in values.keys() - matrix.axes.keys():
                hint = f"axes: {', '.join(matrix.axes)}"
                yield Finding((where, position, name), "unknown-axis", f'there is no axis "{name}"', hint)


def _included_are_whole(matrix: Matrix) -> Iterator[Finding]:
    """A combination that is added has a value for every axis."""
    for position, values in enumerate(matrix.include):
        if missing := [name for name in matrix.axes if name not in values]:
            message = f"this combination has no {', '.join(missing)}"
            yield Finding(("include", position), "incomplete-combination", message, "give every axis a value")


class Resources(Part):
    """What a step takes up while it runs. Steps that do not fit beside each other wait; in no key but for threads."""

    threads: Annotated[
        int,
        Field(ge=1, le=512, description="Processors it uses; libraries are told so. Steps that run at a time share."),
    ] = 1
    memory: Annotated[
        Size | None,
        Field(
            description="Most memory that its processes may hold together; a step that takes more is ended, and fails. "
            "Steps that run at a time share what the machine has, or run --memory.",
            examples=["2GiB"],
        ),
    ] = None
    disk: Annotated[
        Size | None,
        Field(
            description="Most that it may write, with its log and what it does not keep; then it is ended, and fails.",
            examples=["10GiB"],
        ),
    ] = None
    gpus: Annotated[
        int,
        Field(
            ge=0,
            le=64,
            description="Graphics processors of its own; it sees them in CUDA_VISIBLE_DEVICES. Steps that run at a "
            "time share those that nvidia-smi lists, or run --gpus.",
        ),
    ] = 0
    pools: Annotated[
        dict[Name, Annotated[int, Field(ge=1, le=1_000_000)]],
        Field(
            description="What it takes of the pools of the pipeline, which steps that run at a time share.",
            examples=[{"warehouse": 1}],
        ),
    ] = {}


class StepPart(Part):
    """What every step can say."""

    description: Annotated[str, Field(description="Free text for people; never part of a key.")] = ""
    matrix: Annotated[Matrix | None, Field(description="Do the step once for each combination of values.")] = None
    params: Annotated[
        dict[Identifier, ParamValue],
        Field(
            description="Values of the step; part of its key. {step: NAME, value: METRIC} stands for what another step "
            "returned, {param: KEY.KEY} for one of the params of the pipeline.",
            examples=[{"depth": 6, "columns": ["age", "income"], "threshold": {"step": "tune", "value": "best"}}],
        ),
    ] = {}
    variables: Annotated[
        dict[Variable, str],
        Field(description="Environment variables; part of the key.", examples=[{"LOG_LEVEL": "info"}]),
    ] = {}
    secrets: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")], ...],
        Field(
            description="Environment variables that are passed on from the runner; never written anywhere.",
            examples=[["WAREHOUSE_TOKEN"]],
        ),
    ] = ()
    resources: Annotated[Resources, Field(description="What it takes up while it runs.")] = Resources.model_construct()
    env: Annotated[
        Name, Field(description="The environment that it runs in: one of envs; the project's own when left out.")
    ] = "default"
    timeout: Annotated[Duration | None, Field(description="Longest time it may take; then it is ended, and fails.")] = (
        None
    )
    reproducibility: Annotated[
        Literal["bitwise", "tolerance", "none"] | None,
        Field(description="What a second execution must repeat; as the pipeline says when left out."),
    ] = None
    retries: Annotated[
        int, Field(ge=0, le=20, description="How often it is tried again when it fails; each time from the beginning.")
    ] = 0
    retry_delay: Annotated[
        Duration | None,
        Field(
            description="How long to wait before it is tried again: twice as long each time, up to an hour.",
            examples=["10s"],
        ),
    ] = None
    always: Annotated[
        bool,
        Field(description="Run it every time, as what reads from outside must. What follows runs if the result moves."),
    ] = False
    frozen: Annotated[bool, Field(description="Never run it: the locked result stays, whatever changes.")] = False


def handled_consistently(step: StepPart) -> Iterator[Finding]:
    """A step runs always, or never, or when something changed; what it says of retries and devices has an effect."""
    if step.always and step.frozen:
        yield Finding(("frozen",), "contradiction", "a step cannot be frozen and run always", "remove one")
    if step.retry_delay is not None and not step.retries:
        message = "there is nothing to wait for: the step is not tried again"
        yield Finding(("retry_delay",), "no-retries", message, "give retries, too")
    if step.resources.gpus and DEVICES in step.variables:
        message = f"{DEVICES} is set by the runner for a step that asks for gpus"
        yield Finding(("variables", DEVICES), "contradiction", message, "remove one")
