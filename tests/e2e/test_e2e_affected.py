"""Which steps changes since a revision may affect: told from what git holds, without a run or a lock."""

import pytest

STEPS = """\
  count:
    kind: command
    matrix: {axes: {part: [a, b]}}
    command: [python, scripts/count.py, "{part}"]
    code: [scripts/count.py]
    inputs: [out/sorted.txt]
    outputs: ["out/counts/{part}.txt"]
  total:
    kind: command
    shell: cat out/counts/*.txt > out/total.txt
    inputs: [out/counts]
    outputs: [out/total.txt]
  apart:
    kind: command
    shell: date > out/apart.txt
    outputs: [out/apart.txt]
"""


@pytest.fixture
def words(words_of):
    return words_of(STEPS, "b\na\n", {"scripts/count.py": "print(1)\n"})


def affected(sandbox, revision="HEAD"):
    answer = sandbox.call("plan", "--affected-by", revision, "--json")
    assert answer.code == 0, answer.err
    return {step["name"]: step["action"] for step in answer.value["steps"]}


def test_nothing_is_affected_when_nothing_changed(words):
    assert affected(words) == {}
    assert (
        "nothing that the 5 steps are made of has changed since HEAD" in words.call("plan", "--affected-by", "HEAD").out
    )


def test_data_affects_the_step_that_reads_it_and_all_that_follow(words):
    before = words.listing()
    words.write("data/words.txt", "c\n")
    changed = words.listing()
    assert affected(words) == {"sorted": "rerun", "count@a": "unknown", "count@b": "unknown", "total": "unknown"}
    assert words.call("plan", "--affected-by", "HEAD", "--detailed-exitcode").code == 2
    assert words.listing() == changed != before


def test_code_affects_by_its_meaning_and_a_new_name_not_at_all(words):
    words.write("scripts/count.py", "# a comment\nprint(1)\n")
    words.edit("pipeline.yaml", "  apart:", "  aside:")
    assert affected(words) == {}
    words.write("scripts/count.py", "print(2)\n")
    assert affected(words) == {"count@a": "rerun", "count@b": "rerun", "total": "unknown"}


def test_an_instance_that_is_gone_affects_who_read_from_it(words):
    words.edit("pipeline.yaml", "[a, b]", "[a]")
    answer = words.call("plan", "--affected-by", "HEAD", "--json")
    assert [step["name"] for step in answer.value["steps"]] == ["total"]
    assert answer.value["removed"] == ["count@b"]
    assert "other steps write what it reads" in words.call("plan", "--affected-by", "HEAD").out


def test_a_new_step_is_told_and_a_commit_later_no_more(words):
    new = "  new:\n    kind: command\n    shell: cat out/apart.txt > out/new.txt\n    inputs: [out/apart.txt]\n"
    words.write("pipeline.yaml", words.read("pipeline.yaml") + new + "    outputs: [out/new.txt]\n")
    assert affected(words) == {"new": "add"}
    words.commit()
    assert affected(words) == {}
    assert affected(words, "HEAD~1") == {"new": "add"}


def test_data_that_git_does_not_hold_count_as_the_lock_of_then_says(words):
    words.git("rm", "-q", "--cached", "data/words.txt")
    words.write(".gitignore", ".mlops/\ndata/\n")
    words.commit()
    assert affected(words) == {}
    assert words.call("run", "--to", "sorted").code == 0
    words.commit("run")
    words.write("data/words.txt", "other\n")
    assert list(affected(words)) == ["sorted", "count@a", "count@b", "total"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--affected-by", "nowhere"], 'git knows no commit "nowhere"'),
        (["--affected-by", "HEAD", "--to", "total"], "--affected-by compares with a revision"),
    ],
)
def test_a_comparison_that_makes_no_sense_is_a_wrong_command_line(words, arguments, text):
    answer = words.call("plan", *arguments)
    assert answer.code == 64
    assert text in answer.err


def test_a_pipeline_that_was_not_valid_then_is_named_so(words):
    words.edit("pipeline.yaml", "kind: Pipeline", "kind: Pipelime")
    words.commit()
    words.edit("pipeline.yaml", "kind: Pipelime", "kind: Pipeline")
    answer = words.call("plan", "--affected-by", "HEAD")
    assert answer.code == 64
    assert "the pipeline of HEAD is not valid: pipeline.yaml:2:7" in answer.err


def test_a_trained_pipeline_is_compared_as_well(built):
    assert affected(built) == {}
    built.edit("specs/training.yaml", "C: 1.0", "C: 2.0")
    assert affected(built) == {"train.logistic": "rerun", "evaluate": "unknown", "package": "unknown"}
