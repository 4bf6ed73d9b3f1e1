"""Which steps of a pipeline somebody asked for: by name, by pattern, and by what leads to a step or follows it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mlops_runner.errors import Diagnostic, UsageFailure
from mlops_runner.plan.steps import Step


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for: names of steps, of steps with a matrix (all instances), or patterns with * and ?.

    `to` takes a step and what it needs, `start` a step and what follows; of both together, what lies between. `only`
    takes a step alone, beside the others.
    """

    to: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.to or self.start or self.only)


def base_of(name: str) -> str:
    """Return the name that a step was declared with: of `count@3` it is `count`."""
    return name.partition("@")[0]


def selected(steps: Sequence[Step], selection: Selection) -> frozenset[str]:
    """Return the names of the steps that were asked for. Raises UsageFailure for what matches no step."""
    problems: list[Diagnostic] = []
    to, start, only = (
        _matching(steps, patterns, problems) for patterns in (selection.to, selection.start, selection.only)
    )
    if problems:
        raise UsageFailure(problems)
    reads = {step.name: {i.producer for i in step.inputs if i.producer is not None} for step in steps}
    chosen = set(only)
    if selection.to and selection.start:
        between = _reached(to, reads) & _reached(start, _turned(reads))
        if not between:
            message = f"nothing leads from {', '.join(selection.start)} to {', '.join(selection.to)}"
            raise UsageFailure(Diagnostic("nothing-selected", message, hint="see: mlops graph"))
        chosen |= between
    else:
        chosen |= _reached(to, reads) | _reached(start, _turned(reads))
    return frozenset(chosen)


def _matching(steps: Sequence[Step], patterns: Iterable[str], problems: list[Diagnostic]) -> set[str]:
    names = {step.name: base_of(step.name) for step in steps}
    found: set[str] = set()
    for pattern in patterns:
        alike = (name for name, base in names.items() if base == pattern or fnmatchcase(name, pattern))
        these = {pattern} if pattern in names else set(alike)
        found |= these
        if not these:
            problems.append(unknown_step(pattern, names))
    return found


def unknown_step(name: str, names: Collection[str]) -> Diagnostic:
    """Complain about a name or pattern that no step has, with the nearest one."""
    bases = list(dict.fromkeys(map(base_of, names)))
    import difflib

    close = difflib.get_close_matches(name, [*bases, *(n for n in names if "@" in n)] if "@" in name else bases, n=1)
    if any(char in name for char in "*?["):
        return Diagnostic("unknown-step", f'no step matches "{name}"', hint=f"steps: {_some(bases)}")
    hint = f'did you mean "{close[0]}"?' if close else f"steps: {_some(bases)}"
    return Diagnostic("unknown-step", f'there is no step "{name}"', hint=hint)


def _some(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _turned(edges: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    turned: dict[str, set[str]] = {}
    for one, others in edges.items():
        for other in others:
            turned.setdefault(other, set()).add(one)
    return turned


def _reached(names: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges.get(name, ())
    return found
