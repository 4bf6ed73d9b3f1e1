"""Conflicted locks: both sides come back whole, whatever style git writes; anything unpaired is refused."""

import pytest

from mlops_runner.errors import InvalidInput
from mlops_runner.lock.codec import emit
from mlops_runner.lock.merge import has_conflicts, sides
from mlops_runner.lock.model import Lock, Stage

HEAD = emit(Lock()).rstrip("\n") + "\nstages:\n"


def stage(key):
    return f"  a:\n    env: default\n    key: {key}\n    repro: bitwise\n    spec: c1:a\n"


def keys(text):
    return tuple(side.stages["a"].key for side in sides(text))


MERGE = HEAD + "<<<<<<< HEAD\n" + stage("k1:1") + "=======\n" + stage("k1:2") + ">>>>>>> other\n"
DIFF3 = MERGE.replace("=======\n", "||||||| 4fe\n" + stage("k1:0") + "=======\n")
INNER = HEAD + stage("<<<").replace(
    "    key: <<<\n", "<<<<<<< HEAD\n    key: k1:1\n=======\n    key: k1:2\n>>>>>>> other\n"
)
NESTED = DIFF3.replace(
    stage("k1:0"), "<<<<<<<<< Temporary\n" + stage("k1:8") + "=========\n" + stage("k1:9") + ">>>>>>>>> Temporary\n"
)


@pytest.mark.parametrize("text", [MERGE, DIFF3, INNER, NESTED])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_both_sides_come_back(text, ends):
    text = text.replace("\n", ends)
    assert has_conflicts(text)
    assert keys(text) == ("k1:1", "k1:2")


def test_a_side_may_have_removed_the_stage():
    text = HEAD + "<<<<<<< HEAD\n=======\n" + stage("k1:2") + ">>>>>>> other\n"
    ours, theirs = sides(text)
    assert ours.stages == {}
    assert theirs.stages == {"a": Stage("k1:2", "c1:a")}


def test_a_lock_without_conflicts_has_none():
    assert not has_conflicts(HEAD + stage("k1:1"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEAD + "<<<<<<< HEAD\n" + stage("k1:1"), 1),
        (HEAD + "<<<<<<< HEAD\n" + stage("k1:1") + "=======\n", 1),
        (HEAD + "=======\n" + stage("k1:1"), 4),
        (HEAD + ">>>>>>> other\n" + stage("k1:1"), 4),
        (HEAD + "||||||| base\n" + stage("k1:1"), 4),
        (HEAD + "<<<<<<< a\n<<<<<<< b\n=======\n>>>>>>> a\n", 5),
        (HEAD + "<<<<<<< a\n=======\n=======\n>>>>>>> a\n", 6),
        (HEAD + "<<<<<<< a\n>>>>>>> a\n", 5),
    ],
)
def test_markers_that_do_not_pair_up_are_refused(text, line):
    assert has_conflicts(text), "or the hint to resolve the conflict would lead in a circle"
    with pytest.raises(InvalidInput) as raised:
        sides(text)
    assert (raised.value.diagnostics[0].code, raised.value.diagnostics[0].place.line) == ("lock-conflict", line)


def test_a_side_that_is_no_lock_is_refused():
    with pytest.raises(InvalidInput):
        sides(HEAD + "<<<<<<< HEAD\nnonsense\n=======\n" + stage("k1:2") + ">>>>>>> other\n")
