"""Small hand-made steps, and the lock that running them would leave."""

from dataclasses import replace

from mlops_runner.digest import digest_bytes
from mlops_runner.errors import Place
from mlops_runner.lock.model import Environment, Lock, Output, Stage
from mlops_runner.plan.build import build_plan, known_external
from mlops_runner.plan.key import resolve_inputs, step_key
from mlops_runner.plan.model import Facts
from mlops_runner.plan.steps import Input, Step, flatten

ENVIRONMENT = Environment("e1:aa", "3.11")
CSV = "data/a.csv"
FACTS = Facts(ENVIRONMENT, {"rules:train": {"rules.py": "a1:aa"}}, {CSV: "11"})

DATA = Step(
    "data", "data", 1, {"source": {"kind": "csv"}, "rows": 5}, {}, "artifacts/data", (Input("source", CSV),)
)  # fmt: skip
TABLE = Input("train", "artifacts/data/train.parquet", "data")


def trainer(name, depth=3, **facts):
    """A step that trains from the table."""
    step = Step(f"train.{name}", "train", 1, {"trainer": {"depth": depth}}, {}, f"artifacts/{name}", (TABLE,), **facts)
    return placed(step, "specs/training.yaml")


def placed(step, file):
    """Give every param of a step a line of its own, in order, and the step as a whole the first."""
    names = [name for name, _ in flatten(step.config)] + [f"execution.{name}" for name in step.execution]
    places = {name: Place(file, line, 5) for line, name in enumerate(names, start=2)}
    return replace(step, places={"": Place(file), "trainer": Place(file, 1, 3), **places})


def evaluator(*names):
    models = tuple(Input(f"model.{name}", f"artifacts/{name}", f"train.{name}", folder=True) for name in names)
    step = Step("evaluate", "evaluate", 1, {"models": list(names)}, {}, "artifacts/evaluation", (TABLE, *models))
    return placed(step, "specs/evaluation.yaml")


def pipeline(*trainers):
    """The data step, these trainers, and their evaluation."""
    return [
        placed(DATA, "specs/data.yaml"),
        *trainers,
        evaluator(*(step.name.removeprefix("train.") for step in trainers)),
    ]


STEPS = pipeline(trainer("a"), trainer("b", depth=4, code=("rules:train",)))


def produced(step, key):
    """What a step writes: by its key, as a deterministic run would."""
    names = {"data": ["train.parquet"], "train": ["model.ubj", "candidate.json"], "evaluate": ["evaluation.json"]}
    return {name: digest_bytes(f"{key} {name}".encode()) for name in names[step.kind]}


def record(steps, facts=FACTS, write=produced):
    """Return the lock of a run."""
    stages, settled = {}, {}
    for step in steps:
        external, _ = known_external(step, None, facts)
        resolved, unknown = resolve_inputs(step, settled, external)
        assert not unknown, unknown
        key = step_key(step, resolved, facts.code_of(step), facts.environment.digest)
        files = write(step, key)
        settled[step.name] = {step.path_of(name): digest.sha256 for name, digest in files.items()}
        stages[step.name] = Stage(
            key, step.spec, repro=step.repro, code=facts.code_of(step), inputs=dict(resolved.files),
            outputs={f"{step.output}/{name}": Output(d.md5, d.sha256) for name, d in files.items()}, params=step.params,
        )  # fmt: skip
    return Lock({"default": facts.environment}, stages)


LOCK = record(STEPS)


def plan(steps=STEPS, lock=LOCK, facts=FACTS):
    return build_plan("p", steps, lock, facts)


def actions(found):
    return {planned.name: planned.action for planned in found.steps}


def reasons(found, name):
    """(code, what, old, new) of each reason of a step."""
    return [(r.code, r.what, r.old, r.new) for r in found.find(name).reasons]
