"""Instances of a step: the combinations of a matrix, and their values in the texts of the step."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_runner.plan.values import text_of
from mlops_runner.specs.base import Scalar
from mlops_runner.specs.step_part import Matrix
from mlops_runner.specs.steps import CustomStep

MOST_INSTANCES = 20_000

_PLACEHOLDER = re.compile(r"\{(\{[a-z_][a-z0-9_]*\})\}|\{([a-z_][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Instance:
    """One of the steps that a declared step stands for. values: of the matrix's axes, in their order."""

    name: str
    values: Mapping[str, Scalar]


def instances(name: str, step: CustomStep) -> list[Instance]:
    """Return what a step stands for: itself, or `step@value,value` for each combination of its matrix."""
    if step.matrix is None:
        return [Instance(name, {})]
    return [
        Instance(f"{name}@{','.join(map(text_of, values.values()))}", values) for values in combinations(step.matrix)
    ]


def combinations(matrix: Matrix) -> Iterator[dict[str, Scalar]]:
    """Yield the combinations of a matrix in the order of its axes; the last axis runs fastest."""
    for chosen in itertools.product(*matrix.axes.values()):
        values = dict(zip(matrix.axes, chosen, strict=True))
        if not any(excludes(rule, values) for rule in matrix.exclude):
            yield values
    for values in matrix.include:
        yield {axis: values[axis] for axis in matrix.axes}


def excludes(rule: Mapping[str, Scalar], values: Mapping[str, Scalar]) -> bool:
    """Say whether a combination has all the values of a rule; 1, 1.0 and true are three values."""
    return all(type(values[name]) is type(value) and values[name] == value for name, value in rule.items())


def placeholders(value: Any) -> Iterator[str]:
    """Yield the names in braces in the texts of a value, however deep."""
    match value:
        case str():
            yield from (found[2] for found in _PLACEHOLDER.finditer(value) if found[2])
        case Mapping():
            for inner in value.values():
                yield from placeholders(inner)
        case list() | tuple():
            for inner in value:
                yield from placeholders(inner)


def filled(value: Any, values: Mapping[str, Any], quote: Callable[[str], str] = str) -> Any:
    """Put values in the place of names in braces. A text that is one name alone becomes the value itself."""
    match value:
        case str():
            whole = _PLACEHOLDER.fullmatch(value)
            return values[whole[2]] if whole and whole[2] else filled_text(value, values, quote)
        case Mapping():
            return {key: filled(inner, values, quote) for key, inner in value.items()}
        case list() | tuple():
            return [filled(inner, values, quote) for inner in value]
    return value


def filled_text(text: str, values: Mapping[str, Any], quote: Callable[[str], str] = str) -> str:
    """Put values in the place of names in braces, each as a text; doubled braces become single ones."""
    return _PLACEHOLDER.sub(lambda found: found[1] or quote(text_of(values[found[2]])), text)
