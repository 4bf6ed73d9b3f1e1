"""What is predicted, judged by the values of the target; and which class counts as positive."""

from collections.abc import Sequence
from typing import Any

from mlops_runner.data.infer import naming
from mlops_runner.data.infer.values import MOST_VALUES, Facts, Task, TaskGuess, Wishes
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.base import Scalar
from mlops_runner.specs.complaints import nearest

MOST_NUMBERED = 10
ROWS_A_CLASS = 20
RARE_ROWS = 50
YES = naming.listed(
    "yes y true t 1 positive pos malignant default defaulted churn churned fraud fraudulent spam bad fail failed"
    " failure sick ill died dead disease click clicked bought converted abnormal anomaly attack"
)
NO = naming.listed(
    "no n false f 0 negative neg benign paid stayed retained legit legitimate ham good pass passed ok success healthy"
    " well survived alive normal"
)


def task_of(target: Facts, wishes: Wishes, origin: str) -> TaskGuess:
    """Decide the task. Raises InvalidInput when the target cannot be learnt, or not as the user said."""
    if problem := _unlearnable(target, origin):
        raise InvalidInput(problem)
    task, why = (wishes.task, "as you said") if wishes.task else _task(target)
    if problem := _misfit(target, task, origin):
        raise InvalidInput(problem)
    if task in {"regression", "ranking"}:
        return TaskGuess(task, why)
    classes = target.values
    if alone := [value for value, count in classes if count == 1]:
        raise InvalidInput(_alone(target, alone, origin))
    if task == "multiclass":
        return TaskGuess(task, why, classes=classes)
    positive, positive_why = _positive(target, wishes, origin)
    return TaskGuess(task, why, positive, positive_why, classes)


def _unlearnable(target: Facts, origin: str) -> Diagnostic | None:
    where = f'{origin}: target "{target.name}"'
    if not target.known:
        return Diagnostic("missing-target", f"{where} has no value in any row", hint="choose another target")
    if target.distinct == 1:
        shown = target.values[0][0]
        message = f'{where} has the single value "{shown}": there is nothing to learn'
        return Diagnostic("constant-target", message, hint="choose another target, or a file with all cases")
    if target.type in {"date", "datetime"}:
        message = f"{where} is a {target.type}; numbers and classes can be predicted"
        return Diagnostic("target-type", message, hint="predict the days until then: add such a column to the file")
    return None


def _task(target: Facts) -> tuple[Task, str]:
    if target.distinct == 2:
        return "binary", "the target has two values"
    if not target.numeric:
        return "multiclass", f"the target has {target.distinct} classes{_rarest(target)}"
    if _is_numbered(target):
        return "multiclass", f"the target counts {target.distinct} classes; if it is a quantity: --task regression"
    few = target.whole and target.distinct <= MOST_NUMBERED
    hint = "; if its values are classes: --task multiclass" if few else ""
    return "regression", f"the target is a number with {target.distinct} values{hint}"


def _rarest(target: Facts) -> str:
    value, count = target.values[-1] if target.values else ("", RARE_ROWS)
    return f'; the rarest, "{value}", has {count} rows: too few to trust its numbers' if count < RARE_ROWS else ""


def _is_numbered(target: Facts) -> bool:
    """Whether whole numbers from 0 or 1 on number the classes, and are no quantity by their name."""
    if not target.whole or target.distinct > MOST_NUMBERED or naming.has(target.name, naming.QUANTITIES):
        return False
    values = sorted(value for value, _ in target.values)
    follows = values[0] in {0, 1} and values == [values[0] + step for step in range(len(values))]
    return follows and target.known >= ROWS_A_CLASS * target.distinct


def _misfit(target: Facts, task: Task, origin: str) -> Diagnostic | None:
    where = f'{origin}: target "{target.name}"'
    if task in {"regression", "ranking"} and not target.numeric:
        message = f"{where} is a {target.type}; a {task} needs numbers"
        return Diagnostic("target-type", message, hint=target.typing.note or "use --task multiclass")
    if task == "ranking" and (target.low or 0) < 0:
        message = f"{where} has values below 0; a relevance counts from 0 up"
        return Diagnostic("negative-relevance", message, hint="add a number to all of them, or use --task regression")
    if task == "binary" and target.distinct != 2:
        message = f"{where} has {target.distinct} values; a binary task needs two"
        return Diagnostic("not-binary", message, hint="use --task multiclass, or filter the file")
    if task == "multiclass" and target.distinct > MOST_VALUES:
        message = f"{where} has {target.distinct} different values; at most {MOST_VALUES} classes can be set up"
        note = f"{target.typing.note}; " if target.typing.note else ""
        return Diagnostic("too-many-classes", message, hint=f"{note}merge rare classes, or choose another target")
    return None


def _alone(target: Facts, alone: Sequence[Any], origin: str) -> Diagnostic:
    shown = ", ".join(f'"{value}"' for value in sorted(alone, key=str)[:5]) + (", …" if len(alone) > 5 else "")
    one = len(alone) == 1
    word = "class" if one else "classes"
    message = f'{origin}: target "{target.name}": the {word} {shown} {"has" if one else "have"} one row only'
    hint = "a class must be trained and tested: collect more, merge it with another, or remove the row"
    if target.numeric:
        hint = "if the target is a quantity, use --task regression; otherwise merge or remove the class"
    return Diagnostic("lonely-class", message, hint=hint)


def _positive(target: Facts, wishes: Wishes, origin: str) -> tuple[Scalar, str]:
    values = [value for value, _ in target.values]
    if wishes.positive is not None:
        return _matching(wishes.positive, values, target, origin), "as you said"
    words = {value: str(value).strip(" .!").removesuffix(".0").lower() for value in values}
    said = [value for value in values if words[value] in YES] or [value for value in values if words[value] in NO]
    if len(said) == 1:
        chosen = said[0] if words[said[0]] in YES else next(value for value in values if value != said[0])
        return chosen, "by its name; change it if the other class is the one to find"
    rarer = target.values[1]
    share = f"{rarer[1] / target.known:.1%}"
    return rarer[0], f"the rarer class ({share} of the rows); change it if the other one is to be found"


def _matching(given: str, values: Sequence[Any], target: Facts, origin: str) -> Scalar:
    texts = {str(value).lower(): value for value in values}
    texts |= {f"{value:g}": value for value in values if isinstance(value, float)}
    if given.lower() in texts:
        found: Scalar = texts[given.lower()]
        return found
    listed = ", ".join(f'"{value}"' for value in values)
    message = f'{origin}: positive "{given}" is not a value of target "{target.name}"'
    hint = nearest(given, map(str, values)) or f"its values are {listed}"
    raise InvalidInput(Diagnostic("unknown-positive", message, hint=hint))
