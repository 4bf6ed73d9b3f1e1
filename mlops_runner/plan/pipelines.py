"""Pipelines below a pipeline: what its steps may do in their folders, and what they read of what these write."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.lock.model import Lock, Output
from mlops_runner.plan.graph import MOST_COMPLAINTS
from mlops_runner.plan.graph import Written as Writers
from mlops_runner.plan.key import taken
from mlops_runner.plan.model import Plan, PlannedStep
from mlops_runner.plan.steps import Input, Step
from mlops_runner.store.patterns import certain, parse_pattern


def refuse_trespass(steps: Sequence[Step], pipelines: Collection[str]) -> None:
    """Refuse steps that write into a pipeline below, or that read one as a whole. Raises InvalidInput."""
    if pipelines and (problems := list(_trespass(steps, pipelines))):
        raise InvalidInput(problems[:MOST_COMPLAINTS])


def _trespass(steps: Sequence[Step], pipelines: Collection[str]) -> Iterator[Diagnostic]:
    readers = {folder: (step.name, item.path) for step in steps for item, folder in _reads(step, pipelines)}
    for step in steps:
        for path in step.outputs:
            for folder in pipelines:
                if _within(path, folder):
                    yield _written(step, path, folder, readers.get(folder))
                elif _within(folder, path):
                    message = f"{step.name} writes {path}, in which the pipeline {folder} lies"
                    yield Diagnostic("output-overlaps", message, step.output_place(path), "write to another folder")
        for item in step.files:
            for folder in pipelines:
                if item.producer is None and parse_pattern(item.path) is None and _within(folder, item.path):
                    message = f"{step.name} reads {item.path} as a whole, in which the pipeline {folder} lies"
                    hint = f"name what {folder} writes, as {folder}/data/report.json"
                    yield Diagnostic("pipeline-as-input", message, step.input_place(item), hint)


def _reads(step: Step, pipelines: Collection[str]) -> Iterator[tuple[Input, str]]:
    for item in step.files:
        yield from ((item, folder) for folder in pipelines if item.producer is None and _within(item.path, folder))


def _written(step: Step, path: str, folder: str, reader: tuple[str, str] | None) -> Diagnostic:
    place, hint = step.output_place(path), f"write it elsewhere, or declare the step in {folder}/pipeline.yaml"
    if reader is None:
        message = f"{step.name} writes {path}, which lies in the pipeline {folder}"
        return Diagnostic("output-in-pipeline", message, place, hint)
    name, read = reader
    message = f"the pipelines wait for each other in a circle: {step.name} writes {path}, and {name} reads {read}"
    return Diagnostic("circle", message, place, hint)


def _within(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder}/")


def touched(path: str, folder: str) -> bool:
    """Say whether a path or pattern may name something in a folder."""
    pattern = parse_pattern(path)
    if pattern is None or _within(pattern.base, folder):
        return _within(certain(path), folder)
    return (not pattern.base or _within(folder, pattern.base)) and pattern.enters(
        folder.removeprefix(pattern.base).lstrip("/")
    )


@dataclass(frozen=True, slots=True)
class Below:
    """A pipeline below: its steps, its lock, and the names of those steps that are not locked as its specs imply."""

    steps: Sequence[Step]
    lock: Lock
    behind: Collection[str]


@dataclass(frozen=True, slots=True)
class Written:
    """What pipelines below write of a path: files as they are locked, the pipelines, and which of them are behind."""

    files: Mapping[str, Output]
    by: tuple[str, ...]
    behind: tuple[str, ...]


def writers_of(path: str, steps: Mapping[str, Sequence[Step]]) -> list[tuple[str, str]]:
    """Return the folder and the name of each step that writes a path or pattern. steps: those below, by folder."""
    writers = {
        f"{folder}/{output}": f"{folder}\n{step.name}"
        for folder, below in steps.items()
        for step in below
        for output in step.outputs
    }
    found = (name.partition("\n") for name in Writers(writers).producers(path))
    return [(folder, name) for folder, _, name in found]


def written_below(path: str, below: Mapping[str, Below]) -> Written | None:
    """Return what the pipelines of these folders write of a path or pattern; None if they write nothing of it."""
    found = writers_of(path, {folder: pipeline.steps for folder, pipeline in below.items()})
    if not found:
        return None
    files: dict[str, Output] = {}
    late: dict[str, None] = {}
    for folder, name in found:
        stage = below[folder].lock.stages.get(name)
        files |= {f"{folder}/{file}": output for file, output in stage.outputs.items()} if stage else {}
        if stage is None or name in below[folder].behind:
            late[folder] = None
    wanted = taken(Input(path, path), files)
    return Written(
        {file: files[file] for file in wanted}, tuple(dict.fromkeys(folder for folder, _ in found)), tuple(late)
    )


def read_by(steps: Sequence[Step], pipelines: Collection[str]) -> frozenset[str]:
    """Return those of the pipelines in whose folders something lies that steps read."""
    paths = {item.path for step in steps for item in step.files if item.producer is None}
    return frozenset(folder for folder in pipelines if any(touched(path, folder) for path in paths))


def together(plans: Mapping[str, Plan]) -> Plan:
    """Return the plans of a pipeline (as `.`) and of those below it as one, with the folders before names and paths."""
    writers = {
        f"{folder}/{output}": f"{folder}/{planned.name}"
        for folder, plan in plans.items()
        for planned in plan.steps
        for output in (planned.step.outputs if planned.step and folder != "." else ())
    }
    written = Writers(writers)
    steps = [
        planned if folder == "." else _moved(planned, folder)
        for folder, plan in plans.items()
        for planned in plan.steps
    ]
    joined = [replace(p, step=replace(p.step, inputs=tuple(_joined(p.step, written)))) if p.step else p for p in steps]
    name = plans["."].pipeline if "." in plans else "pipelines"
    return Plan(name, tuple(joined), tuple(note for plan in plans.values() for note in plan.notes))


def _moved(planned: PlannedStep, folder: str) -> PlannedStep:
    name, step = f"{folder}/{planned.name}", planned.step
    if step is None:
        return replace(planned, name=name)
    inputs = tuple(
        replace(
            item,
            path=item.path if item.value else f"{folder}/{item.path}",
            producer=item.producer and f"{folder}/{item.producer}",
        )
        for item in step.inputs
    )
    return replace(planned, name=name, step=replace(step, name=name, inputs=inputs))


def _joined(step: Step, written: Writers) -> Iterator[Input]:
    for item in step.inputs:
        producers = written.producers(item.path) if item.producer is None else {}
        yield from (replace(item, producer=name) for name in producers)
        if not producers:
            yield item
