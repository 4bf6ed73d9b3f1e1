"""`verify`: is what stands here what the lock says, and does it come out again?"""

import re

import pytest


def test_a_finished_run_is_verified(built):
    answer = built.call("verify")
    assert answer.code == 0
    assert "verified: 6 stages" in answer.err


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        ("artifacts/model/bundle.json", "{}", "artifact-different"),
        ("artifacts/model.dvc", "outs: []\n", "pointer-different"),
        ("specs/training.yaml", None, "lock-stale"),
        ("artifacts/data.dvc", "", "pointer-missing"),
    ],
)
def test_what_differs_is_named(built, file, text, code):
    if text is None:
        built.edit(file, "max_depth: 2", "max_depth: 3")
    elif text:
        built.write(file, text)
    else:
        (built.root / file).unlink()
    answer = built.call("verify", "--json")
    assert answer.code == 4
    assert {problem["code"] for problem in answer.value} == {code}
    assert any(file.removesuffix(".dvc") in p["message"] + p["place"] for p in answer.value)


def test_a_clone_without_artifacts_can_be_verified_as_far_as_it_goes(built, tmp_path):
    built.git("clone", "-q", str(built.root), str(tmp_path / "clone"))
    assert built.call("-C", str(tmp_path / "clone"), "verify").code == 4
    assert built.call("-C", str(tmp_path / "clone"), "verify", "--allow-missing").code == 0


def test_every_byte_comes_out_again_in_a_clean_room(built):
    before = built.content()
    answer = built.mlops("verify", "--rerun", "2")
    assert answer.code == 0, answer.err
    assert answer.err.count("equal by every byte") == 12
    assert built.content() == before


def test_a_callable_that_draws_from_the_clock_is_found_out(built):
    built.edit("callables/rule.py", "random_state=seed", "random_state=time.time_ns() % 2**31")
    built.edit("callables/rule.py", "from sklearn", "import time\n\nfrom sklearn")
    assert built.call("run", "--no-report").code == 0
    answer = built.call("verify", "--rerun", "1", "--json")
    assert answer.code == 4
    assert [problem["code"] for problem in answer.value] == ["not-reproduced"]
    assert "artifacts/candidates/baseline/" in answer.value[0]["message"]
    kept = built.root / ".mlops/rerun/train.baseline"
    assert (kept / "locked/model.skops").read_bytes() != (kept / "rerun/model.skops").read_bytes()


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        (r"(test\.accuracy: )\S+", "test.accuracy"),
        (r"(trainer\.params\.max_depth: )\S+", "params of train.boosted"),
        (r"(    spec: c1:)\w{6}", "spec of"),
    ],
)
def test_a_number_that_was_edited_in_the_lock_is_not_believed(built, pattern, named):
    text = built.read("pipeline.lock")
    replaced = r"\g<1>abcdef" if "spec" in pattern else r"\g<1>7"
    built.write("pipeline.lock", re.sub(pattern, replaced, text, count=1))
    answer = built.call("verify", "--json")
    assert answer.code == 4
    assert [problem["code"] for problem in answer.value] == ["lock-edited"]
    assert named in answer.value[0]["message"]


def test_a_gate_that_was_edited_in_the_lock_is_not_believed(built):
    text = built.read("pipeline.lock")
    gates = text[text.index("    gates:\n") :].split("    inputs:")[0]
    built.write("pipeline.lock", text.replace(gates, gates.replace(": pass", ": fail")))
    answer = built.call("verify", "--json")
    assert (answer.code, [problem["code"] for problem in answer.value]) == (4, ["lock-edited"])
    assert "gates of evaluate" in answer.value[0]["message"]


def test_metrics_that_no_evidence_has_show_when_it_is_executed_again(built):
    text = built.read("pipeline.lock")
    (built.root / ".mlops/journal.jsonl").unlink()  # as on another machine
    built.write("pipeline.lock", re.sub(r"(    rows: )\d+", r"\g<1>7", text, count=1))
    answer = built.call("verify", "--rerun", "1")
    assert answer.code == 4
    assert "lock-edited" in answer.err
    assert "rows 7 →" in answer.err


def test_steps_that_only_follow_are_counted_and_not_listed(built):
    built.edit("specs/data.yaml", "seed: ", "seed: 1")
    answer = built.call("verify", "--json")
    stale = [problem for problem in answer.value if problem["code"] == "lock-stale"]
    assert [problem["message"].split(":")[0] for problem in stale] == ["data"]
    assert "package" in stale[0]["message"]


def test_a_tracked_input_that_changed_without_its_pointer_is_named(built):
    built.write("data/visits.csv.dvc", f"outs:\n- md5: {'0' * 32}\n  size: 1\n  hash: md5\n  path: visits.csv\n")
    answer = built.call("verify", "--json")
    assert answer.code == 4
    assert [problem["code"] for problem in answer.value] == ["input-untracked"]
