"""Who writes what: joins steps by the paths that they read and write, and puts them in an order that can be run."""

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.plan.steps import Input, Step
from mlops_runner.specs.nearest import nearest
from mlops_runner.store.patterns import parse_pattern

MOST_COMPLAINTS = 20


def joined(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Name the producers of what steps read, and return the steps so that each follows what it reads.

    Steps that do not wait for each other keep their order. Raises InvalidInput: two steps that write the same file, one
    that writes into what another writes, a value of a step that there is not, or a circle.
    """
    if problems := list(collisions(steps)):
        raise InvalidInput(problems[:MOST_COMPLAINTS])
    if problems := list(_unknown_steps(steps)):
        raise InvalidInput(problems[:MOST_COMPLAINTS])
    written = Written({path: step.name for step in steps for path in step.outputs})
    return _in_order([replace(step, inputs=tuple(_produced(step, written))) for step in steps])


def collisions(steps: Iterable[Step]) -> Iterator[Diagnostic]:
    """Yield a complaint for every path that two steps write, or that lies in what another step writes."""
    written = sorted(
        (tuple(path.split("/")), number, step) for number, step in enumerate(steps) for path in step.outputs
    )
    above: list[tuple[tuple[str, ...], Step]] = []
    for parts, _, step in written:
        while above and parts[: len(above[-1][0])] != above[-1][0]:
            above.pop()
        if above:
            yield _collision(*above[-1], parts, step)
        else:
            above.append((parts, step))


def _collision(outer: tuple[str, ...], one: Step, inner: tuple[str, ...], other: Step) -> Diagnostic:
    place, path = other.output_place("/".join(inner)), "/".join(inner)
    if outer != inner:
        message = f"{other.name} writes {path}, which lies in {'/'.join(outer)} of {one.name}"
        return Diagnostic("output-overlaps", message, place, "let each step write where no other does")
    if one.place("") == other.place(""):
        message = f"{one.name} and {other.name} both write {path}"
        return Diagnostic("output-twice", message, place, "put the values that differ into the path: {axis}")
    return Diagnostic("output-twice", f"{one.name} and {other.name} both write {path}", place, "rename one of them")


def _unknown_steps(steps: Sequence[Step]) -> Iterator[Diagnostic]:
    """Yield a complaint for every value that is taken from a step that there is not."""
    known = {step.name for step in steps}
    said = set()
    for step in steps:
        for item in step.values:
            name, place = str(item.producer), step.place(f"{item.name}.step")
            if name not in known and (name, place) not in said:
                said.add((name, place))
                instance = next((other.name for other in steps if other.name.startswith(f"{name}@")), None)
                hint = f"it has a matrix: name an instance, such as {instance}" if instance else nearest(name, known)
                yield Diagnostic("unknown-step", f'there is no step "{name}"', place, hint or "mlops graph shows all")


class Written:
    """What steps write: path → name of the step. Looked up by path, by folder, and by pattern."""

    def __init__(self, by_path: Mapping[str, str]) -> None:
        self.by_path = by_path
        self._sorted = sorted(by_path)

    def producers(self, path: str) -> dict[str, bool]:
        """Return the steps that write a path, something in it, or something around it; in the order of paths.

        With each, whether it is certain: of a folder that a pattern may enter, only the run knows what is in it.
        """
        pattern = parse_pattern(path)
        if pattern is None:
            around = self._around(path)
            return dict.fromkeys([around] if around else [self.by_path[found] for found in self._below(path)], True)
        if pattern.base and (around := self._around(pattern.base)):
            return {around: True}
        found: dict[str, bool] = {}
        for written in self._below(pattern.base):
            name, step = written.removeprefix(f"{pattern.base}/"), self.by_path[written]
            if pattern.takes(name) or pattern.enters(name):
                found[step] = pattern.takes(name) or found.get(step, False)
        return found

    def _around(self, path: str) -> str | None:
        while path:
            if path in self.by_path:
                return self.by_path[path]
            path = path.rpartition("/")[0]
        return None

    def _below(self, folder: str) -> list[str]:
        if not folder:
            return self._sorted
        first = bisect_left(self._sorted, f"{folder}/")
        return self._sorted[first : bisect_left(self._sorted, f"{folder}0")]  # "0" follows "/"


def _produced(step: Step, written: Written) -> Iterator[Input]:
    """Yield the inputs of a step, one for each step that writes a part of it."""
    for item in step.inputs:
        producers = written.producers(item.path) if item.producer is None else {}
        if not producers:
            yield item
        for name, certain in producers.items():
            yield replace(item, producer=name, optional=item.optional or not certain)


def _in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Sort so that each step follows what it reads; the earliest declared first. Raises InvalidInput for a circle."""
    position = {step.name: number for number, step in enumerate(steps)}
    waits = {step.name: {item.producer for item in step.inputs if item.producer is not None} for step in steps}
    followers: dict[str, list[str]] = {}
    for name, producers in waits.items():
        for producer in producers:
            followers.setdefault(producer, []).append(name)
    left = {name: len(producers) for name, producers in waits.items()}
    ready = [position[name] for name, count in left.items() if not count]
    heapq.heapify(ready)
    ordered = []
    while ready:
        step = steps[heapq.heappop(ready)]
        ordered.append(step)
        for name in followers.get(step.name, ()):
            left[name] -= 1
            if not left[name]:
                heapq.heappush(ready, position[name])
    if len(ordered) < len(steps):
        raise InvalidInput(_circle({step.name: step for step in steps}, waits, left))
    return tuple(ordered)


def _circle(steps: Mapping[str, Step], waits: Mapping[str, set[str]], left: Mapping[str, int]) -> Diagnostic:
    """Name one circle: from a step that waits, back along what it reads until a step comes twice."""
    name = min(name for name, count in left.items() if count)
    path: list[str] = []
    while name not in path:
        path.append(name)
        name = min(producer for producer in waits[name] if left[producer])
    circle = [*path[path.index(name) :], name]
    item = next(item for item in steps[name].inputs if item.producer == circle[1])
    if len(circle) == 2:
        message = f"{name} takes what it returns itself" if item.value else f"{name} reads what it writes itself"
    else:
        message = f"steps wait for each other in a circle: {' ← '.join(circle)}"
    return Diagnostic("circle", message, steps[name].input_place(item), f"{name} reads {item.path}: break it there")
