"""What the model of a step cannot check alone: its matrix as a whole, and the names in braces in its texts."""

import math
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from pydantic import TypeAdapter, ValidationError

from mlops_runner.errors import Diagnostic
from mlops_runner.plan.check_references import check_references
from mlops_runner.plan.compile_environments import check_environments
from mlops_runner.plan.matrix import MOST_INSTANCES, combinations, excludes, filled_text, instances, placeholders
from mlops_runner.specs.base import Scalar, StepPath
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.load import Loaded
from mlops_runner.specs.locations import Path
from mlops_runner.specs.pipeline import Pipeline
from mlops_runner.specs.references import reference
from mlops_runner.specs.step_part import Matrix
from mlops_runner.specs.steps import CommandStep, CustomStep, NotebookStep

FILLED = ("inputs", "outputs", "params", "variables", "metrics", "executed")  # with the values of the axes
_PATH: TypeAdapter[str] = TypeAdapter(StepPath)


def check_steps(pipeline: Loaded[Pipeline]) -> Iterator[Diagnostic]:
    """Yield what is wrong with the steps of a Pipeline document, each for itself."""
    yield from check_environments(pipeline)
    for name, step in pipeline.spec.steps.items():
        checker = _Checker(pipeline, name, step)
        problems = [*checker.size()] or [*checker.matrix(), *checker.names(), *checker.pools()]
        yield from problems or [*checker.paths(), *check_references(pipeline, name, step)]


class _Checker:
    def __init__(self, pipeline: Loaded[Pipeline], name: str, step: CustomStep) -> None:
        self._document = pipeline.document
        self._pools = pipeline.spec.pools
        self._name = name
        self._step = step

    def _at(self, code: str, message: str, path: Path, hint: str) -> Diagnostic:
        return Diagnostic(code, message, self._document.place(("steps", self._name, *path)), hint)

    def size(self) -> Iterator[Diagnostic]:
        """A matrix has instances, and not more than anybody could want."""
        if (matrix := self._step.matrix) is None:
            return
        number = math.prod(len(values) for values in matrix.axes.values()) + len(matrix.include)
        if number > MOST_INSTANCES:
            message = f"the matrix of {self._name} has {number:,} combinations; at most {MOST_INSTANCES:,} are made"
            yield self._at("huge-matrix", message, ("matrix",), "name the combinations that matter in include")
        elif next(combinations(matrix), None) is None:
            message = f"exclude leaves nothing of the matrix of {self._name}"
            yield self._at("empty-matrix", message, ("matrix", "exclude"), "leave out less")

    def matrix(self) -> Iterator[Diagnostic]:
        """Instances differ in their names, and every exclusion leaves something out."""
        if (matrix := self._step.matrix) is None:
            return
        names = Counter(instance.name for instance in instances(self._name, self._step))
        for name, count in islice(((name, count) for name, count in names.items() if count > 1), 5):
            message = f"{count} instances would be called {name}"
            yield self._at("ambiguous-matrix", message, ("matrix",), "remove what is there twice, or change a value")
        for position, rule in enumerate(matrix.exclude):
            if not any(excludes(rule, values) for values in combinations(Matrix(axes=matrix.axes))):
                message = "this leaves nothing out: no combination has these values"
                yield self._at("needless-exclude", message, ("matrix", "exclude", position), self._values(matrix, rule))

    def _values(self, matrix: Matrix, rule: dict[str, Scalar]) -> str:
        return "; ".join(f"{axis}: {', '.join(map(repr, matrix.axes[axis]))}" for axis in rule)

    def names(self) -> Iterator[Diagnostic]:
        """Names in braces are axes; in what is run also params."""
        axes = set(self._step.matrix.axes) if self._step.matrix else set[str]()
        for where in FILLED:
            yield from self._unknown((where,), getattr(self._step, where, None), axes)
        if isinstance(self._step, CommandStep):
            for where in ("command", "shell"):
                yield from self._unknown((where,), getattr(self._step, where), axes | self._step.params.keys())
                yield from self._nested((where,), getattr(self._step, where))
            for name in axes & self._step.params.keys():
                message = f'"{name}" is an axis of the matrix, too'
                yield self._at("repeated-argument", message, ("params", name), "rename one")

    def pools(self) -> Iterator[Diagnostic]:
        """What a step takes of a pool is there."""
        for pool, amount in self._step.resources.pools.items():
            path, there = ("resources", "pools", pool), self._pools.get(pool)
            if there is None:
                hint = nearest(pool, self._pools) or "pools of the pipeline stand under pools, beside steps"
                place = self._document.place(("steps", self._name, *path), key=True)
                yield Diagnostic("unknown-pool", f'the pipeline has no pool "{pool}"', place, hint)
            elif amount > there:
                message = f"{self._name} takes {amount} of {pool}, of which there are {there}"
                yield self._at("pool-too-small", message, path, f"take less, or say pools: {{{pool}: {amount}}}")

    def _unknown(self, path: Path, value: object, known: set[str]) -> Iterator[Diagnostic]:
        match value:
            case str():
                for name in dict.fromkeys(placeholders(value)):
                    if name not in known:
                        what = (
                            f'"{name}" in braces is no {"axis of a matrix" if path[0] in FILLED else "param or axis"}'
                        )
                        hint = nearest(name, known) or f"if braces are meant, double them: {{{{{name}}}}}"
                        yield self._at("unknown-placeholder", what, path, hint)
            case dict():
                for key, inner in value.items():
                    yield from self._unknown((*path, key), inner, known)
            case list() | tuple():
                for position, inner in enumerate(value):
                    yield from self._unknown((*path, position), inner, known)

    def _nested(self, path: Path, value: object) -> Iterator[Diagnostic]:
        """What stands in an argument is one value."""
        for name in dict.fromkeys(placeholders(value)):
            param = self._step.params.get(name)
            if isinstance(param, dict | list) and not reference(param):
                message = f"{name} is not a single value, and cannot stand in an argument"
                yield self._at("nested-argument", message, path, "name its parts as params of their own")

    def paths(self) -> Iterator[Diagnostic]:
        """With the values of a matrix, a path is still one in the project."""
        if self._step.matrix is None:
            return
        for values in combinations(self._step.matrix):
            for where, path in self._declared():
                try:
                    _PATH.validate_python(filled_text(path, values))
                except ValidationError as error:
                    detail = error.errors(include_url=False)[0]
                    yield self._at(detail["type"], detail["msg"], where, detail["ctx"]["hint"])
                    return

    def _declared(self) -> Iterator[tuple[Path, str]]:
        for where in ("inputs", "outputs"):
            declared = getattr(self._step, where)
            pairs = declared.items() if isinstance(declared, dict) else enumerate(declared)
            yield from (((where, key), path) for key, path in pairs)
        if isinstance(self._step, NotebookStep) and self._step.executed is not None:
            yield ("executed",), self._step.executed
