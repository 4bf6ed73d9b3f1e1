"""Values that steps return, as params of other steps: filled in as soon as they are known.

A step with its values filled in is the step that somebody would have written with these values. So its key covers them,
and not how they came about.
"""

import re
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from mlops_runner.lock.model import Scalar, Stage
from mlops_runner.plan.steps import Input, Step

PARAMS = "params."
Returned = Mapping[str, Mapping[str, Scalar]]  # step → its metrics

_LATER = re.compile("\0([a-z0-9_]+)\0")  # no document and no argument can hold a NUL


def text_of(value: Scalar) -> str:
    """Return a value as it stands in a text: true, false and null as in YAML."""
    words = {True: "true", False: "false", None: "null"}
    return words[value] if isinstance(value, bool) or value is None else str(value)


def later(name: str) -> str:
    """Return what stands in an argument for a value that is not known yet."""
    return f"\0{name}\0"


def readable(text: str) -> str:
    """Return a text with the names of values that are not known yet, in braces as they were written."""
    return _LATER.sub(r"{\1}", text)


def quoted(text: str) -> str:
    """Quote a text for the shell; not what stands for a value, which is quoted when it is known."""
    return text if _LATER.fullmatch(text) else shlex.quote(text)


def with_values(step: Step, returned: Returned) -> tuple[Step, list[Input]]:
    """Return a step with what it takes from others, as far as they returned it; also those values that are lacking."""
    if not step.values:
        return step, []
    lacking = [item for item in step.values if item.path not in returned.get(str(item.producer), ())]
    known = {item.name: returned[str(item.producer)][item.path] for item in step.values if item not in lacking}
    return _filled(step, known), lacking


def as_locked(step: Step, stage: Stage, unknown: Collection[Input]) -> Step:
    """Return a step with the values that are not known yet as they were when it was locked."""
    names = (item.name for item in unknown if item.value and item.name in stage.params)
    return _filled(step, {name: stage.params[name] for name in names})


def _filled(step: Step, found: Mapping[str, Scalar]) -> Step:
    if not found:
        return step
    values = {name.removeprefix(PARAMS): value for name, value in found.items()}
    config = {**step.config, "params": {**step.config.get("params", {}), **values}}
    if "shell" in config:
        config["shell"] = _put(config["shell"], values, shlex.quote)
    if "command" in config:
        config["command"] = [_put(argument, values, str) for argument in config["command"]]
    return replace(step, config=config)


def _put(text: str, values: Mapping[str, Any], quote: Callable[[str], str]) -> str:
    return _LATER.sub(lambda found: quote(text_of(values[found[1]])) if found[1] in values else found[0], text)
