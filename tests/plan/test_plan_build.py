"""What a plan decides, step by step: from hand-made steps and locks."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_values import CSV, DATA, FACTS, LOCK, STEPS, TABLE, actions, pipeline, placed, plan, reasons, record, trainer

from mlops_runner.digest import digest_bytes
from mlops_runner.errors import Place
from mlops_runner.execute.verify import broken_chain
from mlops_runner.lock.codec import emit, parse
from mlops_runner.lock.model import Environment, Lock
from mlops_runner.plan.steps import Input, Step

ALL = ["data", "train.a", "train.b", "evaluate"]


def waits(name):
    return ("upstream-runs", name, None, None)


def only(*names, rest="unchanged", action="rerun"):
    return {name: action if name in names else rest for name in ALL}


def test_nothing_is_to_do_when_the_lock_says_so():
    found = plan()
    assert actions(found) == dict.fromkeys(ALL, "unchanged")
    assert not found.changes


def test_everything_is_new_without_a_lock():
    found = plan(lock=Lock())
    assert actions(found) == dict.fromkeys(ALL, "add")
    assert reasons(found, "data") == [("new", "data", None, None)]
    assert reasons(found, "evaluate") == [
        ("new", "evaluate", None, None), waits("data"), waits("train.a"), waits("train.b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ({"depth": 3}, {"depth": 4}, ("param-changed", "trainer.depth", 3, 4)),
        ({"depth": 3}, {"depth": 3.0}, ("param-changed", "trainer.depth", 3, 3.0)),
        ({"depth": 1}, {"depth": True}, ("param-changed", "trainer.depth", 1, True)),
        ({"depth": None}, {"depth": "null"}, ("param-changed", "trainer.depth", None, "null")),
        ({"depth": 3}, {"depth": 3, "eta": 0.1}, ("param-added", "trainer.eta", None, 0.1)),
        ({"depth": 3, "eta": 0.1}, {"depth": 3}, ("param-removed", "trainer.eta", 0.1, None)),
        ({"depth": 3, "on": {}}, {"depth": 3, "on": []}, ("param-changed", "trainer.on", "{}", "[]")),
    ],
)
def test_a_param_that_changed_is_named_with_both_values_and_its_place(old, new, reason):
    before = placed_trainer(old)
    after = placed_trainer(new)
    found = plan(pipeline(after), record(pipeline(before)))
    assert actions(found) == {"data": "unchanged", "train.a": "rerun", "evaluate": "unknown"}
    assert reasons(found, "train.a") == [reason]
    assert found.find("train.a").reasons[0].place == after.place(reason[1])
    assert reasons(found, "evaluate") == [waits("train.a")]


def placed_trainer(config):
    return placed(replace(trainer("a"), config={"trainer": config}), "specs/training.yaml")


def test_a_step_that_will_run_anyway_still_says_what_changed_in_it():
    steps = pipeline(trainer("a", depth=9), STEPS[2])
    found = plan(steps, facts=replace(FACTS, external={CSV: "22"}))
    assert actions(found) == {"data": "rerun", "train.a": "rerun", "train.b": "unknown", "evaluate": "unknown"}
    assert reasons(found, "train.a") == [("param-changed", "trainer.depth", 3, 9), waits("data")]


def test_code_that_changed_is_named_by_file():
    facts = replace(FACTS, code={"rules:train": {"rules.py": "a1:bb", "more.py": "a1:cc"}})
    found = plan(facts=facts)
    assert actions(found) == {**only("train.b"), "evaluate": "unknown"}
    assert reasons(found, "train.b") == [
        ("code-changed", "more.py", None, "a1:cc"), ("code-changed", "rules.py", "a1:aa", "a1:bb"),
    ]  # fmt: skip
    assert found.find("train.b").reasons[1].place == Place("rules.py")


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        (Environment("e1:bb", "3.11"), ("environment-changed", "dependencies", "e1:aa", "e1:bb")),
        (Environment("e1:bb", "3.12"), ("environment-changed", "python", "3.11", "3.12")),
    ],
)
def test_another_environment_runs_everything_again(environment, reason):
    found = plan(facts=replace(FACTS, environment=environment))
    assert actions(found) == dict.fromkeys(ALL, "rerun")
    assert all(reasons(found, name)[0] == reason for name in ALL)


def test_an_input_that_changed_is_named_where_the_spec_names_it():
    found = plan(facts=replace(FACTS, external={CSV: "22"}))
    assert actions(found) == {**only("data"), "train.a": "unknown", "train.b": "unknown", "evaluate": "unknown"}
    assert reasons(found, "data") == [("input-changed", CSV, "sha256:11", "sha256:22")]


def test_an_input_that_is_absent_counts_as_locked_and_is_named():
    found = plan(facts=replace(FACTS, external={}, absent=frozenset({CSV})))
    assert actions(found) == dict.fromkeys(ALL, "unchanged")
    assert found.find("data").counted_as_locked == (CSV,)


def test_an_input_that_is_absent_and_never_was_locked_is_unresolved():
    found = plan(lock=Lock(), facts=replace(FACTS, external={}, absent=frozenset({CSV})))
    assert actions(found) == {**dict.fromkeys(ALL, "add"), "data": "unresolved"}
    assert reasons(found, "data") == [("missing-input", CSV, None, None)]


def test_a_file_that_moved_is_no_change():
    moved = replace(STEPS[0], inputs=(Input("source", "raw/a.csv"),))
    found = plan([moved, *STEPS[1:]], facts=replace(FACTS, external={"raw/a.csv": "11"}))
    assert actions(found) == dict.fromkeys(ALL, "unchanged")


def test_a_file_that_moved_and_changed_is_compared_with_what_it_was():
    moved = replace(STEPS[0], inputs=(Input("source", "raw/a.csv"),))
    found = plan([moved, *STEPS[1:]], facts=replace(FACTS, external={"raw/a.csv": "22"}))
    assert reasons(found, "data") == [("input-changed", "raw/a.csv", "sha256:11", "sha256:22")]


def test_a_new_input_is_not_compared_with_another_file_of_its_name():
    before = pipeline(trainer("a"))
    after = pipeline(trainer("a"), trainer("c", depth=7))
    lock = record(before)
    lock = Lock(lock.environments, {**record(after).stages, "evaluate": lock.stages["evaluate"]})
    found = [reason for reason in reasons(plan(after, lock), "evaluate") if reason[0] == "input-changed"]
    assert [(what, old) for _, what, old, _ in found] == [
        ("artifacts/c/candidate.json", None), ("artifacts/c/model.ubj", None),
    ]  # fmt: skip


def test_an_input_that_is_gone_is_named():
    lock = record(STEPS)
    stage = lock.stages["evaluate"]
    gone = replace(stage, key="k1:old", inputs={**stage.inputs, "artifacts/data/validation.parquet": "sha256:99"})
    found = plan(lock=Lock(lock.environments, {**lock.stages, "evaluate": gone}))
    assert reasons(found, "evaluate") == [("input-changed", "artifacts/data/validation.parquet", "sha256:99", None)]


def test_an_input_that_is_not_known_yet_is_not_called_gone():
    found = plan(facts=replace(FACTS, external={CSV: "22"}))
    assert reasons(found, "evaluate") == [waits("data"), waits("train.a"), waits("train.b")]
    assert reasons(found, "train.a") == [waits("data")]


def test_an_upstream_that_writes_the_same_bytes_again_cuts_the_rest_off():
    steps = [replace(STEPS[0], config={"source": {"kind": "csv"}, "rows": 6}), *STEPS[1:]]

    def same_bytes(step, key):
        return {name: digest_bytes(name.encode()) for name in produce_names(step)}

    before, after = record(STEPS, write=same_bytes), record(steps, write=same_bytes)
    assert before.stages["data"].key != after.stages["data"].key
    lock = Lock(before.environments, {**before.stages, "data": after.stages["data"]})
    assert actions(plan(steps, lock)) == dict.fromkeys(ALL, "unchanged")


def produce_names(step):
    return {"data": ["train.parquet"], "train": ["model.ubj"], "evaluate": ["evaluation.json"]}[step.kind]


def rename(**names):
    """Take STEPS' trainers under other names."""
    known = {"a": {"depth": 3}, "b": {"depth": 4, "code": ("rules:train",)}}
    return pipeline(*(trainer(new, **known[old]) for new, old in names.items()))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"c": "a", "b": "b"}, {"train.c": ("rename", "train.a"), "train.b": ("unchanged", None)}),
        ({"b": "a", "c": "b"}, {"train.b": ("rename", "train.a"), "train.c": ("rename", "train.b")}),
        ({"c": "b", "b": "a"}, {"train.c": ("rename", "train.b"), "train.b": ("rename", "train.a")}),
        ({"b": "a", "a": "b"}, {"train.b": ("rename", "train.a"), "train.a": ("rename", "train.b")}),
        ({"a": "b", "b": "a"}, {"train.b": ("rename", "train.a"), "train.a": ("rename", "train.b")}),
        ({"a": "a", "c": "a"}, {"train.a": ("unchanged", None), "train.c": ("add", None), "train.b": ("remove", None)}),
        ({"c": "a", "a": "a"}, {"train.a": ("unchanged", None), "train.c": ("add", None), "train.b": ("remove", None)}),
        ({"c": "a", "d": "a"}, {"train.c": ("rename", "train.a"), "train.d": ("add", None),
                                "train.b": ("remove", None)}),
    ],
    ids=["one", "chain", "chain backwards", "swap", "swap backwards", "copy", "copy before", "two of one"],
)  # fmt: skip
def test_a_step_that_only_has_another_name_is_renamed(names, expected):
    found = plan(rename(**names))
    seen = {
        p.name: (p.action, p.reasons[0].old if p.action == "rename" else None)
        for p in found.steps
        if p.name.startswith("train")
    }
    assert seen == expected
    assert found.find("evaluate").action in {"rerun", "unknown"}, "the names are in the report"


