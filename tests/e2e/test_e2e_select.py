"""Some of the steps: what a run of a part does, what it leaves, and how one sees that later."""

import json

import pytest

from mlops_runner import load_project

STEPS = """\
  count:
    kind: command
    matrix: {axes: {part: [a, b]}}
    shell: grep -c {part} out/sorted.txt > out/{part}.txt
    inputs: [out/sorted.txt]
    outputs: ["out/{part}.txt"]
  total:
    kind: command
    shell: cat out/a.txt out/b.txt > out/total.txt
    inputs: [out/a.txt, out/b.txt]
    outputs: [out/total.txt]
"""


@pytest.fixture
def words(words_of):
    sandbox = words_of(STEPS, "b\na\nb\n")
    assert sandbox.call("run").code == 0
    sandbox.commit("run")
    return sandbox


def partial(sandbox):
    return list(load_project(sandbox.root).partial())


def test_a_run_to_a_step_leaves_what_follows_it_as_it_is_locked(words):
    before = words.read("pipeline.lock")
    words.write("data/words.txt", "b\na\n")
    answer = words.call("run", "--to", "count@a")
    assert answer.code == 0
    assert "partial: 2 steps are not up to date: count@b, total" in answer.out
    assert words.executed()[4:] == ["sorted", "count@a"]
    assert words.to_do() == {"count@b": "rerun", "total": "unknown"}
    assert partial(words) == ["count@b", "total"]
    assert words.call("verify").code == 4
    after = words.read("pipeline.lock")
    assert after[after.index("  total:") :] == before[before.index("  total:") :]
    assert "partial" not in words.call("run").out
    assert partial(words) == []
    assert words.call("verify").code == 0


def test_a_step_alone_reads_what_the_others_wrote_when_they_were_locked(words):
    words.write("data/words.txt", "a\n")
    words.edit("pipeline.yaml", "cat out/a.txt out/b.txt", "cat out/b.txt out/a.txt")
    (words.root / "out/a.txt").unlink()
    answer = words.call("run", "--only", "total", "--json")
    assert answer.value["partial"] == ["sorted", "count@a", "count@b", "total"]
    assert words.read("out/total.txt") == "2\n1\n"
    assert not (words.root / "out/a.txt").exists()
    assert partial(words) == ["sorted", "count@a", "count@b", "total"]


def test_a_part_that_leaves_everything_right_is_not_partial(words):
    words.edit("pipeline.yaml", "cat out/a.txt out/b.txt", "cat out/b.txt out/a.txt")
    answer = words.call("run", "--from", "total")
    assert "partial" not in answer.out
    assert partial(words) == []
    assert words.call("verify").code == 0


def test_what_was_never_written_is_named_with_the_way_out(words_of):
    words = words_of(STEPS, "b\na\nb\n")
    answer = words.call("run", "--only", "count@a")
    assert answer.code == 64
    assert "count@a reads out/sorted.txt, which sorted writes: that step never ran and is not selected" in answer.err
    assert "hint: run: mlops run --to count@a" in answer.err
    assert words.executed() == []
    assert words.call("run", "--to", "count").code == 0
    assert words.to_do() == {"total": "add"}


def test_what_is_locked_but_nowhere_here_is_named(words):
    words.object_of("out/sorted.txt").unlink()
    (words.root / "out/sorted.txt").unlink()
    answer = words.call("run", "--only", "count@a", "--force")
    assert answer.code == 65
    assert "out/sorted.txt, which count@a reads, is neither here nor in DVC's cache" in answer.err


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_selection_of_nothing_is_a_wrong_command_line(words, command):
    answer = words.call(command, "--only", "totel")
    assert answer.code == 64
    assert 'did you mean "total"?' in answer.err


def test_the_plan_of_a_part_can_be_approved_and_run(words):
    words.write("data/words.txt", "b\na\n")
    assert words.call("plan", "--to", "sorted", "--out", str(words.root / "plan.json")).code == 0
    value = json.loads(words.read("plan.json"))
    assert value["selection"] == {"to": ["sorted"], "from": [], "only": []}
    assert value["partial"] == ["count@a", "count@b", "total"]
    assert words.call("run", "--plan", str(words.root / "plan.json"), "--to", "total").code == 64
    assert words.call("run", "--plan", str(words.root / "plan.json")).code == 0
    assert words.executed()[4:] == ["sorted"]


def test_a_step_that_moves_to_the_place_of_another_leaves_no_two_stages_with_one_file(words):
    words.edit("pipeline.yaml", "[out/total.txt]", "[out/sum.txt]")
    words.edit("pipeline.yaml", "> out/total.txt", "> out/sum.txt")
    other = "  other:\n    kind: command\n    shell: echo x > out/total.txt\n    outputs: [out/total.txt]\n"
    words.write("pipeline.yaml", words.read("pipeline.yaml") + other)
    assert words.call("run", "--only", "other").code == 0
    assert words.read("pipeline.lock").count("out/total.txt:") == 1
    assert partial(words) == ["total"]
    assert words.call("run").code == 0
    assert words.call("verify").code == 0


def test_a_stage_that_is_left_keeps_the_environment_it_was_made_in(words):
    words.edit("pipeline.yaml", "name: words\n", "name: words\ndependencies: {lock: requirements.txt}\n")
    words.write("requirements.txt", "")
    assert words.call("run", "--only", "sorted").code == 0
    lock = words.read("pipeline.lock")
    assert lock.count("    env: default\n") == 1
    assert lock.count("    env: default-") == 3
    why = words.call("why", "total").out
    assert "the environment differs: other dependencies" in why
    assert words.call("run").code == 0
    assert words.read("pipeline.lock").count("    env: default\n") == 4


def test_a_plan_says_what_a_run_may_take_and_cost_to_people_alone(words):
    words.write("data/words.txt", "b\na\n")
    answer = words.call("plan")
    assert " EUR by earlier runs)" in answer.out
    assert "EUR" not in words.call("plan", "--json").out
    before = words.call("plan", "--json").out
    words.edit("pipeline.yaml", "per_hour: 3600", "per_hour: 7")
    assert words.call("plan", "--json").out == before


def test_a_selection_without_the_evaluation_asks_no_gate(built):
    built.edit("specs/evaluation.yaml", "min: 0.5", "min: 0.9999")
    answer = built.call("run", "--to", "train.logistic")
    assert answer.code == 0
    assert "partial: 2 steps are not up to date: evaluate, package" in answer.out
    assert built.call("run", "--to", "evaluate").code == 3


def test_a_step_that_runs_every_time_is_not_behind_for_that(words):
    words.edit("pipeline.yaml", "    shell: sort data", "    always: true\n    shell: sort data")
    assert words.call("run").code == 0
    assert words.to_do() == {"sorted": "rerun", "count@a": "unknown", "count@b": "unknown", "total": "unknown"}
    assert partial(words) == []
    assert "partial" not in words.call("run", "--to", "count").out
    words.write("data/words.txt", "c\n")
    assert partial(words) == ["sorted", "count@a", "count@b", "total"]
