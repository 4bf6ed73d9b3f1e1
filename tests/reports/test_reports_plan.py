"""A plan in words: what is alike stands together, and a thousand steps fit on a screen."""

import pytest

from mlops_runner.errors import Place
from mlops_runner.plan.demand import Capacity
from mlops_runner.plan.estimate import Estimate, estimate, side_by_side
from mlops_runner.plan.local import LocalNote
from mlops_runner.plan.model import Plan, PlannedStep, Reason
from mlops_runner.plan.names import listed
from mlops_runner.plan.steps import Input, Price, Step
from mlops_runner.reports.plan import Local, money, plan_text
from mlops_runner.reports.steps import partial_text


def step(name, *reads, kind="command"):
    inputs = tuple(Input(f"out/{one}", f"out/{one}", one) for one in reads)
    return Step(name, kind, 1, {"outputs": [f"out/{name}"]}, {"": Place("pipeline.yaml")}, "", inputs)


def planned(name, action="unchanged", *reasons):
    return PlannedStep(name, action, step(name), None, tuple(reasons))


def new(name, line=1):
    return planned(name, "add", Reason("new", name, place=Place("pipeline.yaml", line, 3)))


def changed(name, path):
    return planned(name, "rerun", Reason("input-changed", path, "a", "b"))


def lines(*steps, everything=False):
    return plan_text(Plan("p", steps), Local({}), everything=everything).splitlines()[2:-2]


def test_instances_that_say_the_same_are_one_entry():
    assert lines(planned("sorted"), *(new(f"count@{n}") for n in range(40))) == [
        "  · sorted",
        "  + count@…   40 instances",
        "      not in pipeline.lock yet   pipeline.yaml:1:3",
    ]


def test_of_some_instances_the_values_are_named():
    some = [new(f"count@{n}") for n in range(5)]
    assert lines(*some, planned("count@9"))[0] == "  + count@…   5 of 6 instances: 0  1  2  3  4"
    many = [new(f"count@{n}") for n in range(30)]
    assert lines(*many, planned("count@99"))[0] == "  + count@…   30 of 31 instances: 0  1  2  3  4  …"


def test_a_few_instances_are_listed():
    assert [line for line in lines(*(new(f"count@{n}") for n in range(3))) if "count" in line] == [
        "  + count@0", "  + count@1", "  + count@2",
    ]  # fmt: skip


def test_many_unchanged_steps_are_counted():
    steps = [*(planned(f"s{n}") for n in range(30)), changed("last", "x.csv")]
    assert lines(*steps) == [
        "  ~ last",
        "      input x.csv changed",
        "  · 30 unchanged   each of them: mlops plan --all",
    ]
    assert len(lines(*steps, everything=True)) == 32


def test_many_steps_of_one_reason_are_one_entry_without_the_places_that_differ():
    assert lines(*(new(f"s{n}", n + 1) for n in range(300))) == [
        "  + 300 steps: s0, s1, s2, s3, s4, s5, s6, s7 and 292 more",
        "      not in pipeline.lock yet",
    ]


def test_instances_with_reasons_of_one_kind_are_drawn_together_only_when_there_are_many():
    few = lines(*(changed(f"count@{n}", f"{n}.csv") for n in range(6)))
    assert len(few) == 12
    assert lines(*(changed(f"count@{n}", f"{n}.csv") for n in range(500))) == [
        "  ~ count@…   500 instances",
        "      input 0.csv changed",
        "      so it is with count@0; the others have reasons of the same kind: mlops plan --all",
    ]


def test_an_instance_that_waits_for_its_like_says_so_as_all_do():
    waiting = [planned(f"b@{n}", "unknown", Reason("upstream-runs", f"a@{n}")) for n in range(9)]
    assert lines(*waiting) == ["  ? b@…   9 instances", "      depends on a@…, which runs first"]


def test_names_are_folded_and_counted():
    assert listed(["x", *(f"count@{n}" for n in range(9)), "y"]) == "x, count@… (9), y"
    assert partial_text(["x"]) == "  partial: 1 step is not up to date: x"


def at(name, *reads, kind="command"):
    return step(name, *reads, kind=kind)


FORK = [at("a"), at("b", "a"), at("c", "a"), at("d", "b", "c")]
SECONDS = {"a": 10.0, "b": 20.0, "c": 30.0, "d": 5.0}


@pytest.mark.parametrize(("jobs", "expected"), [(1, 65.0), (2, 45.0), (8, 45.0)])
def test_steps_side_by_side_take_as_long_as_the_longest_way(jobs, expected):
    assert side_by_side(FORK, SECONDS, Capacity(jobs)) == expected


def test_a_search_runs_alone():
    steps = [at("a"), at("s", kind="search"), at("b")]
    assert side_by_side(steps, {"a": 10, "s": 10, "b": 10}, Capacity(4)) == 20


def test_time_and_money_are_told_for_what_is_known():
    steps = tuple(PlannedStep(s.name, "rerun", s) for s in FORK)
    notes = {s.name: LocalNote("run", SECONDS[s.name] * 60) for s in FORK}
    found = estimate(Plan("p", steps), notes, Capacity(2))
    assert found == Estimate(3900.0, 2700.0, 2, 4, 4)
    first = plan_text(Plan("p", steps), Local(notes, found, Price(3.2, "EUR"))).splitlines()[0]
    assert first == "p: 4 to run  (about 65 min, 45 min with 2 jobs, 2.40 EUR by earlier runs)"
    notes["b"] = LocalNote("run")
    first = plan_text(Plan("p", steps), Local(notes, estimate(Plan("p", steps), notes, Capacity(1)))).splitlines()[0]
    assert first == "p: 4 to run  (about 45 min for the 3 of 4 that ran here)"
    assert estimate(Plan("p", steps), {s.name: LocalNote("run") for s in FORK}, Capacity(1)) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(720, "0.64 EUR"), (3600, "3.20 EUR"), (1, "0.0009 EUR"), (0, "0.00 EUR")]
)
def test_money_is_told_to_a_hundredth_or_finer(seconds, text):
    assert money(seconds, Price(3.2, "EUR")) == text