def test_what_reads_a_renamed_step_is_known_at_once():
    found = plan(rename(c="a", b="b"))
    assert reasons(found, "evaluate")[0] == ("param-changed", "models.0", "a", "c")
    assert found.find("evaluate").key is not None


def test_a_step_that_is_gone_is_removed_last():
    found = plan(pipeline(trainer("a")))
    assert [planned.name for planned in found.steps][-1] == "train.b"
    assert found.find("train.b").action == "remove"
    assert found.find("train.b").step is None


def test_a_change_that_no_param_shows_is_a_change_of_the_spec_even_if_something_runs_first():
    """The order of columns is in the spec, but no param."""
    steps = [STEPS[0], replace(STEPS[1], config={**STEPS[1].config, "order": ["y", "x"]}), *STEPS[2:]]
    now, later = plan(steps), plan(steps, facts=replace(FACTS, external={CSV: "22"}))
    assert [reason[0] for reason in reasons(now, "train.a")] == ["spec-changed"]
    assert [reason[0] for reason in reasons(later, "train.a")] == ["spec-changed", "upstream-runs"]
    assert later.find("train.a").action == "rerun"


def test_another_version_of_a_built_in_step_says_so():
    steps = [STEPS[0], replace(STEPS[1], version=2), *STEPS[2:]]
    assert [reason[0] for reason in reasons(plan(steps), "train.a")] == ["runner-changed"]


