"""Params of the pipeline that steps take: what runs when one moves, and what is said of those that are not there."""

import pytest

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: shared
params:
  model:
    depth: 3
    rate: 0.5
  sides:
    a: {text: left}
    b: {text: right}
  seed: 7
steps:
  fit:
    kind: python
    callable: work:fit
    outputs: {model: out/model.txt}
    params:
      depth: {param: model.depth}
      seed: {param: seed}
  show:
    kind: command
    matrix: {axes: {side: [a, b]}}
    shell: echo {text} {{text}} {own} > out/{side}.txt
    outputs: ["out/{side}.txt"]
    params: {text: {param: "sides.{side}.text"}, own: 1}
  whole:
    kind: python
    callable: work:whole
    outputs: {page: out/whole.txt}
    params: {model: {param: model}}
"""

WORK = """\
def fit(model, *, depth: int, seed: int):
    model.write_text(f"{depth} {seed}")


def whole(page, *, model: dict):
    page.write_text(repr(sorted(model.items())))
"""


@pytest.fixture
def shared(sandbox_of):
    return sandbox_of({"pipeline.yaml": PIPELINE, "work.py": WORK, ".gitignore": ".mlops/\n__pycache__/\n"})


def test_steps_get_the_values_and_the_lock_holds_them(shared):
    shared.call("run").done()
    assert shared.read("out/model.txt") == "3 7"
    assert shared.read("out/a.txt") == "left {text} 1\n"
    assert shared.read("out/b.txt") == "right {text} 1\n"
    assert shared.read("out/whole.txt") == "[('depth', 3), ('rate', 0.5)]"
    assert shared.read("pipeline.lock").count("params.seed: 7") == 1
    assert shared.to_do() == {}
    shared.call("verify", "--rerun", "1").done()


def test_only_what_takes_a_param_runs_when_it_moves_and_its_line_is_named(shared):
    shared.call("run").done()
    shared.edit("pipeline.yaml", "rate: 0.5", "rate: 0.6")
    assert shared.to_do() == {"whole": "rerun"}
    shown = shared.call("plan").done().out
    assert "params.model.rate 0.5 → 0.6" in shown
    assert "pipeline.yaml:7:11" in shown
    shared.edit("pipeline.yaml", "rate: 0.6", "rate: 0.5")
    shared.edit("pipeline.yaml", "depth: 3", "depth: 4")
    assert shared.to_do() == {"fit": "rerun", "whole": "rerun"}
    shown = shared.call("why", "fit").done().out
    assert "params.depth 3 → 4" in shown
    assert "pipeline.yaml:6:12" in shown
    shared.edit("pipeline.yaml", "depth: 4", "depth: 3")
    shared.edit("pipeline.yaml", "b: {text: right}", "b: {text: down}")
    assert shared.to_do() == {"show@b": "rerun"}
    assert "pipeline.yaml:10:15" in shared.call("plan").done().out


def test_a_param_and_the_same_value_written_down_are_one_key(shared):
    shared.call("run").done()
    shared.edit("pipeline.yaml", "depth: {param: model.depth}", "depth: 3")
    shared.edit("pipeline.yaml", "model: {param: model}", "model: {rate: 0.5, depth: 3}")
    assert shared.to_do() == {}


def test_a_setting_tries_another_value(shared):
    shared.call("run").done()
    shared.call("run", "--set", "pipeline.params.model.depth=9").done()
    assert sorted(shared.executed()[4:]) == ["fit", "whole"]
    assert shared.read("pipeline.yaml") == PIPELINE
    assert shared.read("out/model.txt") == "3 7"
    assert shared.to_do() == {}
    shared.edit("pipeline.yaml", "depth: 3", "depth: 9")
    shared.call("run").done()
    assert len(shared.executed()) == 6  # what was tried is known
    assert shared.read("out/model.txt") == "9 7"


def test_a_param_that_there_is_not_is_refused_at_its_line(shared):
    shared.edit("pipeline.yaml", "{param: model.depth}", "{param: model.dept}")
    shared.call("plan").refused(65, 'the pipeline has no param "model.dept"', "pipeline.yaml:18:22", '"model.depth"')
    shared.call("validate").refused(65, 'no param "model.dept"')
    shared.edit("pipeline.yaml", "{param: model.dept}", "{param: seed.depth}")
    shared.call("plan").refused(65, 'the pipeline has no param "seed.depth"')


def test_a_param_by_an_axis_is_there_for_every_value(shared):
    shared.edit("pipeline.yaml", "side: [a, b]", "side: [a, c]")
    shared.call("plan").refused(65, 'the pipeline has no param "sides.c.text"', "pipeline.yaml:25")


def test_a_mapping_cannot_stand_in_an_argument(shared):
    shared.edit("pipeline.yaml", '"sides.{side}.text"', '"sides.{side}"')
    shared.call("plan").refused(65, "text is not a single value", "pipeline.yaml:25")


def test_a_param_is_held_against_the_annotation_where_its_value_stands(shared):
    shared.edit("pipeline.yaml", "depth: 3", "depth: deep")
    shared.call("plan").refused(65, 'fit() takes depth: int, not "deep"', "pipeline.yaml:6:12")
    shared.edit("pipeline.yaml", "depth: deep", "depth: 3")
    shared.edit("pipeline.yaml", "depth: {param", "dept: {param")
    shared.call("plan").refused(65, 'fit() has no parameter "dept"', 'did you mean "depth"?')


def test_params_that_no_step_takes_are_advice(shared):
    assert "no step takes" not in shared.call("validate").done().err
    shared.edit("pipeline.yaml", "  seed: 7\n", "  seed: 7\n  spare: {x: 1, y: 2}\n")
    shared.edit("pipeline.yaml", "    a: {text: left}", "    a: {text: left, other: 1}")
    shared.edit("pipeline.yaml", "model: {param: model}", "model: {depth: 3}")
    answer = shared.call("validate")
    told = answer.out + answer.err
    for name, line in (("model.rate", 7), ("sides.a.other", 9), ("spare", 12)):
        assert f"no step takes the param {name}\n" in told
        assert f"pipeline.yaml:{line}:" in told
    assert "spare.x" not in told
    assert answer.code == 0
    assert shared.to_do().keys() == {"fit", "show@a", "show@b", "whole"}
