"""What is wrong with a trainer is said before a run where it can be, with the line that says it."""

import pytest


@pytest.mark.parametrize(
    ("old", "new", "code", "hint"),
    [
        ("max_iter: 200", "max_itr: 200", "unknown-param", 'did you mean "max_iter"?'),
        ("max_depth: 2", "max_depht: 2", "unknown-param", 'did you mean "max_depth"?'),
        ("LogisticRegression", "LogisticRegresion", "unknown-estimator", "LogisticRegression"),
    ],
)
def test_validate_asks_the_trainers(built, old, new, code, hint):
    line = built.read("specs/training.yaml").split(old)[0].count("\n") + 1
    built.edit("specs/training.yaml", old, new)
    answer = built.call("validate", "--format", "json")
    assert answer.code == 65
    assert [(d["code"], d["file"], d["line"]) for d in answer.value] == [(code, "specs/training.yaml", line)]
    assert hint in answer.value[0]["hint"]


def test_a_run_says_the_same_with_the_same_line(built):
    line = built.read("specs/training.yaml").split("max_iter")[0].count("\n") + 1
    built.edit("specs/training.yaml", "max_iter: 200", "max_itr: 200")
    answer = built.call("run")
    assert answer.code == 65
    assert f"specs/training.yaml:{line}:" in answer.err


def test_the_line_of_a_callable_that_fails_is_named(built):
    rule = next(path for path in built.root.glob("*/*.py"))
    name = str(rule.relative_to(built.root))
    built.write(name, built.read(name).replace("    return ", "    1 / 0\n    return ", 1))
    line = built.read(name).split("1 / 0")[0].count("\n") + 1
    answer = built.call("run")
    assert answer.code == 1
    assert f"{name}:{line}" in answer.err
    assert "Traceback" not in answer.err
