"""Steps of a Pipeline document: functions, commands and notebooks of the project, and the files that join them."""

import keyword
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mlops_runner.specs.base import CallablePath, Name, RelativePath, StepPath, complaint
from mlops_runner.specs.rules import Finding, hold
from mlops_runner.specs.step_part import Identifier, StepPart, handled_consistently


def _notebook(value: str) -> str:
    if not value.endswith(".ipynb"):
        hint = "for example: notebooks/report.ipynb"
        raise complaint("invalid-path", 'path "{given}" does not end in .ipynb', hint, given=value)
    return value


NotebookPath = Annotated[RelativePath, AfterValidator(_notebook)]
Paths = Annotated[tuple[StepPath, ...], Field(examples=[["data/raw.csv", "data/parts/*.parquet"]])]
Metrics = Annotated[
    RelativePath | None,
    Field(
        description="One of its outputs, a JSON file of names and numbers that are kept in the lock.",
        examples=["data/counts.json"],
    ),
]
NamedPaths = dict[Identifier, StepPath]
READS = (
    "What it reads: files, folders, or patterns with * and **. What another step writes is read from there, and that "
    "step runs first."
)
WRITES = "What it writes: files or folders, each by one step alone."


class PythonStep(StepPart):
    """A function of the project, called with inputs and outputs as paths and params as values, all by name.

    What it returns, a mapping of names to numbers or texts, is kept in the lock as its metrics.
    """

    kind: Literal["python"]
    callable: Annotated[CallablePath, Field(description="package.module:function.", examples=["project.tables:clean"])]
    inputs: Annotated[NamedPaths, Field(description=READS, examples=[{"raw": "data/raw.csv"}])] = {}
    outputs: Annotated[NamedPaths, Field(min_length=1, description=WRITES, examples=[{"table": "data/clean.parquet"}])]

    @model_validator(mode="after")
    def _can_be_called(self) -> "PythonStep":
        return hold(self, (handled_consistently, _arguments_differ))


def _arguments_differ(step: PythonStep) -> Iterator[Finding]:
    """Inputs, outputs and params are arguments of one function: their names differ."""
    seen: dict[str, str] = {}
    for where, name in chain.from_iterable(
        ((where, name) for name in getattr(step, where)) for where in ("inputs", "outputs", "params")
    ):
        if name in seen:
            message = f'"{name}" is the name of one of the {seen[name]}, too'
            yield Finding((where, name), "repeated-argument", message, "they are arguments of one function: rename one")
        seen.setdefault(name, where)


class CommandStep(StepPart):
    """A program, run in a folder where nothing lies but its inputs and its code, each at its path in the project.

    {name} in an argument stands for a param or the value of an axis; {{name}} for itself.
    """

    kind: Literal["command"]
    command: Annotated[
        tuple[str, ...] | None,
        Field(
            min_length=1,
            description="The program and its arguments, for no shell; python is the interpreter of the step.",
            examples=[["python", "scripts/clean.py", "--depth", "{depth}"]],
        ),
    ] = None
    shell: Annotated[
        str | None,
        Field(
            description="A text for sh, in place of command; values are quoted. It ends with the first command that "
            "fails.",
            examples=["sort data/raw.txt | uniq > data/words.txt"],
        ),
    ] = None
    code: Annotated[
        tuple[RelativePath, ...],
        Field(
            description="Programs of the project that it runs. Of a Python file comments do not count, and what it "
            "imports from the project does.",
            examples=[["scripts/clean.py"]],
        ),
    ] = ()
    inputs: Annotated[Paths, Field(description=READS)] = ()
    outputs: Annotated[Paths, Field(min_length=1, description=WRITES, examples=[["data/clean.parquet"]])]
    metrics: Metrics = None

    @model_validator(mode="after")
    def _can_be_run(self) -> "CommandStep":
        return hold(self, (handled_consistently, _one_command, _notebooks_are_inputs, _metrics_are_written))


