"""Which steps a selection takes, and what the plan of a part says."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_values import FACTS, LOCK, actions, pipeline, reasons, trainer

from mlops_runner.errors import Place, UsageFailure
from mlops_runner.plan.build import build_part
from mlops_runner.plan.codec import plan_json, selection_from_json
from mlops_runner.plan.graph import joined
from mlops_runner.plan.select import Selection, selected
from mlops_runner.plan.steps import Input, Step


def step(name, reads=()):
    places = {"": Place("pipeline.yaml")}
    inputs = tuple(Input(path, path) for path in reads)
    return Step(name, "command", 1, {"inputs": list(reads), "outputs": [f"out/{name}"]}, places, "", inputs)


CHAIN = joined(
    [
        step("raw"),
        step("count@3", ["out/raw"]),
        step("count@6", ["out/raw"]),
        step("country", ["out/raw"]),
        step("gather", ["out/count@3", "out/count@6"]),
        step("page", ["out/gather", "out/country"]),
    ]
)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(to=("count@3",)), "raw count@3"),
        (Selection(to=("count",)), "raw count@3 count@6"),
        (Selection(start=("gather",)), "gather page"),
        (Selection(start=("count@*",)), "count@3 count@6 gather page"),
        (Selection(only=("count@6", "page")), "count@6 page"),
        (Selection(only=("coun*",)), "count@3 count@6 country"),
        (Selection(to=("gather",), start=("count@3",)), "count@3 gather"),
        (Selection(to=("gather",), start=("count@3",), only=("page",)), "count@3 gather page"),
    ],
)
def test_a_selection_takes_what_leads_to_a_step_what_follows_it_or_it_alone(selection, expected):
    assert selected(CHAIN, selection) == set(expected.split())


@pytest.mark.parametrize(
    ("selection", "message", "hint"),
    [
        (Selection(to=("cuont",)), 'there is no step "cuont"', 'did you mean "count"?'),
        (Selection(only=("count@7",)), 'there is no step "count@7"', 'did you mean "count@6"?'),
        (Selection(only=("x*",)), 'no step matches "x*"', "steps: raw, count, country, gather, page"),
        (Selection(start=("zzz",)), 'there is no step "zzz"', "steps: raw, count, country, gather, page"),
        (Selection(to=("raw",), start=("page",)), "nothing leads from page to raw", "see: mlops graph"),
    ],
)
def test_a_selection_that_matches_nothing_is_refused(selection, message, hint):
    with pytest.raises(UsageFailure) as caught:
        selected(CHAIN, selection)
    (found,) = caught.value.diagnostics
    assert (found.message, found.hint) == (message, hint)


def leads(edges, one, other):
    """Say whether a way leads from one step to another, trying every way."""
    return one == other or any(leads(edges, follower, other) for producer, follower in edges if producer == one)


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_to_and_from_are_what_a_naive_search_for_ways_finds(seed, size):
    chance = random.Random(seed)
    edges = [(f"s{m}", f"s{n}") for n in range(size) for m in range(n) if chance.random() < 0.25]
    steps = joined([step(f"s{n}", [f"out/{one}" for one, other in edges if other == f"s{n}"]) for n in range(size)])
    names = [s.name for s in steps]
    to, start = (tuple(chance.sample(names, chance.randint(1, size))) for _ in range(2))
    upward = {name for name in names if any(leads(edges, name, end) for end in to)}
    downward = {name for name in names if any(leads(edges, begin, name) for begin in start)}
    assert selected(steps, Selection(to=to)) == upward
    assert selected(steps, Selection(start=start)) == downward
    if upward & downward:
        assert selected(steps, Selection(to, start)) == upward & downward


def part(steps, selection, lock=LOCK):
    return build_part("p", steps, lock, FACTS, selection)


def test_what_is_not_selected_counts_as_locked():
    changed = pipeline(trainer("a", depth=9), trainer("b", depth=4, code=("rules:train",)))
    found = part(changed, Selection(only=("evaluate",)))
    assert actions(found) == {"evaluate": "unchanged"}
    assert found.partial == ("train.a", "evaluate")


def test_a_plan_of_a_part_names_what_it_leaves_behind():
    changed = pipeline(trainer("a", depth=9), trainer("b", depth=4, code=("rules:train",)))
    found = part(changed, Selection(to=("train.*",)))
    assert actions(found) == {"data": "unchanged", "train.a": "rerun", "train.b": "unchanged"}
    assert found.partial == ("evaluate",)
    value = plan_json(found)
    assert value["partial"] == ["evaluate"]
    assert selection_from_json(value) == Selection(to=("train.*",))


def test_a_step_cannot_read_what_never_was_written():
    more = pipeline(trainer("a"), trainer("b", depth=4, code=("rules:train",)), trainer("c"))
    found = part(more, Selection(only=("evaluate",)))
    assert actions(found) == {"evaluate": "unresolved"}
    assert reasons(found, "evaluate") == [("not-locked", "artifacts/c", "train.c", None)]