@pytest.mark.parametrize("repro", ["tolerance", "none"])
def test_another_reproducibility_is_a_reason(repro):
    execution = {"seed": 7, "threads": 1}
    before = pipeline(trainer("a", execution=execution))
    after = pipeline(trainer("a", execution=execution, repro=repro))
    assert ("reproducibility", "reproducibility", "bitwise", repro) in reasons(plan(after, record(before)), "train.a")


@pytest.mark.parametrize("repro", ["bitwise", "tolerance", "none"])
@pytest.mark.parametrize("name", ["seed", "threads", "device"])
def test_the_seed_always_counts_but_threads_and_device_under_bitwise_only(repro, name):
    action = "rerun" if name == "seed" or repro == "bitwise" else "unchanged"
    execution = {"seed": 7, "threads": 1, "device": "cpu"}
    before = pipeline(trainer("a", execution=execution, repro=repro))
    after = pipeline(trainer("a", execution={**execution, name: 8}, repro=repro))
    found = plan(after, record(before))
    assert found.find("train.a").action == action
    if action == "rerun":
        assert reasons(found, "train.a") == [("param-changed", f"execution.{name}", execution[name], 8)]


def test_a_side_that_may_be_absent_counts_when_it_is_there():
    optional = Input("validation", "artifacts/data/validation.parquet", "data", optional=True)
    step = replace(trainer("a"), inputs=(TABLE, optional))
    without = record(pipeline(step))

    def with_it(made, key):
        names = ["train.parquet", "validation.parquet"] if made.kind == "data" else produce_names(made)
        return {name: digest_bytes(name.encode()) for name in names}

    both = record(pipeline(step), write=with_it)
    assert without.stages["train.a"].key != both.stages["train.a"].key
    lock = Lock(both.environments, {**both.stages, "data": without.stages["data"]})
    gone = ("input-changed", "artifacts/data/validation.parquet")
    assert gone in [reason[:2] for reason in reasons(plan(pipeline(step), lock), "train.a")]


