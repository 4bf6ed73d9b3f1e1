"""Steps joined by paths: who writes what, in which order, and what cannot be joined."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.errors import InvalidInput, Place
from mlops_runner.plan.graph import Written, joined
from mlops_runner.plan.steps import Input, Step


def step(name, reads=(), writes=(), line=1):
    config = {"inputs": list(reads), "outputs": list(writes) or [f"out/{name}"]}
    places = {"": Place("pipeline.yaml", line), **{f"outputs.{i}": Place("pipeline.yaml", line, 9) for i in range(9)}}
    inputs = tuple(Input(path, path) for path in reads)
    return Step(name, "command", 1, config, places, "", inputs)


def producers(found, name):
    return [item.producer for s in found if s.name == name for item in s.inputs]


def test_steps_follow_what_they_read_and_keep_their_order_otherwise():
    steps = [step("late", ["b.txt"]), step("other"), step("b", ["a.txt"], ["b.txt"]), step("a", ["raw"], ["a.txt"])]
    found = joined(steps)
    assert [s.name for s in found] == ["other", "a", "b", "late"]
    assert producers(found, "late") == ["b"]
    assert producers(found, "a") == [None]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("out/a.txt", ["one"]),
        ("out/figures", ["two"]),
        ("out/figures/1.png", ["two"]),
        ("out", ["one", "two"]),
        ("out/*.txt", ["one"]),
        ("out/**", ["one", "two"]),
        ("out/figures/*.png", ["two"]),
        ("**/*.png", ["one", "two"]),
        ("ou", []),
        ("output", []),
        ("out/a", []),
        ("*.txt", []),
        ("x/**/*.txt", []),
    ],
)
def test_a_path_finds_who_writes_it_something_in_it_or_what_is_around_it(path, expected):
    written = Written({"out/a.txt": "one", "out/figures": "two"})
    assert list(written.producers(path)) == expected


def test_what_a_pattern_may_find_in_a_folder_is_not_certain():
    written = Written({"out/a.txt": "one", "out/figures": "two"})
    assert written.producers("out/*.txt") == {"one": True}
    assert written.producers("out/**/*.txt") == {"one": True, "two": False}


def test_an_input_that_several_steps_write_a_part_of_knows_them_all():
    found = joined([step("all", ["out"], ["sum"]), step("a", [], ["out/a"]), step("b", [], ["out/b"])])
    assert [s.name for s in found] == ["a", "b", "all"]
    assert producers(found, "all") == ["a", "b"]


@pytest.mark.parametrize(
    ("steps", "code", "message"),
    [
        ([step("a", [], ["x"]), step("b", [], ["x"], 2)], "output-twice", "a and b both write x"),
        (
            [step("a", [], ["x"]), step("b", [], ["x/y/z"], 2)],
            "output-overlaps",
            "b writes x/y/z, which lies in x of a",
        ),
        ([step("a", ["x"], ["x"])], "circle", "a reads what it writes itself"),
        (
            [step("a", ["z"], ["x"]), step("b", ["x"], ["y"]), step("c", ["y"], ["z"])],
            "circle",
            "steps wait for each other in a circle: a ← c ← b ← a",
        ),
    ],
)
def test_what_cannot_be_joined_is_named(steps, code, message):
    with pytest.raises(InvalidInput) as caught:
        joined(steps)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == (code, message)
    assert found.place is not None


def test_names_that_only_begin_alike_do_not_collide():
    assert len(joined([step("a", [], ["x"]), step("b", [], ["x.y"]), step("c", [], ["xy/z"])])) == 3


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_any_graph_without_circles_is_put_in_an_order_that_can_be_run(seed, size):
    chance = random.Random(seed)
    steps = [step(f"s{n}", [f"out/s{m}" for m in range(n) if chance.random() < 0.2]) for n in range(size)]
    chance.shuffle(steps)
    seen = set()
    for found in joined(steps):
        assert {item.producer for item in found.inputs} <= seen
        seen.add(found.name)
    assert len(seen) == size
