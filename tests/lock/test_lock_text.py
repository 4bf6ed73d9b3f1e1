"""The lock's normal form: what is written is read back equal, by any YAML reader too; anything else is refused."""

import math

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_runner.errors import InvalidInput
from mlops_runner.lock.text import HEADER, emit_tree, parse_tree

LOOKALIKES = [
    "", " ", "NO", "no", "Yes", "on", "y", "null", "Null", "~", "true", "True", "1", "1.0", "-1", "1e3", "1e-05",
    "1.5e+3", "0x1F", "0o17", "0b11", "012", "1_000", "12:30:45", "2024-01-01", ".nan", ".inf", "nan", "inf", "-",
    "- a", "? a", "a: b", "a:", ":a", "a #b", "#a", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", "'a'", '"a"', '"',
    "\\", "{}", "[]", "a,b", "<<", "=", "---", "...", "a\nb", "a\r\nb", "\r", "\t", "\x00", "\x1b", "\x7f", "\x85",
    "\xa0", "\u2028", "\u2029", "\ufeff", "\ud800", "\udfff", "\ud83d\ude00", "\U0001f600", "\ufffe", "é", "e\u0301",
    " a", "a ", "a  b", "abc123", "12ab", "1e1", "00e0", "<<<<<<< ours", "=======", ">>>>>>> theirs", "k1:00",
    "sha256:ab",
]  # fmt: skip

texts = st.sampled_from(LOOKALIKES) | st.text(st.characters(), max_size=20)
numbers = st.integers() | st.floats(allow_nan=False) | st.sampled_from([10**400, -(10**400), -0.0, 1e-05, 1e16, 5e-324])
scalars = st.none() | st.booleans() | numbers | texts
trees = st.recursive(
    st.dictionaries(texts, scalars, min_size=1, max_size=4),
    lambda inner: st.dictionaries(texts, scalars | inner, min_size=1, max_size=4),
    max_leaves=8,
)


def emit(tree):
    return "".join(emit_tree(tree))


def plain(section):
    """Return a parsed section as nested dicts."""
    return {k: plain(v) if hasattr(v, "entries") else v for k, v in section.entries.items()}


def exact(value):
    """Return a value in which 1, 1.0 and true, 0.0 and -0.0 differ."""
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    return (type(value).__name__, repr(value))


def read(text):
    return plain(parse_tree(text))


@pytest.mark.parametrize("text", LOOKALIKES)
def test_a_text_that_looks_like_something_else_stays_a_text_for_every_reader(text):
    written = emit({text: {"a": text}})
    assert read(written) == {text: {"a": text}}
    assert yaml.safe_load(written) == {text: {"a": text}}


@settings(deadline=None, max_examples=150)
@given(trees)
def test_reading_what_was_written_gives_the_same_values(tree):
    assert exact(read(emit(tree))) == exact(tree)


@settings(deadline=None, max_examples=100)
@given(trees)
def test_writing_what_was_read_gives_the_same_text(tree):
    assert emit(read(emit(tree))) == emit(tree)


@settings(deadline=None, max_examples=100)
@given(trees)
def test_any_yaml_reader_sees_the_same_values(tree):
    assert exact(yaml.safe_load(emit(tree))) == exact(tree)


@settings(deadline=None, max_examples=100)
@given(trees)
def test_every_line_is_a_key_or_a_key_with_a_scalar_in_ascii_order(tree):
    text = emit(tree)
    assert "\r" not in text
    assert len(text.splitlines()) == text.count("\n"), "no line break hides inside a text"
    assert list(parse_tree(text).entries) == sorted(parse_tree(text).entries)
    for line in text.split("\n")[:-1]:
        assert line.endswith(":") or ": " in line


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_not_finite_is_still_a_number(value):
    written = emit({"a": value})
    assert exact(read(written)) == exact({"a": value})
    assert exact(yaml.safe_load(written)) == exact({"a": value})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-05, "1.0e-05"), (1.5e-07, "1.5e-07"), (1e16, "1.0e+16"), (-0.0, "-0.0"), (0.1, "0.1"), (1.0, "1.0"),
        (1, "1"), (True, "true"), (None, "null"), ("3.11", '"3.11"'), ("NO", '"NO"'), ("boosted", "boosted"),
        ("mean radius", '"mean radius"'),
        ("0cc175b9c0f1b6a831c399e269772661", "0cc175b9c0f1b6a831c399e269772661"), ("1" * 32, f'"{"1" * 32}"'),
        ("1e" + "1" * 30, f'"1e{"1" * 30}"'), ("a\u2028b", '"a\\u2028b"'), ("ü", '"ü"'),
    ],
)  # fmt: skip
def test_scalars_have_one_text(value, text):
    assert emit({"a": value}) == f"a: {text}\n"


