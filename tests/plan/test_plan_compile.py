"""Specs become steps: which there are, what each reads, and on which line each value stands."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from plan_values import FACTS, record
from small_project import DOCUMENTS, compiled, compiled_of, core_of, write

from mlops_runner.lock.codec import parse
from mlops_runner.plan.build import build_plan
from mlops_runner.plan.codec import compiled_from_json, compiled_json
from mlops_runner.plan.compile_parts import sides_of

REPOSITORY = Path(__file__).parents[2]
PIPELINE, DATA, TRAINING = "pipeline.yaml", "specs/data.yaml", "specs/training.yaml"
EVALUATION = "specs/evaluation.yaml"
ALL = {"data", "train.baseline", "train.linear", "train.boosted", "evaluate", "package"}
LOANS = replace(FACTS, code={"rules:train": {"rules.py": "a1:aa"}}, external={"data/loans.csv": "11"})


def steps_of(root, *edits):
    return {step.name: step for step in compiled(root, *edits).steps}


def line_of(text, file):
    """Return the place (file:line) of the first line that contains a text."""
    return f"{file}:{DOCUMENTS[file][: DOCUMENTS[file].index(text)].count(chr(10)) + 1}"


def keys(root, *edits):
    lock = record(compiled(root, *edits).steps, LOANS, write=outputs)
    return {name: stage.key for name, stage in lock.stages.items()}


def outputs(step, key):
    from mlops_runner.digest import digest_bytes

    sides = ["train.parquet", "validation.parquet", "test.parquet"]
    evaluated = ["evaluation.json", "predictions.json"]
    names = {"data": [*sides, "profile.json"], "train": ["model"], "evaluate": evaluated, "package": ["bundle.json"]}
    return {name: digest_bytes(f"{key} {name}".encode()) for name in names[step.kind]}


def test_the_steps_follow_what_they_read(tmp_path):
    steps = compiled(tmp_path).steps
    assert [step.name for step in steps] == [
        "data", "train.baseline", "train.linear", "train.boosted", "evaluate", "package",
    ]  # fmt: skip
    done = set()
    for step in steps:
        assert {item.producer for item in step.inputs if item.producer} <= done
        done.add(step.name)


def test_what_was_compiled_names_its_documents(tmp_path):
    found = compiled(tmp_path)
    assert (found.pipeline, found.description, found.code, found.dependencies) == ("loans", "Who pays back.", "", None)
    assert found.specs == (PIPELINE, DATA, TRAINING, EVALUATION)


@pytest.mark.parametrize(
    ("step", "param", "text", "file"),
    [
        ("data", "", "apiVersion", DATA),
        ("data", "columns.income.min", "min: 0", DATA),
        ("data", "columns.purpose.type", "type: string\n    tags", DATA),
        ("data", "columns.purpose.tags.0", "pii", DATA),
        ("data", "split.seed", "seed: 7", DATA),
        ("data", "source.path", "path: data", DATA),
        ("train.linear", "", "apiVersion", TRAINING),
        ("train.linear", "trainer", "  linear:", TRAINING),
        ("train.linear", "trainer.params.C", "C: 0.5", TRAINING),
        ("train.linear", "positive", "positive:", TRAINING),
        ("train.linear", "execution.seed", "seed: 11", TRAINING),
        ("train.linear", "columns", "columns:", DATA),
        ("train.baseline", "trainer", "baseline:", TRAINING),
        ("train.baseline", "trainer.callable", "callable:", TRAINING),
        ("train.boosted", "trainer.early_stopping_rounds", "early_stopping", TRAINING),
        ("evaluate", "", "apiVersion", EVALUATION),
        ("evaluate", "gates.finds.min", "min: 0.5", EVALUATION),
        ("evaluate", "metrics.1", "metrics:", EVALUATION),
        ("evaluate", "select.metric", "metric: roc_auc", TRAINING),
        ("evaluate", "models.0", "baseline:", TRAINING),
        ("evaluate", "models.2", "  boosted:", TRAINING),
        ("evaluate", "columns", "columns:", DATA),
        ("package", "", "apiVersion", PIPELINE),
        ("package", "name", "name: loans", PIPELINE),
        ("package", "task", "task:", TRAINING),
        ("package", "columns", "columns:", DATA),
    ],
)
def test_a_place_is_the_line_on_which_the_value_stands(tmp_path, step, param, text, file):
    place = steps_of(tmp_path)[step].places[param]
    assert f"{place.file}:{place.line}" == line_of(text, file)


def test_a_place_has_the_column_of_the_value(tmp_path):
    place = steps_of(tmp_path)["train.linear"].places["trainer.params.C"]
    assert str(place) == f"{line_of('C: 0.5', TRAINING)}:10"


def test_a_value_that_is_not_written_is_placed_at_what_holds_it(tmp_path):
    steps = steps_of(tmp_path)
    assert steps["train.boosted"].place("trainer.rounds") == steps["train.boosted"].places["trainer"]
    assert steps["train.boosted"].place("nothing.like.it") == steps["train.boosted"].places[""]


def test_files_that_no_step_writes_are_placed_where_they_are_named(tmp_path):
    data = steps_of(tmp_path)["data"]
    assert [(item.name, item.path, item.producer) for item in data.inputs] == [("source", "data/loans.csv", None)]
    assert data.input_place(data.inputs[0]) == data.places["source.path"]


def test_files_that_a_function_reads_are_placed_where_they_are_named(tmp_path):
    source = "kind: python\n  callable: rules:train\n  inputs:\n    raw: data/raw.csv\n    more: data/more.csv"
    data = steps_of(tmp_path, (DATA, "kind: csv\n  path: data/loans.csv", source))["data"]
    assert [data.input_place(item).line for item in data.inputs] == [8, 9]
    assert data.code == ("rules:train",)
    found = build_plan(
        "p", [data], parse("lock_version: 1\n"), replace(LOANS, external={}, absent=frozenset({"data/raw.csv"}))
    )
    assert [(reason.what, reason.place.line) for reason in found.steps[0].reasons] == [
        ("data/raw.csv", 8),
        ("data/more.csv", 9),
    ]


def test_params_are_what_somebody_wrote_and_how_it_is_executed(tmp_path):
    steps = steps_of(tmp_path)
    assert steps["data"].params == {
        "source.kind": "csv", "columns.income.type": "float", "columns.income.min": 0.0,
        "columns.purpose.type": "string",
        "columns.purpose.tags.0": "pii", "columns.region.type": "string", "columns.region.role": "ignored",
        "columns.paid.type": "string", "columns.paid.role": "target", "columns.paid.allowed.0": "yes",
        "columns.paid.allowed.1": "no", "split.kind": "random", "split.seed": 7,
    }  # fmt: skip
    assert steps["train.boosted"].params == {
        "task": "binary", "positive": "no", "execution.seed": 11, "execution.threads": 1, "execution.device": "cpu",
        "trainer.trainer": "xgboost", "trainer.early_stopping_rounds": 5,
    }  # fmt: skip


def test_a_default_is_in_no_key_so_that_a_later_release_can_add_fields(tmp_path):
    assert "rounds" not in steps_of(tmp_path)["train.boosted"].config["trainer"]
    assert keys(tmp_path, (TRAINING, "trainer: xgboost", "trainer: xgboost\n    rounds: 100")) == keys(tmp_path)


def test_a_python_trainer_does_not_depend_on_preprocessing(tmp_path):
    steps = steps_of(tmp_path)
    assert "preprocessing" not in steps["train.baseline"].config
    edit = (TRAINING, "task: binary", "task: binary\npreprocessing: {numeric: {impute: mean}}")
    assert {"train.linear", "train.boosted"} <= changed(tmp_path, edit)
    assert "train.baseline" not in changed(tmp_path, edit)


def changed(tmp_path, *edits):
    """Name the steps whose own spec an edit changes."""
    before, after = steps_of(tmp_path), steps_of(tmp_path, *edits)
    return {name for name, step in after.items() if name not in before or step.spec != before[name].spec}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ((PIPELINE, "description: Who pays back.", "description: Another text."), set()),
        ((PIPELINE, "- environments/production.yaml\n", ""), set()),
        ((PIPELINE, "name: loans", "name: credit"), {"package"}),
        ((DATA, "name: loans", "name: loans\ndescription: Some text."), set()),
        ((DATA, "seed: 7", "seed: 8"), {"data"}),
        ((DATA, "seed: 7", "seed: 7   # a note"), set()),
        ((DATA, "path: data/loans.csv", "path: data/moved.csv"), set()),
        ((DATA, "min: 0", "min: 1"), {"data", "package"}),
        ((DATA, "role: ignored", "role: feature"), ALL),
        ((TRAINING, "name: loans", "name: loans\ndescription: Some text."), set()),
        ((TRAINING, "C: 0.5", "C: 1"), {"train.linear"}),
        ((TRAINING, "seed: 11", "seed: 12"), set()),
        ((TRAINING, "candidates:", "preprocessing: {numeric: {scale: standard}}\ncandidates:"),
         {"train.linear", "train.boosted"}),
        ((TRAINING, "  linear:\n", "  straight:\n"), {"train.straight", "evaluate", "package"}),
        ((TRAINING, "metric: roc_auc", "metric: recall"), {"evaluate"}),
        ((EVALUATION, "min: 0.5", "min: 0.6"), {"evaluate"}),
        ((EVALUATION, "[roc_auc, recall]", "[recall, roc_auc]"), {"evaluate"}),
        (("specs/rollout.yaml", "weight: 10", "weight: 20"), set()),
        (("specs/monitoring.yaml", "threshold: 0.1", "threshold: 0.2"), set()),
        (("environments/staging.yaml", "service: loans", "service: other"), set()),
    ],
)  # fmt: skip
def test_an_edit_changes_the_specs_of_the_steps_that_read_it(tmp_path, edit, expected):
    assert changed(tmp_path, edit) == expected


def test_the_order_of_columns_counts(tmp_path):
    turned = [
        (DATA, "  income: {type: float, min: 0}\n", ""),
        (DATA, "  region: {type", "  income: {type: float, min: 0}\n  region: {type"),
    ]
    assert changed(tmp_path, *turned) == {
        "data",
        "train.baseline",
        "train.linear",
        "train.boosted",
        "evaluate",
        "package",
    }


def test_the_order_of_other_keys_does_not_count(tmp_path):
    turned = [
        (TRAINING, 'positive: "no"\nseed: 11\n', 'seed: 11\npositive: "no"\n'),
        (EVALUATION, "    metric: recall\n    slice: rich\n", "    slice: rich\n    metric: recall\n"),
    ]
    assert changed(tmp_path, *turned) == set()


@pytest.mark.parametrize("repro", ["bitwise", "tolerance", "none"])
@pytest.mark.parametrize("threads", [False, True])
def test_the_seed_is_always_in_the_key_but_threads_under_bitwise_only(tmp_path, repro, threads):
    edit = (TRAINING, "seed: 11", "seed: 11\nthreads: 2" if threads else "seed: 12")
    how = (PIPELINE, "name: loans", f"name: loans\nreproducibility: {repro}")
    before, after = keys(tmp_path, how), keys(tmp_path, how, edit)
    assert before["data"] == after["data"]
    assert (before["train.linear"] != after["train.linear"]) is (repro == "bitwise" or not threads)


def test_a_candidate_that_is_renamed_keeps_its_key(tmp_path):
    before, after = keys(tmp_path), keys(tmp_path, (TRAINING, "  linear:\n", "  straight:\n"))
    assert after["train.straight"] == before["train.linear"]
    assert after["train.boosted"] == before["train.boosted"]


def test_another_folder_for_artifacts_changes_no_key(tmp_path):
    assert keys(tmp_path, (PIPELINE, "name: loans", "name: loans\nartifacts: build/out")) == keys(tmp_path)


def test_a_description_changes_nothing_in_the_plan(tmp_path):
    lock = record(compiled(tmp_path).steps, LOANS, write=outputs)
    edits = [
        (file, "name: loans", "name: loans\ndescription: Anything at all.") for file in (DATA, TRAINING, EVALUATION)
    ]
    assert not build_plan("loans", compiled(tmp_path, *edits).steps, lock, LOANS).changes


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("kind: random\n  seed: 7", {"train": False, "validation": False, "test": False}),
        ("kind: random\n  seed: 7\n  validation: 0", {"train": False, "test": False}),
        ("kind: random\n  seed: 7\n  validation: 0\n  test: 0", {"train": False}),
        ("kind: predefined\n  column: region", {"train": False, "validation": True, "test": True}),
    ],
)
def test_the_sides_are_those_with_a_share(tmp_path, split, expected):
    write(tmp_path, (DATA, "kind: random\n  seed: 7", split))
    assert sides_of(core_of(tmp_path).data.spec) == expected


def test_what_was_compiled_survives_json(tmp_path):
    import json

    found = compiled(tmp_path)
    assert compiled_from_json(json.loads(json.dumps(compiled_json(found)))) == found


def test_the_pipeline_of_this_repository_is_what_its_lock_recorded():
    steps = {step.name: step for step in compiled_of(REPOSITORY).steps}
    lock = parse((REPOSITORY / "pipeline.lock").read_text())
    assert {name: step.spec for name, step in steps.items()} == {n: s.spec for n, s in lock.stages.items()}
    assert {name: step.params for name, step in steps.items()} == {n: dict(s.params) for n, s in lock.stages.items()}


def test_another_rollout_policy_changes_no_step_of_this_repository(tmp_path):
    for name in ("pipeline.yaml", "specs", "environments"):
        source = REPOSITORY / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path / name)
    before = compiled_of(tmp_path)
    (tmp_path / "specs" / "rollout.yaml").write_text("anything")
    assert compiled_of(tmp_path) == before


RULES = """checks:
  rules:
    - {kind: reference, columns: [region], file: data/regions.csv}
    - {kind: distribution, against: reference/profile.json}
    - {kind: python, callable: "rules:sane"}
