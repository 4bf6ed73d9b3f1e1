"""Values that steps return as params of other steps: what runs when they move, and what is said when they lack."""

import pytest

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: values
steps:
  apply:
    kind: python
    callable: work:apply
    inputs: {raw: data/raw.txt}
    outputs: {table: out/applied.txt}
    params:
      best: {step: tune, value: best}
      label: fixed
  say:
    kind: command
    command: [python, say.py, "{best}", "x{best}{{best}}"]
    code: [say.py]
    outputs: [out/said.txt]
    params:
      best: {step: tune, value: best}
  tune:
    kind: python
    callable: work:tune
    inputs: {raw: data/raw.txt}
    outputs: {log: out/tuned.txt}
"""

WORK = """\
def tune(raw, log):
    lines = raw.read_text().split()
    log.write_text(" ".join(lines))
    return {"best": max(map(int, lines)), "count": len(lines)}


def apply(raw, table, *, best: int, label: str):
    table.write_text(f"{label} {best!r}")
    return {"used": best}
"""

SAY = """\
import sys

with open("out/said.txt", "w") as stream:
    stream.write(" ".join(sys.argv[1:]))
"""


@pytest.fixture
def values(sandbox_of):
    files = {"pipeline.yaml": PIPELINE, "work.py": WORK, "say.py": SAY, "data/raw.txt": "3 7\n"}
    return sandbox_of({**files, ".gitignore": ".mlops/\n__pycache__/\n"})


def test_a_value_reaches_functions_and_commands_and_stands_in_the_lock(values):
    assert values.to_do() == {"tune": "add", "apply": "add", "say": "add"}
    values.call("run").done()
    assert values.read("out/applied.txt") == "fixed 7"
    assert values.read("out/said.txt") == "7 x7{best}"
    assert values.read("pipeline.lock").count("params.best: 7") == 2
    assert values.to_do() == {}
    assert "tune -> apply" in values.call("graph", "--format", "dot").out.replace('"', "")


def test_what_takes_a_value_runs_when_the_value_moves_and_not_when_its_step_runs(values):
    values.call("run").done()
    values.write("data/other.txt", "5 6 7\n")
    values.edit(
        "pipeline.yaml",
        "    inputs: {raw: data/raw.txt}\n    outputs: {log:",
        "    inputs: {raw: data/other.txt}\n    outputs: {log:",
    )
    assert values.to_do() == {"tune": "rerun", "apply": "unknown", "say": "unknown"}
    values.call("run").done()
    assert values.executed()[3:] == ["tune"]
    values.write("data/other.txt", "5 8\n")
    values.call("run").done()
    assert sorted(values.executed()[4:]) == ["apply", "say", "tune"]
    assert values.read("out/said.txt") == "8 x8{best}"


def test_a_moved_value_is_shown_at_the_line_of_its_param(values):
    values.call("run").done()
    lock = values.read("pipeline.lock")
    values.edit("pipeline.yaml", "value: best}\n      label", "value: count}\n      label")
    assert values.to_do() == {"apply": "rerun"}
    shown = values.call("plan").done().out
    assert "params.best 7 → 2" in shown
    assert "pipeline.yaml:11" in shown
    values.edit("pipeline.yaml", "value: count}\n      label", "value: best}\n      label")
    assert values.to_do() == {}
    assert values.read("pipeline.lock") == lock


def test_a_value_and_the_same_value_written_down_are_one_key(values):
    values.call("run").done()
    values.edit("pipeline.yaml", "best: {step: tune, value: best}\n      label", "best: 7\n      label")
    assert values.to_do() == {}


def test_a_renamed_producer_runs_nothing(values):
    values.call("run").done()
    values.write(
        "pipeline.yaml",
        values.read("pipeline.yaml").replace("tune:\n", "seek:\n").replace("step: tune", "step: seek"),
    )
    assert values.to_do() == {"seek": "rename"}
    values.call("run").done()
    assert len(values.executed()) == 3


def test_what_was_run_can_be_verified_and_run_again(values):
    values.call("run").done()
    values.call("verify").done()
    values.call("verify", "--rerun", "1").done()
    values.edit("pipeline.lock", "best: 7\n      count: 2", "best: 8\n      count: 2")
    values.call("verify").refused(4, "params.best 7 → 8")


def test_a_value_that_a_step_does_not_return_is_refused_with_those_that_it_returns(values):
    values.edit("pipeline.yaml", "{step: tune, value: best}\n      label", "{step: tune, value: bst}\n      label")
    values.call("run").refused(
        65,
        "tune returned no bst; it returned best, count",
        "pipeline.yaml:11",
        'did you mean "best"?',
    )
    assert values.executed() == ["tune"]
    values.edit("pipeline.yaml", "bst", "best")
    values.call("run").done()
    values.edit("pipeline.yaml", "{step: tune, value: best}\n      label", "{step: tune, value: bst}\n      label")
    plan = values.call("plan")
    assert "tune returned no bst; it returned best, count" in plan.out


def test_a_step_that_there_is_not_is_refused_at_its_line(values):
    values.edit("pipeline.yaml", "{step: tune, value: best}\n      label", "{step: tunes, value: best}\n      label")
    values.call("plan").refused(65, 'there is no step "tunes"', "pipeline.yaml:11:20", 'did you mean "tune"?')
    values.call("validate").refused(65, 'there is no step "tunes"')


def test_a_circle_of_values_is_named(values):
    values.edit(
        "pipeline.yaml",
        "outputs: {log: out/tuned.txt}",
        "outputs: {log: out/tuned.txt}\n    params: {x: {step: apply, value: used}}",
    )
    values.edit("work.py", "def tune(raw, log)", "def tune(raw, log, x)")
    values.call("plan").refused(65, "in a circle: apply ← tune ← apply")


def test_instances_give_and_take_values_by_their_names(values):
    values.edit(
        "pipeline.yaml", "    callable: work:tune\n", "    callable: work:tune\n    matrix: {axes: {side: [a, b]}}\n"
    )
    values.edit("pipeline.yaml", "out/tuned.txt", '"out/tuned-{side}.txt"')
    values.call("plan").refused(65, 'there is no step "tune"', "name an instance, such as tune@a")
    values.write("pipeline.yaml", values.read("pipeline.yaml").replace("step: tune,", 'step: "tune@{which}",'))
    values.edit(
        "pipeline.yaml", "    callable: work:apply\n", "    callable: work:apply\n    matrix: {axes: {which: [a, b]}}\n"
    )
    values.edit("pipeline.yaml", "out/applied.txt", '"out/applied-{which}.txt"')
    values.edit("pipeline.yaml", "    command: [", "    matrix: {axes: {which: [b]}}\n    command: [")
    values.call("run").done()
    assert values.read("out/applied-b.txt") == "fixed 7"
    edges = values.call("graph", "--format", "dot").out.replace('"', "")
    assert "tune@b -> apply@b" in edges
    assert "tune@a -> apply@b" not in edges


def test_values_in_a_text_for_the_shell_are_quoted(values):
    values.edit("work.py", 'max(map(int, lines)), "count"', '"a b; exit 3", "count"')
    values.edit("work.py", "best: int", "best")
    text = values.read("pipeline.yaml")
    start, end = text.index("    command: ["), text.index("    outputs: [out/said.txt]")
    values.write("pipeline.yaml", text[:start] + "    shell: echo {best} > out/said.txt\n" + text[end:])
    values.call("run").done()
    assert values.read("out/said.txt") == "a b; exit 3\n"


def test_a_value_stays_what_it_is(values):
    values.edit("work.py", 'max(map(int, lines)), "count"', '0.1, "none": None, "sure": True, "count"')
    values.edit("work.py", "best: int", "best")
    for name, shown in (("best", "0.1"), ("none", "None"), ("sure", "True"), ("count", "2")):
        values.write("pipeline.yaml", PIPELINE.replace("value: best}\n      label", f"value: {name}}}\n      label"))
        values.call("run").done()
        assert values.read("out/applied.txt") == f"fixed {shown}"
        assert values.to_do() == {}


def test_the_name_of_a_value_is_a_param_of_the_function(values):
    values.edit(
        "pipeline.yaml",
        "      best: {step: tune, value: best}\n      label",
        "      bst: {step: tune, value: best}\n      label",
    )
    values.call("plan").refused(65, 'apply() has no parameter "bst"', "pipeline.yaml:11")


def test_a_value_lower_down_in_a_param_is_refused(values):
    values.edit("pipeline.yaml", "label: fixed", "label: [{step: tune, value: best}]")
    values.call("plan").refused(65, "pipeline.yaml:12", "a param of its own")


def test_a_command_is_shown_with_its_value_or_its_name(values):
    assert "say.py {best}" in values.call("why", "say").done().out.replace("'", "")
    values.call("run").done()
    assert "say.py 7 " in values.call("why", "say").done().out.replace("'", "")


def test_a_run_by_force_takes_what_is_returned_now(values):
    values.call("run").done()
    lines = "[line for line in open(raw.parent.parent / '.now').read().split()]"
    values.edit("work.py", "raw.read_text().split()", lines)
    values.write(
        "work.py", values.read("work.py").replace("open(raw.parent.parent / '.now')", f"open('{values.root}/.now')")
    )
    values.write(".now", "7")
    values.call("run").done()
    values.write(".now", "9")
    values.call("run", "--force").done()
    assert values.read("out/applied.txt") == "fixed 9"
    assert values.read("out/said.txt") == "9 x9{best}"
    assert values.to_do() == {}


def test_what_takes_a_value_waits_for_a_step_that_always_runs(values):
    values.edit("pipeline.yaml", "    callable: work:tune\n", "    callable: work:tune\n    always: true\n")
    values.call("run").done()
    assert values.to_do() == {"tune": "rerun", "apply": "unknown", "say": "unknown"}
    values.call("run").done()
    assert values.executed()[3:] == ["tune"]


def test_accepting_a_step_takes_the_value_that_is_locked(values):
    values.call("run").done()
    values.edit("pipeline.yaml", "value: best}\n      label", "value: count}\n      label")
    values.call("lock", "accept", "apply", "--reason", "the same table").done()
    assert values.to_do() == {}
    assert "params.best: 2" in values.read("pipeline.lock")


def test_a_selected_step_takes_the_locked_value_of_one_that_is_not(values):
    values.call("run", "--only", "apply").refused(64, "tune")
    values.call("run").done()
    values.edit("pipeline.yaml", "label: fixed", "label: other")
    values.call("run", "--only", "apply").done()
    assert values.executed()[3:] == ["apply"]
    assert values.read("out/applied.txt") == "other 7"
    values.edit("pipeline.yaml", "value: best}\n      label", "value: bst}\n      label")
    values.call("run", "--only", "apply").refused(65, "tune returned no bst; it returned best, count")


def test_another_value_of_the_same_step_affects_what_takes_it(values):
    values.edit("pipeline.yaml", "value: best}\n      label", "value: count}\n      label")
    answer = values.call("plan", "--affected-by", "HEAD").done()
    assert "apply" in answer.out
    assert "say" not in answer.out


def test_values_of_the_built_in_steps_are_taken_too(fresh):
    steps = """\
steps:
  tell:
    kind: python
    callable: callables.tell:tell
    outputs: {page: out/page.txt}
    params:
      winner: {step: evaluate, value: winner}
      auc: {step: evaluate, value: test.roc_auc}
"""
    fresh.write("pipeline.yaml", fresh.read("pipeline.yaml") + steps)
    fresh.write(
        "callables/tell.py", "def tell(page, *, winner: str, auc: float):\n    page.write_text(f'{winner} {auc:.3f}')\n"
    )
    fresh.call("run").done()
    winner, auc = fresh.read("out/page.txt").split()
    lock = fresh.read("pipeline.lock")
    assert f"params.winner: {winner}\n" in lock
    assert f"test.roc_auc: {auc[:4]}" in lock
    assert fresh.to_do() == {}