def test_a_lock_of_another_environment_name_is_explained():
    lock = Lock({}, LOCK.stages)
    found = plan(lock=lock, facts=replace(FACTS, environment=Environment("e1:bb", "3.11")))
    assert reasons(found, "data") == [("environment-changed", "environment", None, "e1:bb")]


def test_a_clean_merge_of_two_halves_breaks_the_chain():
    other = record(STEPS, replace(FACTS, external={CSV: "22"}))
    merged = Lock(LOCK.environments, {**LOCK.stages, "data": other.stages["data"]})
    found = [d.message for d in broken_chain(STEPS, parse(emit(merged)))]
    assert len(found) == 3
    assert found[-1] == "evaluate was made from another artifacts/data/train.parquet than data wrote"
    assert not list(broken_chain(STEPS, LOCK))


def test_a_merge_that_dropped_an_output_breaks_the_chain():
    stage = LOCK.stages["train.a"]
    kept = {path: output for path, output in stage.outputs.items() if not path.endswith("candidate.json")}
    merged = Lock(LOCK.environments, {**LOCK.stages, "train.a": replace(stage, outputs=kept)})
    assert [d.message for d in broken_chain(STEPS, merged)] == [
        "evaluate was made from artifacts/a/candidate.json, which train.a does not write any more"
    ]


# -- laws

values = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
configs = st.dictionaries(
    st.text(max_size=4),
    values | st.lists(values, max_size=2) | st.dictionaries(st.text(max_size=3), values, max_size=2),
)


@st.composite
def pipelines(draw):
    """A data step and a chain or fan of steps behind it."""
    steps = [replace(DATA, config=draw(configs), places={"": Place("s")})]
    for number in range(draw(st.integers(0, 4))):
        chosen = draw(st.lists(st.sampled_from(steps), unique_by=lambda s: s.name, max_size=3))
        inputs = tuple(Input(f"from.{s.name}", s.output, s.name, folder=True) for s in chosen)
        repro = draw(st.sampled_from(["bitwise", "tolerance"]))
        execution = {"seed": draw(st.integers(0, 3))}
        steps.append(
            Step(
                f"train.{number}",
                "train",
                1,
                draw(configs),
                {"": Place("s")},
                f"out/{number}",
                inputs,
                (),
                repro,
                execution,
            )
        )
    return steps


def turned(value):
    """The same value with every mapping in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(inner) for inner in value] if isinstance(value, list) else value


@settings(deadline=None, max_examples=80)
@given(pipelines())
def test_after_a_run_the_plan_is_empty(steps):
    lock = record(steps)
    assert not plan(steps, lock).changes
    assert not plan(steps, parse(emit(lock))).changes


@settings(deadline=None, max_examples=80)
@given(pipelines())
def test_the_order_of_keys_changes_nothing(steps):
    other = [replace(step, config=turned(step.config), execution=turned(step.execution)) for step in steps]
    lock = record(steps)
    assert not plan(other, lock).changes
    assert record(other) == lock


@settings(deadline=None, max_examples=80)
@given(pipelines(), st.data())
def test_a_change_runs_the_step_and_what_follows_it_and_nothing_else(steps, data):
    lock = record(steps)
    position = data.draw(st.integers(0, len(steps) - 1))
    changed = list(steps)
    changed[position] = replace(steps[position], config={**steps[position].config, "added": 1})
    found = plan(changed, lock)
    after = {steps[position].name}
    for step in steps:
        if any(item.producer in after for item in step.inputs):
            after.add(step.name)
    assert {planned.name for planned in found.steps if planned.action != "unchanged"} == after
