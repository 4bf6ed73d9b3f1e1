"""Values of other steps as params: a step with its values filled in is the step that says them itself."""

import random
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.errors import InvalidInput, Place
from mlops_runner.lock.model import Environment, Lock, Output, Stage
from mlops_runner.plan.build import build_plan, written
from mlops_runner.plan.codec import compiled_from_json, compiled_json
from mlops_runner.plan.graph import joined
from mlops_runner.plan.key import resolve_inputs, step_key
from mlops_runner.plan.matrix import filled_text
from mlops_runner.plan.model import Facts
from mlops_runner.plan.steps import Compiled, Input, Step
from mlops_runner.plan.values import later, quoted, with_values

FACTS = Facts(Environment("e1:aa", "3.11"))
TEXTS = st.text("ab{}$ '\"\\;\0", max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS


def step(name, takes=(), params=None, line=1):
    places = {"": Place("pipeline.yaml", line)}
    places |= {f"params.x{i}": Place("pipeline.yaml", line + i, 7) for i in range(9)}
    inputs = tuple(Input(f"params.x{i}", value, producer, value=True) for i, (producer, value) in enumerate(takes))
    config = {"callable": "m:f", "outputs": {"out": f"out/{name}"}, "params": params or {}}
    return Step(name, "python", 1, config, places, "", inputs)


@given(
    st.lists(st.sampled_from(["{now}", "{then}", "{{now}}", "{{then}}", "{", "}", "th", "then", " ", "'"])),
    SCALARS,
    SCALARS,
)
def test_an_argument_is_the_same_whether_its_values_are_known_early_or_late(parts, now, then):
    text = "".join(parts)
    command = Step("a", "command", 1, {"command": [filled_text(text, {"now": now, "then": later("then")})]}, {}, "")
    shell = {"shell": filled_text(text, {"now": now, "then": later("then")}, quoted)}
    takes = (Input("params.then", "v", "b", value=True),)
    for config, quote in ((command.config, str), (shell, shlex.quote)):
        found, lacking = with_values(Step("a", "command", 1, config, {}, "", takes), {"b": {"v": then}})
        assert not lacking
        expected = filled_text(text, {"now": now, "then": then}, quote)
        if "\0" not in str(now):  # no document and no argument can hold one
            assert found.config == {**config, **_run(config, expected), "params": {"then": then}}


def _run(config, text):
    return {"shell": text} if "shell" in config else {"command": [text]}


@given(SCALARS)
def test_the_key_is_that_of_the_value_written_down(value):
    found, _ = with_values(step("a", [("b", "v")]), {"b": {"v": value, "other": 1}})
    assert found.spec == step("a", params={"x0": value}).spec
    assert found.params == step("a", params={"x0": value}).params


def test_what_is_not_returned_is_lacking_and_the_rest_is_filled_in():
    found, lacking = with_values(step("a", [("b", "v"), ("b", "w"), ("c", "v")]), {"b": {"v": 1}})
    assert found.config["params"] == {"x0": 1}
    assert [(item.producer, item.path) for item in lacking] == [("b", "w"), ("c", "v")]


def test_values_order_steps_and_circles_are_named():
    assert [s.name for s in joined([step("a", [("b", "v")]), step("c"), step("b", [("c", "v")])])] == ["c", "b", "a"]
    with pytest.raises(InvalidInput, match="in a circle: a ← b ← a"):
        joined([step("a", [("b", "v")]), step("b", [("a", "v")])])
    with pytest.raises(InvalidInput, match="a takes what it returns itself"):
        joined([step("a", [("a", "v")])])


def test_a_step_that_there_is_not_is_complained_about_once_a_line():
    with pytest.raises(InvalidInput) as caught:
        joined([step("tune"), step("a@1", [("tun", "v")]), step("a@2", [("tun", "v")])])
    assert [(d.message, d.hint) for d in caught.value.diagnostics] == [
        ('there is no step "tun"', 'did you mean "tune"?')
    ]


def test_the_cache_of_compiled_steps_keeps_values():
    compiled = Compiled("p", "", (step("a", [("b", "v")]),), "", {}, ())
    assert compiled_from_json(compiled_json(compiled)).steps == compiled.steps


def run(steps, returns, lock):
    """Return the lock of a run in which each step returns what a table says, and the names of those that ran."""
    stages, settled, ran = {}, {}, []
    for declared in steps:
        found, lacking = with_values(declared, {name: stage.metrics for name, stage in stages.items()})
        assert not lacking
        resolved, _ = resolve_inputs(found, settled, {})
        key = step_key(found, resolved, {}, FACTS.environment.digest)
        before = lock.stages.get(found.name)
        if before and before.key == key:
            stages[found.name] = before
        else:
            ran.append(found.name)
            outputs = {path: Output("m", key) for path in found.outputs}
            stages[found.name] = Stage(
                key, found.spec, outputs=outputs, params=found.params, metrics=returns[found.name]
            )
        settled[found.name] = written(found, stages[found.name])
    return Lock({"default": FACTS.environment}, stages), ran


@given(st.integers(0, 10_000))
def test_exactly_those_run_whose_params_or_values_moved(seed):
    draw = random.Random(seed)
    names = [f"s{i}" for i in range(6)]
    takes = {
        name: [(other, draw.choice("vw")) for other in names[:i] if draw.random() < 0.4] for i, name in enumerate(names)
    }
    params = {name: draw.randint(0, 2) for name in names}
    returns = {name: {"v": draw.randint(0, 1), "w": draw.randint(0, 1)} for name in names}
    lock, _ = run([step(name, takes[name], {"p": params[name]}) for name in names], returns, Lock())
    edited = {name: draw.choice([value, value, value + 1]) for name, value in params.items()}
    steps = [step(name, takes[name], {"p": edited[name]}) for name in names]
    plan = build_plan("p", steps, lock, FACTS)
    moved = {name: {"v": draw.randint(0, 1), "w": draw.randint(0, 1)} for name in names}
    after, ran = run(steps, moved, lock)
    naive, now = [], dict(returns)
    for name in names:  # by hand: a step runs if its own param or a value that it takes is another one
        if edited[name] != params[name] or any(now[one][value] != returns[one][value] for one, value in takes[name]):
            naive.append(name)
            now[name] = moved[name]
    assert ran == naive
    actions = {planned.name: planned.action for planned in plan.steps}
    assert {name for name in names if actions[name] == "rerun"} >= {n for n in names if edited[n] != params[n]}
    assert all(actions[name] != "unchanged" for name in ran)
    assert not build_plan("p", steps, after, FACTS).changes
