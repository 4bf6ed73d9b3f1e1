"""Digests: pinned literals, because everything recorded under a rule is called fresh by it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.digest import canonical_json, digest_bytes, digest_file, digest_text, digest_value, folder_digest

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "text", "digest"),
    [
        (None, "null", "c1:74234e98afe7498fb5daf1f36ac2d78a"),
        (True, "true", "c1:b5bea41b6c623f7c09f1bf24dcae58eb"),
        (1, "1", "c1:6b86b273ff34fce19d6b804eff5a3f57"),
        (1.0, "1.0", "c1:d0ff5974b6aa52cf562bea5921840c03"),
        ("1", '"1"', "c1:391552c099c101b131feaf24c5795a6a"),
        (0.1, "0.1", "c1:14be4b45f18e0d8c67b4f719b5144eee"),
        (1e-05, "1e-05", "c1:5a9530d3c6d5faad6ba8afe16fb8e438"),
        (-0.0, "-0.0", "c1:c26617c7ccbcaa6631b45d851b8cf56e"),
        ("ü", '"ü"', "c1:e4c77d3f26dacb0bcd1ef966781f0988"),
        ([1, "a"], '[1,"a"]', "c1:2010945388e2de98f5651051478912aa"),
        ({"b": 1, "a": [None, {}]}, '{"a":[null,{}],"b":1}', "c1:39384c467c32b9e8ce10f0f4d50338c9"),
    ],
)
def test_a_value_has_one_text_and_one_digest(value, text, digest):
    assert canonical_json(value) == text
    assert digest_value("c1", value) == digest


@pytest.mark.parametrize("kind", ["c1", "k1", "a1", "e1", "p1"])
def test_each_kind_is_told_by_its_prefix(kind):
    assert digest_text(kind, "") == f"{kind}:e3b0c44298fc1c149afbf4c8996fb924"


def test_numbers_texts_and_truth_are_different_values():
    values = [1, 1.0, True, "1", 0, 0.0, -0.0, False, None, "", "null", [], {}, [None]]
    assert len({digest_value("c1", value) for value in values}) == len(values)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_the_order_of_keys_does_not_count(value):
    assert digest_value("c1", dict(reversed(value.items()))) == digest_value("c1", value)


@given(st.lists(st.integers(), min_size=2, unique=True))
def test_the_order_of_a_list_counts(values):
    assert digest_value("c1", values) != digest_value("c1", values[::-1])


def test_forms_of_the_same_letter_are_different_texts():
    assert digest_value("c1", "\u00e9") != digest_value("c1", "e\u0301")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {"a": [math.nan]}])
def test_what_is_no_json_number_is_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        digest_value("c1", value)


def test_a_lone_surrogate_has_a_digest_of_its_own():
    assert digest_value("c1", "\ud800") != digest_value("c1", "?")


def test_bytes_have_the_digests_that_other_tools_print(tmp_path):
    found = digest_bytes(b"a")
    assert (found.md5, found.size) == ("0cc175b9c0f1b6a831c399e269772661", 1)
    assert found.sha256 == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 20 << 20])
def test_a_file_has_the_digest_of_its_bytes(tmp_path, size):
    path = tmp_path / "a"
    path.write_bytes(b"\r\n" * (size // 2) + b"x" * (size % 2))
    assert digest_file(path) == digest_bytes(path.read_bytes())


def test_a_missing_file_has_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        digest_file(tmp_path / "a")


A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("files", "digest"),
    [
        ({}, "f1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ({"x": A}, "f1:f9813d6fa012661330eba12ec788ef710d05018300d3b3ce75a3a14b36e3199a"),
        ({"ü/y.csv": A, "x": B}, "f1:90f873f1b1505a64ac089b444e7d201bd7aa82c483708867c2050447402a028a"),
    ],
)
def test_a_folder_has_one_digest(files, digest):
    assert folder_digest(files) == digest
    assert folder_digest(dict(reversed(files.items()))) == digest


def test_folders_that_differ_have_different_digests():
    folders = [{}, {"x": A}, {"x": B}, {"y": A}, {"x": A, "y": A}, {"x/y": A}, {f"x\n{A} y": A}, {f"x {A}": B}]
    assert len({folder_digest(files) for files in folders}) == len(folders)
