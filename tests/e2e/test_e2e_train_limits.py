"""Commands and limits of fits, from the command line to the message."""

FIT = """\
import json, time, polars, xgboost
facts = json.load(open("params.json"))
time.sleep(facts["params"].get("pause", 0))
train = polars.read_parquet("train.parquet")
rows = xgboost.DMatrix(train.select(facts["columns"]).to_numpy(), train["(target)"].to_numpy(), nthread=1)
xgboost.train({"objective": "binary:logistic", "nthread": 1}, rows, 5).save_model("out/model.ubj")
"""
BOOSTED = "  boosted:\n    trainer: xgboost\n    rounds: 5\n    params:\n      max_depth: 2\n"
LOGISTIC = """\
  boosted:
    trainer: sklearn
    estimator: sklearn.linear_model.LogisticRegression
    params: {C: -1.0}
"""
COMMAND = "  boosted:\n    trainer: command\n    command: [python, tools/fit.py]\n    files: [tools/fit.py]\n"


def test_a_command_is_a_step_like_any_other(built):
    built.write("tools/fit.py", FIT)
    built.edit("specs/training.yaml", BOOSTED, COMMAND)
    answer = built.mlops("run")
    assert answer.code == 0, answer.err
    assert "tools/fit.py" in built.read("pipeline.lock")
    assert built.to_do() == {}
    built.edit("specs/training.yaml", COMMAND, f"{COMMAND}    timeout: 1m\n")
    assert built.to_do() == {}, "a limit is in no key"
    built.edit("tools/fit.py", "rows, 5)", "rows, 6)")
    assert built.to_do()["train.boosted"] == "rerun"


def test_a_command_that_hangs_is_ended_and_named(built):
    built.write("tools/fit.py", FIT)
    built.edit("specs/training.yaml", BOOSTED, f"{COMMAND}    timeout: 1s\n    params: {{pause: 100}}\n")
    answer = built.mlops("run", timeout=60)
    assert answer.code == 1
    assert "error[timed-out]: the command trainer took longer than its timeout of 1 s and was ended" in answer.err


def test_a_callable_that_takes_too_much_is_told_so(built):
    text = "import numpy\n\ndef train(x, y, *, seed, strategy):\n    return numpy.ones(2**36, dtype=numpy.uint8)\n"
    built.write("callables/rule.py", text)
    built.edit("specs/training.yaml", "    strategy: prior\n", "    strategy: prior\n  memory: 512MiB\n")
    answer = built.mlops("run")
    assert answer.code == 1
    assert "error[out-of-memory]: callables.rule:train ran out of memory within its 512 MiB" in answer.err


def test_a_callable_that_writes_elsewhere_is_noticed(built):
    built.edit(
        "callables/rule.py", '    """Answer', f'    open({str(built.root / "note")!r}, "w").close()\n    """Answer'
    )
    answer = built.mlops("run")
    assert answer.code == 0, answer.err
    assert "note, which lies outside of its folder and is in no key" in answer.err


def test_a_callable_that_crashes_is_named_where_it_is_declared(built):
    built.edit("callables/rule.py", '    """Answer', '    import os\n\n    os.abort()\n    """Answer')
    answer = built.mlops("run")
    assert answer.code == 1
    line = built.read("specs/training.yaml").splitlines().index("baseline:") + 1
    assert "error[step-crashed]: step train.baseline was killed by signal 6" in answer.err
    assert f"--> specs/training.yaml:{line}:1" in answer.err
    assert "its log: mlops logs train.baseline" in answer.err


def test_a_callable_that_raises_is_named_with_its_line(built):
    built.edit("callables/rule.py", '    """Answer', '    raise RuntimeError("the sky fell")\n    """Answer')
    answer = built.mlops("run")
    assert answer.code == 1
    assert "error[callable-failed]: callables.rule:train: RuntimeError: the sky fell" in answer.err
    assert "--> callables/rule.py:" in answer.err
    assert "hint: the function itself raised this; what it printed: mlops logs train.baseline" in answer.err


def test_a_value_that_a_library_refuses_is_named_where_it_stands(built):
    built.edit("specs/training.yaml", "max_depth: 2", "objective: reg:gamma")
    answer = built.mlops("run")
    assert answer.code == 65
    assert 'param "objective" is reg:gamma, which does not suit a binary task here' in answer.err
    assert f"--> specs/training.yaml:{line_of(built, 'reg:gamma')}:" in answer.err
    built.edit("specs/training.yaml", BOOSTED.replace("max_depth: 2", "objective: reg:gamma"), LOGISTIC)
    answer = built.mlops("run")
    assert answer.code == 1
    assert "error[trainer-refused]: sklearn.linear_model.LogisticRegression: The 'C' parameter" in answer.err
    assert f"--> specs/training.yaml:{line_of(built, 'C: -1.0')}:" in answer.err


def test_a_threshold_that_cannot_be_reached_is_named_where_it_is_asked_for(built):
    built.edit(
        "specs/evaluation.yaml", "gates:\n", "threshold: {rule: recall_at_precision, precision: 0.9999}\ngates:\n"
    )
    answer = built.mlops("run")
    assert answer.code == 65
    assert "no threshold reaches a precision of 0.9999" in answer.err
    assert f"--> specs/evaluation.yaml:{line_of(built, 'threshold:')}:" in answer.err


def test_a_callable_without_a_return_is_told_so(built):
    built.write("callables/rule.py", "def train(x, y, *, seed, strategy):\n    x.head()\n")
    answer = built.mlops("run")
    assert answer.code == 1
    assert "error[no-model]: callables.rule:train returned nothing" in answer.err


def line_of(sandbox, text):
    file = "specs/evaluation.yaml" if "threshold" in text else "specs/training.yaml"
    return next(at for at, line in enumerate(sandbox.read(file).splitlines(), 1) if text in line)
