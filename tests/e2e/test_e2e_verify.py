"""`verify`: is what stands here what the lock says, and does it come out again?"""

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
