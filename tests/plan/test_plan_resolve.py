"""Mending a lock: what the present specs prove is kept, along the chain; nothing is believed without proof."""

from dataclasses import replace

import pytest
from plan_values import CSV, FACTS, LOCK, STEPS, actions, pipeline, plan, reasons, record, trainer

from mlops_runner.errors import UsageFailure
from mlops_runner.execute.verify import broken_chain
from mlops_runner.lock.model import Environment, Lock, Stage
from mlops_runner.plan.resolve import accept, describe, prune, resolve

THEIR_FACTS = replace(FACTS, external={CSV: "22"})
B = STEPS[2]


def kept(mended):
    return dict(mended.kept)


def mend(ours, theirs, steps=STEPS, facts=FACTS):
    found = resolve(steps, ours, theirs, facts)
    assert not list(broken_chain(steps, found.lock)), "what is kept fits together"
    assert set(kept(found)) == found.lock.stages.keys()
    assert set(kept(found)) | set(found.to_run) == {step.name for step in steps}
    return found


def test_a_step_that_one_side_has_right_is_taken_from_it():
    other = record(pipeline(trainer("a", depth=9), B))
    ours = Lock(LOCK.environments, {**LOCK.stages, "train.b": Stage("k1:no", "c1:no")})
    found = mend(ours, other)
    assert kept(found) == {"data": "ours", "train.a": "ours", "train.b": "theirs", "evaluate": "ours"}
    assert found.lock == LOCK
    assert found.to_run == ()


def test_what_both_changed_must_run_with_what_follows():
    ours, theirs = record(pipeline(trainer("a", depth=8), B)), record(pipeline(trainer("a", depth=9), B))
    merged = pipeline(trainer("a", depth=10), B)
    found = mend(ours, theirs, merged)
    assert kept(found) == {"data": "ours", "train.b": "ours"}
    assert found.to_run == ("train.a", "evaluate")
    assert actions(plan(merged, found.lock)) == {
        "data": "unchanged", "train.a": "add", "train.b": "unchanged", "evaluate": "add",
    }  # fmt: skip


@pytest.mark.parametrize(("depth", "side"), [(8, "ours"), (9, "theirs")])
def test_what_both_changed_is_taken_from_the_side_that_the_merged_specs_name(depth, side):
    ours, theirs = record(pipeline(trainer("a", depth=8), B)), record(pipeline(trainer("a", depth=9), B))
    found = mend(ours, theirs, pipeline(trainer("a", depth=depth), B))
    assert kept(found) == {"data": "ours", "train.a": side, "train.b": "ours", "evaluate": side}


def test_a_step_that_one_side_removed_and_the_specs_keep_is_taken_from_the_other():
    found = mend(record(pipeline(trainer("a"))), LOCK)
    assert kept(found)["train.b"] == "theirs"


def test_a_step_that_the_specs_do_not_name_is_left_out():
    found = mend(LOCK, LOCK, pipeline(trainer("a")))
    assert "train.b" not in found.lock.stages
    assert found.to_run == ("evaluate",)


def test_a_step_that_one_side_renamed_must_be_settled_by_a_run():
    renamed = pipeline(trainer("c"), B)
    found = mend(LOCK, LOCK, renamed)
    assert found.to_run == ("train.c", "evaluate")


def test_steps_that_were_inserted_at_the_same_place_are_both_kept():
    ours = record(pipeline(*STEPS[1:3], trainer("c", depth=5)))
    theirs = record(pipeline(*STEPS[1:3], trainer("d", depth=6)))
    merged = pipeline(*STEPS[1:3], trainer("c", depth=5), trainer("d", depth=6))
    found = mend(ours, theirs, merged)
    assert (kept(found)["train.c"], kept(found)["train.d"], found.to_run) == ("ours", "theirs", ("evaluate",))


def test_a_result_made_from_other_data_is_not_proven_by_its_params():
    theirs = record(STEPS, THEIR_FACTS)
    ours = Lock(LOCK.environments, {"data": LOCK.stages["data"], "train.a": theirs.stages["train.a"]})
    found = mend(ours, theirs)
    assert kept(found) == {"data": "ours"}
    assert found.to_run == ("train.a", "train.b", "evaluate")