def test_numbers_of_array_libraries_are_written_as_numbers():
    numpy = pytest.importorskip("numpy")
    assert emit({"a": numpy.float64(0.5)}) == "a: 0.5\n"


def test_a_checkout_with_windows_line_ends_is_read():
    text = f"{HEADER}a: 1\nb:\n  c: x\n"
    assert read(text.replace("\n", "\r\n")) == {"a": 1, "b": {"c": "x"}}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\na: 2\n", 2, 'key "a" is given twice'),
        ("a:\n  b: 1\n  b: 1\n", 3, 'key "b" is given twice'),
        ("a:\n    b: 1\n", 2, "this line is indented too deep"),
        ("a: 1\n  b: 1\n", 2, "this line is indented too deep"),
        ("  a: 1\n", 1, "this line is indented too deep"),
        ("a:\n   b: 1\n", 2, "this line is not of the lock's form"),
        ("\ta: 1\n", 1, "this line is not of the lock's form"),
        ("a:\t1\n", 1, "this line is not of the lock's form"),
        ("a:1\n", 1, "this line is not of the lock's form"),
        ("a\n", 1, "this line is not of the lock's form"),
        ("- a\n", 1, "this line is not of the lock's form"),
        ("- a: 1\n", 1, "this line is not of the lock's form"),
        ("a: \n", 1, "this line is not of the lock's form"),
        ("a:  1\n", 1, "this value is not of the lock's form"),
        ("a: 1 \n", 1, "this value is not of the lock's form"),
        ("a: x # y\n", 1, "this value is not of the lock's form"),
        ("a: {b: 1}\n", 1, "this value is not of the lock's form"),
        ("a: [1]\n", 1, "this value is not of the lock's form"),
        ("a: 'x'\n", 1, "this value is not of the lock's form"),
        ("a: *x\n", 1, "this value is not of the lock's form"),
        ("a: &x 1\n", 1, "this value is not of the lock's form"),
        ("a: !!int 1\n", 1, "this value is not of the lock's form"),
        ("a: |\n", 1, "this value is not of the lock's form"),
        ("a: yes\n", 1, "this value is not of the lock's form"),
        ("a: 012\n", 1, "this value is not of the lock's form"),
        ("a: 1_000\n", 1, "this value is not of the lock's form"),
        ("a: 1e3\n", 1, "this value is not of the lock's form"),
        ("a: 1.0e+999\n", 1, "this value is not of the lock's form"),
        ("a: 1.10\n", 1, "this value is not of the lock's form"),
        ("a: 2024-01-01\n", 1, "this value is not of the lock's form"),
        ('a: "x\n', 1, "this value is not of the lock's form"),
        ('a: "x" y\n', 1, "this value is not of the lock's form"),
        ('a: "\\x41"\n', 1, "this value is not of the lock's form"),
        ('a: "plain"\n', 1, "this value is not of the lock's form"),
        ("yes: 1\n", 1, "this line is not of the lock's form"),
        ("a : 1\n", 1, "this line is not of the lock's form"),
        ('"plain": 1\n', 1, "this line is not of the lock's form"),
        ("\ufeffa: 1\n", 1, "this line is not of the lock's form"),
        ("a: 1\n \n", 2, "this line is not of the lock's form"),
        (f"a: {'9' * 5000}\n", 1, "this value is not of the lock's form"),
    ],
)  # fmt: skip
def test_what_is_not_of_the_form_is_refused_with_its_line(text, line, message):
    with pytest.raises(InvalidInput) as raised:
        parse_tree(text, "pipeline.lock")
    found = raised.value.diagnostics[0]
    assert (found.place.line, found.message, found.code) == (line, message, "lock-syntax")
    assert found.hint


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "||||||| base", "=======", ">>>>>>> other"])
def test_a_conflict_marker_is_named_as_such(marker):
    with pytest.raises(InvalidInput) as raised:
        parse_tree(f"a: 1\n{marker}\n")
    assert (raised.value.diagnostics[0].code, raised.value.diagnostics[0].place.line) == ("lock-conflict", 2)


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=60))
@example("\x85: 1\n")
@example('"\\ud83d\\ude00": 1\n')
@example(":" * 5000)
@example('"' + "\\" * 5000)
def test_any_text_is_read_exactly_or_refused(text):
    try:
        section = parse_tree(text)
    except InvalidInput:
        return
    kept = [line for line in text.replace("\r\n", "\n").split("\n") if line and not line.startswith("#")]
    assert sorted(emit(plain(section)).split("\n")[:-1]) == sorted(
        line for line in kept if not line.endswith(":") or f"{line}\n" in emit(plain(section))
    )
