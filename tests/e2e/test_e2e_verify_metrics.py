"""Numbers in the lock that somebody wrote there by hand: what verify holds them against."""

import json
import shutil

import pytest

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: numbers
steps:
  told:
    kind: command
    shell: 'echo "{\\"rows\\": 12, \\"share\\": 0.25, \\"note\\": \\"fine\\"}" > out/told.json'
    outputs: [out/told.json]
    metrics: out/told.json
  returned:
    kind: python
    callable: steps:best
    outputs: {model: model.txt}
  user:
    kind: command
    command: [python, -c, "open('used.txt', 'w').write('{depth}')"]
    params: {depth: {step: returned, value: depth}}
    outputs: [used.txt]
"""

STEPS = "def best(model):\n    model.write_text('m')\n    return {'depth': 6, 'left_out': 1.5}\n"


@pytest.fixture
def numbers(sandbox_of):
    sandbox = sandbox_of({"pipeline.yaml": PIPELINE, "steps.py": STEPS, ".gitignore": ".mlops/\n"})
    answer = sandbox.call("run", "-q")
    assert answer.code == 0, answer.err
    return sandbox


def edited(sandbox, old, new):
    """Edit the lock by hand, and return what verify says of it."""
    sandbox.edit("pipeline.lock", old, new)
    answer = sandbox.call("verify", "--json")
    return answer.code, [
        (problem["code"], problem["message"].partition(" in pipeline.lock")[0]) for problem in answer.value
    ]


def elsewhere(sandbox):
    """Forget what ran here, as on another machine."""
    shutil.rmtree(sandbox.root / ".mlops")


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [("rows: 12", "rows: 13", "rows"), ("share: 0.25", "share: 0.26", "share"), ("note: fine", "note: good", "note")],
)
def test_a_number_of_a_file_is_held_against_the_file_on_every_machine(numbers, old, new, name):
    assert numbers.call("verify").code == 0
    elsewhere(numbers)
    (numbers.root / "out/told.json").unlink()  # its object is in the cache
    assert numbers.call("verify").code == 0
    assert edited(numbers, old, new) == (4, [("lock-edited", f"metrics ({name}) of told")])


def test_a_number_that_the_lock_adds_is_in_no_file(numbers):
    assert edited(numbers, "      rows: 12", "      more: 1\n      rows: 12") == (
        4,
        [("lock-edited", "metrics (more) of told")],
    )


def test_without_the_file_there_is_nothing_to_compare(numbers):
    elsewhere(numbers)
    (numbers.root / "out/told.json").unlink()
    shutil.rmtree(numbers.root / ".dvc/cache")
    code, found = edited(numbers, "rows: 12", "rows: 13")
    assert (code, {kind for kind, _ in found}) == (4, {"artifact-missing"})
    assert numbers.call("verify", "--allow-missing").code == 0


def test_what_a_function_returned_is_held_against_what_ran_here(numbers):
    assert edited(numbers, "left_out: 1.5", "left_out: 2.5") == (4, [("lock-edited", "metrics (left_out) of returned")])
    elsewhere(numbers)
    assert numbers.call("verify").code == 0
    assert numbers.call("verify", "--rerun", "1").code == 4


def test_what_another_step_takes_shows_in_the_chain_on_every_machine(numbers):
    elsewhere(numbers)
    code, found = edited(numbers, "    metrics:\n      depth: 6", "    metrics:\n      depth: 7")
    assert (code, [kind for kind, _ in found]) == (4, ["lock-stale"])
    assert "user: params.depth 6 → 7" in found[0][1]


def test_a_step_that_need_not_repeat_itself_may_have_given_other_numbers_here(numbers):
    numbers.edit("pipeline.yaml", "callable: steps:best", "callable: steps:best\n    reproducibility: tolerance")
    assert numbers.call("run", "-q").code == 0
    assert edited(numbers, "left_out: 1.5", "left_out: 2.5") == (0, [])


def test_the_journal_of_another_result_says_nothing(numbers):
    lock = numbers.read("pipeline.lock")
    journal = numbers.root / ".mlops/journal.jsonl"
    assert json.loads(journal.read_text().splitlines()[0][65:])["metrics"]
    numbers.edit("steps.py", "'m'", "'n'")
    assert numbers.call("run", "-q").code == 0
    numbers.edit("steps.py", "'n'", "'m'")
    numbers.write("pipeline.lock", lock)
    assert numbers.call("run", "-q").code == 0
    assert numbers.call("verify").code == 0