def _one_command(step: CommandStep) -> Iterator[Finding]:
    """A command is either a list of arguments or a text for the shell."""
    if step.command is None and step.shell is None:
        message = "the step says neither what to run nor what to tell the shell"
        yield Finding((), "no-command", message, "give command: [program, argument, …]")
    if step.command is not None and step.shell is not None:
        yield Finding(("shell",), "two-commands", "the step has a command and a text for the shell", "remove one")
    if step.command is not None and (words := step.command[0].split()) != [step.command[0]]:
        message = f'"{step.command[0]}" is not a program: a command is a list of arguments'
        hint = f"write {words!r}, or use shell".replace("'", '"')
        yield Finding(("command", 0), "shell-command", message, hint)


def _notebooks_are_inputs(step: CommandStep) -> Iterator[Finding]:
    """To a command, a notebook is a file like any other."""
    for position, path in enumerate(step.code):
        if path.endswith(".ipynb"):
            message, hint = f"{path} is a notebook, no program", "name it in inputs, or make it a step of kind notebook"
            yield Finding(("code", position), "notebook-as-code", message, hint)


class NotebookStep(StepPart):
    """A notebook, run from its first cell to its last in a folder where nothing lies but its inputs and its code.

    Params are set in a cell after the one tagged parameters, or before all others. Cells see each path as it is in the
    project. Its key covers the code of its cells, and what they import from the project: no texts, no outputs.
    """

    kind: Literal["notebook"]
    notebook: Annotated[NotebookPath, Field(description="The notebook.", examples=["notebooks/report.ipynb"])]
    executed: Annotated[
        NotebookPath | None,
        Field(
            description="Where the executed notebook is kept, with what its cells have shown.",
            examples=["artifacts/report.ipynb"],
        ),
    ] = None
    inputs: Annotated[Paths, Field(description=READS)] = ()
    outputs: Annotated[Paths, Field(description=WRITES, examples=[["artifacts/figures"]])] = ()
    metrics: Metrics = None

    @model_validator(mode="after")
    def _can_be_run(self) -> "NotebookStep":
        return hold(
            self,
            (
                handled_consistently,
                _something_is_kept,
                _notebook_is_spared,
                _params_are_variables,
                _metrics_are_written,
            ),
        )


def _something_is_kept(step: NotebookStep) -> Iterator[Finding]:
    """A step has a result."""
    if step.executed is None and not step.outputs:
        message = "the step keeps nothing: neither the executed notebook nor outputs"
        yield Finding((), "no-outputs", message, "give executed: artifacts/report.ipynb")


def _notebook_is_spared(step: NotebookStep) -> Iterator[Finding]:
    """What a step writes is not what it runs."""
    for where, path in ((("executed",), step.executed), *((("outputs", n), p) for n, p in enumerate(step.outputs))):
        if path is not None and f"{step.notebook}/".startswith(f"{path}/"):
            message = f"{path} would take the place of the notebook"
            yield Finding(where, "overwritten-notebook", message, "write to another folder, such as artifacts")


def _params_are_variables(step: NotebookStep) -> Iterator[Finding]:
    """Params become variables of the notebook."""
    for name in step.params:
        if keyword.iskeyword(name):
            message = f'"{name}" is a word of Python, and cannot be a variable'
            yield Finding(("params", name), "invalid-name", message, "choose another name")


def _metrics_are_written(step: CommandStep | NotebookStep) -> Iterator[Finding]:
    """The file of the metrics is an output, or lies in one."""
    path = step.metrics
    if path is not None and not any(f"{path}/".startswith(f"{output}/") for output in step.outputs):
        yield Finding(("metrics",), "unwritten-metrics", f"{path} is not an output", "add it to outputs")


CustomStep = Annotated[PythonStep | CommandStep | NotebookStep, Field(discriminator="kind")]
Steps = Annotated[
    dict[Name, CustomStep],
    Field(description="Steps of the project's own, before, between and after the built-in ones: paths join them."),
]
