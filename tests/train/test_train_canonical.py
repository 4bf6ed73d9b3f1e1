import io
import json
import zipfile

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.preprocessing import StandardScaler

from mlops_runner.train.canonical import canonical, nodes

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def schema(data: bytes) -> dict[str, object]:
    return json.loads(members(data)["schema.json"])


def test_two_dumps_of_one_model_differ_and_their_canonical_forms_do_not() -> None:
    first, second = (StandardScaler().fit(X) for _ in range(2))
    assert skops.io.dumps(first) != skops.io.dumps(second)
    assert canonical(skops.io.dumps(first)) == canonical(skops.io.dumps(second))


def test_canonical_is_stable_under_itself() -> None:
    once = canonical(skops.io.dumps(StandardScaler().fit(X)))
    assert canonical(once) == once


def test_the_clock_and_memory_addresses_leave_no_trace() -> None:
    data = canonical(skops.io.dumps(StandardScaler().fit(X)))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert not [node for node in nodes(schema(data)) if "__id__" in node]


@pytest.mark.parametrize("model", [RandomForestClassifier, HistGradientBoostingClassifier])
def test_thread_counts_are_not_part_of_a_model(model: type) -> None:
    fitted = model(random_state=1).fit(X[:30], Y[:30])
    stored = []
    for threads in (2, 5):
        for part in (fitted, getattr(fitted, "_bin_mapper", fitted)):
            vars(part).update(dict.fromkeys({"n_jobs", "n_threads"} & vars(part).keys(), threads))
        stored.append(canonical(skops.io.dumps(fitted)))
    assert stored[0] == stored[1]


def test_padding_inside_records_is_zeroed() -> None:
    packed = np.dtype({"names": ["flag", "value"], "formats": ["u1", "<f8"], "offsets": [0, 8], "itemsize": 16})
    dirty = np.frombuffer(bytes(range(32)), packed)
    clean = np.zeros(2, packed)
    clean["flag"], clean["value"] = dirty["flag"], dirty["value"]
    assert canonical(skops.io.dumps([dirty])) == canonical(skops.io.dumps([clean]))


def test_equal_arrays_are_stored_once() -> None:
    data = canonical(skops.io.dumps([np.arange(9), np.arange(9)]))
    assert len(members(data)) == 2


@given(st.recursive(st.integers() | st.text() | st.booleans() | st.none(), lambda inner: st.lists(inner), max_leaves=8))
def test_canonical_loses_no_value(value: object) -> None:
    assert skops.io.loads(canonical(skops.io.dumps([value]))) == [value]


@given(st.sets(st.text(max_size=5)))
def test_sets_have_one_order(value: set[str]) -> None:
    forwards: set[str] = set()
    backwards: set[str] = set()
    forwards.update(sorted(value))
    backwards.update(sorted(value, reverse=True))
    assert canonical(skops.io.dumps([forwards])) == canonical(skops.io.dumps([backwards]))