def test_an_absent_input_counts_as_each_side_locked_it():
    absent = replace(FACTS, external={}, absent=frozenset({CSV}))
    assert kept(mend(LOCK, record(STEPS, THEIR_FACTS), facts=absent)) == dict.fromkeys(LOCK.stages, "ours")


def test_results_of_another_environment_or_code_are_not_proven():
    assert mend(LOCK, LOCK, facts=replace(FACTS, environment=Environment("e1:bb", "3.11"))).lock.stages == {}
    assert mend(LOCK, LOCK, facts=replace(FACTS, code={"rules:train": {"rules.py": "a1:bb"}})).to_run == (
        "train.b", "evaluate",
    )  # fmt: skip


def test_what_was_done_is_said_line_by_line():
    found = mend(LOCK, Lock(), pipeline(trainer("a"), trainer("c", depth=7)))
    assert [line.split() for line in describe(found)] == [
        ["kept", "data", "ours"], ["kept", "train.a", "ours"], ["to", "run", "train.c"], ["to", "run", "evaluate"],
    ]  # fmt: skip


def test_pruning_drops_what_no_step_stands_for():
    found, gone = prune(pipeline(trainer("a")), LOCK)
    assert gone == ("train.b",)
    assert found.stages.keys() == {"data", "train.a", "evaluate"}
    assert found.environments == LOCK.environments
    assert prune(STEPS, LOCK) == (LOCK, ())


CHANGED = pipeline(trainer("a", depth=9), B)


def test_an_accepted_step_keeps_what_it_wrote_and_takes_the_present_key():
    found = accept(CHANGED, LOCK, FACTS, ["train.a"], "renamed a variable")
    stage = found.stages["train.a"]
    assert (stage.outputs, stage.accepted) == (LOCK.stages["train.a"].outputs, "renamed a variable")
    assert stage.params == CHANGED[1].params
    assert actions(plan(CHANGED, found)) == dict.fromkeys(LOCK.stages, "unchanged"), "nothing downstream has changed"


def test_steps_can_be_accepted_along_the_chain():
    steps = [replace(STEPS[0], config={**STEPS[0].config, "rows": 6}), *CHANGED[1:]]
    found = accept(steps, LOCK, FACTS, ["data", "train.a"], "the same")
    assert not plan(steps, found).changes
    assert found.stages["train.b"] == LOCK.stages["train.b"]


def test_accepting_one_step_does_not_hide_why_others_are_stale():
    facts = replace(FACTS, environment=Environment("e1:bb", "3.11"))
    found = accept(STEPS, LOCK, facts, ["data"], "only tools changed")
    assert actions(plan(STEPS, found, facts))["data"] == "unchanged"
    assert reasons(plan(STEPS, found, facts), "train.a") == [("environment-changed", "dependencies", "e1:aa", "e1:bb")]
    everything = accept(STEPS, LOCK, facts, list(LOCK.stages), "only tools changed")
    assert everything.environments == {"default": facts.environment}
    assert not plan(STEPS, everything, facts).changes


@pytest.mark.parametrize(
    ("names", "steps", "lock", "code", "hint"),
    [
        (["train.x"], STEPS, LOCK, "unknown-step", "steps: data, train.a, train.b, evaluate"),
        (["train.a"], STEPS, Lock(), "not-locked", "run: mlops run"),
        (["evaluate"], pipeline(trainer("a", depth=9), trainer("b", depth=9)), LOCK, "unknown-input",
         "accept or run train.a, train.b first"),
    ],
)  # fmt: skip
def test_what_cannot_be_accepted_is_refused(names, steps, lock, code, hint):
    with pytest.raises(UsageFailure) as raised:
        accept(steps, lock, FACTS, names, "why")
    assert [(d.code, d.hint) for d in raised.value.diagnostics] == [(code, hint)]