"""


def test_files_and_functions_that_rules_need_are_inputs_and_code_of_the_data_step(tmp_path):
    data = steps_of(tmp_path, (DATA, "split:", f"{RULES}split:"))["data"]
    files = [(item.name, item.path) for item in data.inputs if item.name != "source"]
    assert files == [("checks.rules.0", "data/regions.csv"), ("checks.rules.1", "reference/profile.json")]
    assert data.code == ("rules:sane",)
    assert data.previous == ()


def test_a_comparison_with_the_previous_version_is_no_input_and_in_no_chain(tmp_path):
    rule = "checks:\n  rules:\n    - {kind: distribution}\n"
    data = steps_of(tmp_path, (DATA, "split:", f"{rule}split:"))["data"]
    assert data.previous == ("profile.json",)
    assert [item.name for item in data.inputs] == ["source"]


MEANS = (TRAINING, "  linear:\n    trainer: sklearn\n", """\
  linear:
    trainer: sklearn
    preprocessing: {categorical: {encode: target}}
""")  # fmt: skip


@pytest.mark.parametrize(
    "edits",
    [
        [(DATA, "role: ignored}", "role: group}")],
        [(DATA, "kind: random", "kind: group\n  group: region")],
    ],
)
def test_groups_are_read_where_means_of_the_target_are_cross_fitted_and_nowhere_else(tmp_path, edits):
    steps = steps_of(tmp_path, MEANS, *edits)
    assert steps["train.linear"].config["columns"]["region"] == {"type": "string", "role": "group", "tags": []}
    assert steps["train.linear"].config["order"] == ["income", "purpose", "region", "paid"]
    assert "region" not in steps["train.boosted"].config["columns"]
    assert "region" not in steps_of(tmp_path / "plain", MEANS)["train.linear"].config["columns"]


def test_a_command_is_searched_with_its_files_and_limits_in_the_key(tmp_path):
    command = """\
  boosted:
    trainer: command
    command: [python, fit.py]
    files: [fit.py]
    memory: 4GiB
    search: {space: {depth: {min: 1, max: 3}}, measured_on: validation}
"""
    old = "  boosted:\n    trainer: xgboost\n    early_stopping_rounds: 5\n"
    steps = steps_of(tmp_path, (TRAINING, old, command))
    search = steps["search.boosted"]
    assert [item.name for item in search.inputs] == ["train", "validation", "files.0"]
    assert (search.config["trainer"]["memory"], search.repro) == ("4GiB", "bitwise")
    assert "memory" not in steps["train.boosted"].config["trainer"]
    late = steps_of(tmp_path / "late", (TRAINING, old, command.replace("memory: 4GiB", "timeout: 1m")))
    assert (late["search.boosted"].repro, late["train.boosted"].repro) == ("none", "bitwise")
