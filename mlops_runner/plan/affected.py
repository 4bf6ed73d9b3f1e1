"""Which steps a change since another revision may affect: by what they are made of, without any lock.

A step's recipe is its key with the recipes of its producers in place of what these wrote. Equal recipes lead to equal
results, so a step with a new recipe, and only such a step, may come out differently.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlops_runner.digest import Json, digest_value
from mlops_runner.lock.model import Lock, Stage
from mlops_runner.plan.key import Resolved
from mlops_runner.plan.model import Facts, PlannedStep, Reason
from mlops_runner.plan.reasons import explain, unexplained
from mlops_runner.plan.steps import Step


@dataclass(frozen=True, slots=True)
class Made:
    """What a pipeline is made of at one moment: steps in order, facts, and what each file outside holds, by path."""

    steps: Sequence[Step]
    facts: Facts
    contents: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Affected:
    """The steps that may come out differently than at a revision, each with its reasons; and of how many."""

    revision: str
    steps: tuple[PlannedStep, ...]
    total: int


def affected(now: Made, then: Made, revision: str) -> Affected:
    """Compare what two moments are made of. A renamed step is not affected; one that is gone is listed as removed."""
    recipes, before = recipes_of(now), recipes_of(then)
    known = set(before.values())
    names = {step.name: step for step in then.steps}
    changed = {step.name for step in now.steps if recipes[step.name] not in known}
    found = [
        _compared(step, names.get(step.name), now, then, revision, changed)
        for step in now.steps
        if step.name in changed
    ]
    kept = set(recipes.values())
    present = {step.name for step in now.steps}
    gone = [PlannedStep(s.name, "remove") for s in then.steps if s.name not in present and before[s.name] not in kept]
    return Affected(revision, (*found, *gone), len(now.steps))


def recipes_of(made: Made) -> dict[str, str]:
    """Return the recipe of each step by name."""
    recipes: dict[str, str] = {}
    for step in made.steps:
        inputs: list[Json] = [
            [
                item.name,
                recipes[item.producer] if item.producer else made.contents.get(item.path, ""),
                *([item.path] if item.value else []),  # of files, the producer's spec says what they are
            ]
            for item in step.inputs
        ]
        material: dict[str, Json] = {
            "kind": step.kind,
            "spec": step.spec,
            "inputs": inputs,
            "code": made.facts.code_of(step),
            "env": "" if step.fetches else made.facts.environment_of(step).digest,
            "repro": step.repro,
            "execution": step.keyed_execution,
        }
        recipes[step.name] = digest_value("k1", material)
    return recipes


def _compared(
    step: Step, before: Step | None, now: Made, then: Made, revision: str, changed: Collection[str]
) -> PlannedStep:
    follows = dict.fromkeys(item.producer for item in step.inputs if item.producer in changed)
    waits = tuple(Reason("upstream-affected", str(name)) for name in follows)
    if before is None:
        new = Reason("new-since", step.name, revision, place=step.place("" if not step.built_in else "reproducibility"))
        return PlannedStep(step.name, "add", step, None, (new, *waits))
    own = tuple(_own(step, before, now, then))
    if not own and not waits:
        own = (Reason("read-from-others", "inputs", place=step.place("")),)
    return PlannedStep(step.name, "rerun" if own else "unknown", step, None, (*own, *waits))


def _own(step: Step, before: Step, now: Made, then: Made) -> Iterator[Reason]:
    """Yield how the step itself differs: its spec, its code, its environment, the files that no step writes."""
    stage = Stage(
        key="",
        spec=before.spec,
        env=before.env,
        repro=before.repro,
        code=then.facts.code_of(before),
        inputs=_outside(before, then),
        params=before.params,
    )
    lock = Lock(then.facts.environments_of([before]))
    found = list(explain(step, stage, lock, Resolved({}, _outside(step, now)), now.facts))
    if not found and stage.spec != step.spec:
        found.append(unexplained(step, stage))
    yield from found


def _outside(step: Step, made: Made) -> dict[str, str]:
    return {i.path: made.contents[i.path] for i in step.inputs if i.producer is None and i.path in made.contents}
