"""Merges of locks: equal to a merge of two dictionaries, whatever lies beside what in the text."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_runner.errors import InvalidInput
from mlops_runner.lock.codec import emit, parse
from mlops_runner.lock.merge import has_conflicts, sides
from mlops_runner.lock.model import Environment, Lock, Output, Stage
from mlops_runner.lock.three_way import merge

NAMES = [*(f"step@{number}" for number in range(54)), "a: b", "null", "é\n", "data", "train.x", "42"]
ENVIRONMENT = Environment("e1:aa", "3.11")


def stage(name, version):
    """A stage in one of several versions, of which 1 and 2 differ in the type of a number alone."""
    metric = {1: 1, 2: 1.0, 3: float("nan"), 4: "<<<<<<< 1"}.get(version, version)
    output = {"out/a": Output(f"{version:032x}", f"{version:064x}")} if version % 2 else {}
    return Stage(f"k1:{name}{version if version > 2 else 0}", "c1:a", metrics={"m": metric}, outputs=output)


def lock_of(versions, environment=ENVIRONMENT):
    return emit(Lock({"default": environment}, {name: stage(name, version) for name, version in versions.items()}))


def naive(base, ours, theirs):
    """Merge two dictionaries of versions; return the result and the names that cannot be merged."""
    result, conflicts = {}, set()
    for name in base.keys() | ours.keys() | theirs.keys():
        was, here, there = base.get(name), ours.get(name), theirs.get(name)
        if here != there and was not in (here, there):
            conflicts.add(name)
        elif (kept := there if here == was else here) is not None:
            result[name] = kept
    return result, conflicts


versions = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 4), max_size=60)
edits = st.dictionaries(st.sampled_from(NAMES), st.none() | st.integers(1, 6), max_size=12)


def edited(base, edit):
    return {name: version for name, version in {**base, **edit}.items() if version is not None}


@settings(max_examples=300, deadline=None)
@given(versions, edits, edits)
def test_a_merge_is_that_of_two_dictionaries(base, here, there):
    ours, theirs = edited(base, here), edited(base, there)
    expected, conflicts = naive(base, ours, theirs)
    found = merge(lock_of(base), lock_of(ours), lock_of(theirs))
    assert found.conflicts == tuple(sorted(conflicts))
    if conflicts:
        assert has_conflicts(found.text)
        chosen = ({name: side[name] for name in conflicts & side.keys()} for side in (ours, theirs))
        assert list(map(emit, sides(found.text))) == [lock_of({**expected, **side}) for side in chosen]
    else:
        assert found.text == lock_of(expected)
        assert emit(parse(found.text)) == found.text


@settings(max_examples=100, deadline=None)
@given(versions, edits, st.data())
def test_disjoint_changes_never_conflict(base, edit, data):
    mine = data.draw(st.sets(st.sampled_from(sorted(edit)))) if edit else set()
    here = {name: version for name, version in edit.items() if name in mine}
    there = {name: version for name, version in edit.items() if name not in mine}
    found = merge(lock_of(base), lock_of(edited(base, here)), lock_of(edited(base, there)))
    assert found.conflicts == ()
    assert found.text == lock_of(edited(base, edit))
    assert merge(lock_of(base), lock_of(edited(base, there)), lock_of(edited(base, here))) == found


A, B, C, D = ({"a": 1, "b": 1}, {"a": 3, "b": 1}, {"a": 4, "b": 1}, {"b": 1})


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result", "conflicts"),
    [
        (A, B, C, None, ("a",)),
        (A, D, C, None, ("a",)),
        (A, B, D, None, ("a",)),
        (A, D, D, D, ()),
        (A, B, B, B, ()),
        (A, D, A, D, ()),
        (A, {"b": 1, "c": 1}, {"b": 1, "d": 1}, {"b": 1, "c": 1, "d": 1}, ()),
        (A, {**A, "c": 3}, {**A, "d": 4}, {**A, "c": 3, "d": 4}, ()),
        (A, {**A, "c": 3}, {**A, "c": 4}, None, ("c",)),
        (A, {**A, "a@2": 3}, {**A, "a@3": 3}, {**A, "a@2": 3, "a@3": 3}, ()),
        ({}, A, {"c": 1}, {**A, "c": 1}, ()),
        (A, {}, A, {}, ()),
    ],
    ids=[
        "both changed", "removed here", "removed there", "both removed", "changed alike", "one removed", "both renamed",
        "inserted at one place", "one name inserted", "a matrix extended", "both began", "everything removed",
    ],
)  # fmt: skip
def test_every_kind_of_change_has_its_answer(base, ours, theirs, result, conflicts):
    found = merge(lock_of(base), lock_of(ours), lock_of(theirs))
    assert found.conflicts == conflicts
    if result is not None:
        assert found.text == lock_of(result)


def test_what_one_side_renamed_gets_what_the_other_changed():
    """As git merges it line by line, where the name and the facts do not touch."""
    renamed, changed = (lock_of(versions).replace("  a:\n", f"  {name}:\n") for versions, name in ((A, "c"), (B, "c")))
    assert merge(lock_of(A), renamed, lock_of(B)).text == emit(parse(changed))
    assert merge(lock_of(A), lock_of(B), renamed).text == emit(parse(changed))
    assert merge(lock_of(A), renamed, lock_of(A)).text == emit(parse(renamed))
    other = renamed.replace("  c:\n", "  d:\n")
    assert merge(lock_of(A), renamed, other).conflicts == ()
    assert set(parse(merge(lock_of(A), renamed, other).text).stages) == {"b", "c", "d"}


def test_an_environment_of_one_side_meets_the_stages_of_the_other():
    newer, newest = Environment("e1:bb", "3.12"), Environment("e1:cc", "3.13")
    assert merge(lock_of(A), lock_of(A, newer), lock_of(B)).text == lock_of(B, newer)
    found = merge(lock_of(A), lock_of(A, newer), lock_of(B, newest))
    assert found.conflicts == ("default",)
    assert [side.environments["default"] for side in sides(found.text)] == [newer, newest]


def test_what_both_sides_began_or_a_base_that_is_damaged_costs_conflicts_and_nothing_else():
    for base in ("", "nonsense\n", lock_of(A)[:150], lock_of(A).replace("lock_version: 1", "lock_version: 9")):
        found = merge(base, lock_of(A), lock_of({**B, "c": 1}))
        assert found.conflicts == ("a",)
        assert set(sides(found.text)[0].stages) == {"a", "b", "c"}


def test_a_base_that_is_a_merge_with_conflicts_is_read_without_them():
    base = merge(lock_of(A), lock_of(B), lock_of(C)).text
    assert merge(base, lock_of(B), lock_of({**B, "b": 3})).text == lock_of({**B, "b": 3})
    assert merge(base, lock_of(B), lock_of(C)).conflicts == ("a",)


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "nonsense\n",
        lock_of(B)[:-20],
        lock_of(B).replace("lock_version: 1", "lock_version: 2"),
        lock_of(B).replace("stages:\n", "stages:\nmore:\n"),
        lock_of(B).replace("stages:\n", "stages:\n stray\n"),
        lock_of(B).replace("    key: k1:a3\n", ""),
        lock_of(B).replace("    key: k1:a3\n", "   key: k1:a3\n"),
        lock_of(B) + lock_of(B).partition("stages:\n")[2],
        merge(lock_of(A), lock_of(B), lock_of(C)).text,
    ],
)
def test_a_damaged_side_is_refused(damaged):
    for ours, theirs in ((damaged, lock_of(C)), (lock_of(C), damaged)):
        with pytest.raises(InvalidInput):
            merge(lock_of(A), ours, theirs)


def test_the_result_is_in_its_normal_form_whatever_the_sides_are_in():
    ours = lock_of(B).replace("\n", "\r\n")
    theirs = lock_of({**A, "c": 1}).replace("  c:\n", "# mine\n\n  c:\n").replace("stages:\n", "# yours\nstages:\n")
    unsorted = theirs.replace("    spec: c1:a\n", "").replace("    key:", "    spec: c1:a\n    key:")
    assert merge(lock_of(A), ours, theirs).text == lock_of({**B, "c": 1})
    assert merge(lock_of(A), lock_of(A), unsorted).text == lock_of({**A, "c": 1})


def test_a_merge_imports_little():
    code = "import sys, mlops_runner.lock.three_way; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"polars", "numpy", "pydantic", "mlops_runner.specs", "subprocess"}.isdisjoint(loaded)
