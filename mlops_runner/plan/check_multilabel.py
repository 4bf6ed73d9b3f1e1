"""How many columns are predicted: one, or, of a multilabel task, several that are true or false."""

from collections.abc import Callable, Iterator

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.load import Core
from mlops_runner.specs.locations import Path

TRUTH = {"bool", "int"}


def _targets_are_counted(core: Core) -> Iterator[Diagnostic]:
    """A multilabel task has several targets, any other one."""
    several, count = core.training.spec.task == "multilabel", len(core.data.spec.with_role("target"))
    if several and count == 1:
        message = "1 column has the role target; a multilabel task needs several, one for each label"
        yield _at(core, "target-count", message, ("columns",), "set role: target on every label, or task: binary")
    if not several and count > 1:
        message = f"{count} columns have the role target; exactly one must"
        hint = "set role: target on one column, or task: multilabel"
        yield _at(core, "target-count", message, ("columns",), hint)


def _labels_are_true_or_false(core: Core) -> Iterator[Diagnostic]:
    """A label is a bool, or an int that may be 0 or 1; a set of labels in one text has no columns yet."""
    if core.training.spec.task != "multilabel":
        return
    for name in core.data.spec.with_role("target"):
        column = core.data.spec.columns[name]
        if column.type not in TRUTH:
            message = f'label "{name}" is {column.type}; a label is a bool, or an int 0 or 1'
            hint = "write a column for each label, true or false"
            yield _at(core, "target-type", message, ("columns", name, "type"), hint)
        elif others := [value for value in column.allowed or () if value not in (0, 1)]:
            message = f'label "{name}" may be {others[0]}; a label is 0 or 1'
            yield _at(core, "target-type", message, ("columns", name, "allowed"), "allowed: [0, 1]")


def _at(core: Core, code: str, message: str, path: Path, hint: str) -> Diagnostic:
    return Diagnostic(code, message, core.data.document.place(path), hint)


MULTILABEL_CHECKS: tuple[Callable[[Core], Iterator[Diagnostic]], ...] = (
    _targets_are_counted,
    _labels_are_true_or_false,
)
