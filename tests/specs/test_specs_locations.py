"""Strict YAML: what is read, what is refused, and where the complaint points."""

import json
import math
import time
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.specs.builder import MAX_PROBLEMS
from mlops_runner.specs.locations import MAX_BYTES, MAX_NODES, Document, load_yaml

# A busy machine is slow, not wrong.
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def load(text: str | bytes) -> Document:
    return load_yaml(text if isinstance(text, bytes) else text.encode(), "f")


def problems(text: str | bytes) -> tuple[Diagnostic, ...]:
    with pytest.raises(InvalidInput) as caught:
        load(text)
    return caught.value.diagnostics


def shown(problem: Diagnostic) -> str:
    return f"{problem.code} {problem} | {problem.hint}"


# --- values --------------------------------------------------------------------------------------------------------

READ: dict[str, Any] = {
    "": None,
    "# only\n# comments\n": None,
    "--- \n": None,
    "text": "text",
    "a: 1": {"a": 1},
    "a: 1\n...\n# end\n": {"a": 1},
    "a:": {"a": None},
    "a: ~": {"a": None},
    "a: null": {"a": None},
    "a: Null": {"a": None},
    "a: true": {"a": True},
    "a: FALSE": {"a": False},
    "a: y": {"a": "y"},
    "a: nothing": {"a": "nothing"},
    "a: tRue": {"a": "tRue"},
    "a: 0": {"a": 0},
    "a: -12": {"a": -12},
    "a: +12": {"a": 12},
    "a: 0xfF": {"a": 255},
    "a: 1e-3": {"a": 0.001},
    "a: 1e3": {"a": 1000.0},
    "a: 1.5E+3": {"a": 1500.0},
    "a: 3.10": {"a": 3.1},
    "a: .5": {"a": 0.5},
    "a: 5.": {"a": 5.0},
    "a: -.5": {"a": -0.5},
    "a: .inf": {"a": math.inf},
    "a: -.INF": {"a": -math.inf},
    "a: 1.2.3": {"a": "1.2.3"},
    "a: v1": {"a": "v1"},
    "a: 10:8080": {"a": "10:8080"},
    "a: 1 2": {"a": "1 2"},
    "a: '010'": {"a": "010"},
    'a: "NO"': {"a": "NO"},
    'a: "\\u2028\\x00"': {"a": "\u2028\0"},
    "a: 2024-01-01 was a day": {"a": "2024-01-01 was a day"},
    "'1': a": {"1": "a"},
    "'on': a": {"on": "a"},
    "? a\n: b": {"a": "b"},
    "- 1\n- [a, {b: c}]\n-\n  - d": (1, ("a", {"b": "c"}), ("d",)),
    "a: |\n  one\n   two\n": {"a": "one\n two\n"},
    "a: >-\n  one\n  two\n": {"a": "one two"},
    "a: x # comment": {"a": "x"},
    "a: 😀 é": {"a": "😀 é"},
    "\ufeffa: 1": {"a": 1},
    "a: 1\r\nb: |\r\n  x\r\n  y\r\n": {"a": 1, "b": "x\ny\n"},
}


@pytest.mark.parametrize(("text", "value"), READ.items())
def test_core_scalars_are_read(text: str, value: Any) -> None:
    found = load(text).value
    assert found == value
    assert json.dumps(found) == json.dumps(value)  # 1, 1.0 and true are equal, but not the same


def test_not_a_number_is_read() -> None:
    assert math.isnan(load("[.nan]").value[0])


# --- refusals ------------------------------------------------------------------------------------------------------

OUT = "write the value out where it is needed"
HERE = "check indentation and quotes here"
TAB = "yaml-syntax f:{}: cannot read YAML: a tab is used for indentation | indent with spaces, not tabs"
QUOTES = "yaml-syntax f:1:4: cannot read YAML: these quotes are not closed | close the quotes"
COLON = "cannot read YAML: this colon does not fit here | quote the text, or check the indentation"
DATA = "data belongs in data files, not in a spec"
DEEP = "nested deeper than 64 levels | flatten this part"
UNICODE = 'is not allowed | remove it, or write it as "\\u…" in double quotes'
UTF8 = "save the file as UTF-8"

REFUSED: dict[str | bytes, str] = {
    "a:\n\tb: 1": TAB.format("2:1"),
    "a: 1\n\tb: 2\n": TAB.format("2:1"),
    "a:\n  b: 1\n\tc: 2\n": TAB.format("3:1"),
    "a: 1\nb: 2\na: 3": 'duplicate-key f:3:1: key "a" is given twice (first on line 1) | keep one of the two',
    "x:\n  - {a: 1, 'a': 2}": 'duplicate-key f:2:12: key "a" is given twice (first on line 2) | keep one of the two',
    "a: *x": f"yaml-alias f:1:4: alias *x is not allowed | {OUT}",
    "*x : a": f"yaml-alias f:1:1: alias *x is not allowed | {OUT}",
    "a:\n  - &x 1": f"yaml-anchor f:2:5: anchor &x is not allowed | {OUT}",
    "a: &x\n  b: 1": f"yaml-anchor f:1:4: anchor &x is not allowed | {OUT}",
    "&x a: 1": f"yaml-anchor f:1:1: anchor &x is not allowed | {OUT}",
    "a: 1\n---\nb: 2": "yaml-documents f:2:1: a second document starts here | one file holds one document: split it",
    "a: !!str 1": "yaml-tag f:1:4: tag !!str is not allowed | remove it; quote the value if it is text",
    "!own {a: 1}": "yaml-tag f:1:1: tag !own is not allowed | remove it; quote the value if it is text",
    "a: !!python/object/apply:os.system [ls]": (
        "yaml-tag f:1:4: tag !!python/object/apply:os.system is not allowed | remove it; quote the value if it is text"
    ),
    "a: !e!x 1": "yaml-syntax f:1:4: cannot read YAML: tags (!) are not allowed | quote the value if it is text",
    "a:\n  <<: {b: 1}": (
        "yaml-merge f:2:3: merge keys (<<) are not allowed | write the keys out where they are needed"
    ),
    "1: a": 'yaml-key f:1:1: key 1 is not text | quote it: "1"',
    "a:\n  true: b": 'yaml-key f:2:3: key true is not text | quote it: "true"',
    "null: a": 'yaml-key f:1:1: key null is not text | quote it: "null"',
    "1.5: a": 'yaml-key f:1:1: key 1.5 is not text | quote it: "1.5"',
    "? [a]\n: b": "yaml-key f:1:3: a collection cannot be a key | keys are text",
    "{a: b}: c": "yaml-key f:1:1: a collection cannot be a key | keys are text",
    "on: push": 'yaml-ambiguous f:1:1: on is read as true by some YAML readers | quote it: "on"',
    "a: NO": 'yaml-ambiguous f:1:4: NO is read as false by some YAML readers | quote it: "NO"',
    "a: [yes]": 'yaml-ambiguous f:1:5: yes is read as true by some YAML readers | quote it: "yes"',
    "a: Off": 'yaml-ambiguous f:1:4: Off is read as false by some YAML readers | quote it: "Off"',
    "a: 010": 'yaml-ambiguous f:1:4: 010 is read as an octal number by some YAML readers | quote it: "010"',
    "a: 0o17": 'yaml-ambiguous f:1:4: 0o17 is read as an octal number by some YAML readers | quote it: "0o17"',
    "a: 0b11": 'yaml-ambiguous f:1:4: 0b11 is read as a binary number by some YAML readers | quote it: "0b11"',
    "a: 0x1_f": 'yaml-ambiguous f:1:4: 0x1_f is read as a hexadecimal number by some YAML readers | quote it: "0x1_f"',
    "a: 1_000": 'yaml-ambiguous f:1:4: 1_000 is read as a number by some YAML readers | quote it: "1_000"',
    "a: 1.0_0": 'yaml-ambiguous f:1:4: 1.0_0 is read as a number by some YAML readers | quote it: "1.0_0"',
    "a: 089": 'yaml-ambiguous f:1:4: 089 is read as a number by some YAML readers | quote it: "089"',
    "a: 12:30:45": (
        'yaml-ambiguous f:1:4: 12:30:45 is read as a number in base 60 by some YAML readers | quote it: "12:30:45"'
    ),
    "a: 2024-01-02": 'yaml-ambiguous f:1:4: 2024-01-02 is read as a date by some YAML readers | quote it: "2024-01-02"',
    "a: 2024-01-02T03:04:05Z": (
        "yaml-ambiguous f:1:4: 2024-01-02T03:04:05Z is read as a date by some YAML readers"
        ' | quote it: "2024-01-02T03:04:05Z"'
    ),
    "a: =": 'yaml-ambiguous f:1:4: = is read as a special value by some YAML readers | quote it: "="',
    "a: <<": 'yaml-ambiguous f:1:4: << is read as a merge of keys by some YAML readers | quote it: "<<"',
    "a: " + "9" * 5000: "yaml-number f:1:4: a number of 5000 digits is too long | quote it if it is text",
    "a: 0x" + "9" * 4998: "yaml-number f:1:4: a number of 5000 digits is too long | quote it if it is text",
    "a: 1e999": "yaml-number f:1:4: 1e999 is too large for a number | quote it if it is text; infinity is .inf",
    "a: 'x\nb: 1\n": QUOTES,
    'a: "x\nb: 1\n': QUOTES,
    'a: "x\n---\n': QUOTES,
    "a: 1\n}": f"yaml-syntax f:2:1: cannot read YAML: this does not fit the lines above | {HERE}",
    "a: [1]]": f"yaml-syntax f:1:7: cannot read YAML: this does not fit the lines above | {HERE}",
    "a: 'b' c": f"yaml-syntax f:1:8: cannot read YAML: this does not fit the lines above | {HERE}",
    "a: 1\n...\nb": (
        "yaml-syntax f:3:1: cannot read YAML: the document ended before this line | check indentation and brackets"
    ),
    "a: [1, 2\nb: 3": (
        "yaml-syntax f:2:2: cannot read YAML: the list that opens at 1:4 is not closed before this | add , or ]"
    ),
    "a: [1": "yaml-syntax f:1:6: cannot read YAML: the list that opens at 1:4 is not closed before this | add , or ]",
    "a: {b: 1\n": (
        "yaml-syntax f:2:1: cannot read YAML: the mapping that opens at 1:4 is not closed before this | add , or }"
    ),
    "a: [,]": "yaml-syntax f:1:5: cannot read YAML: a value is missing here | give a value, or remove the comma",
    "a: b: c": f"yaml-syntax f:1:5: {COLON}",
    "a: 1\n  b: 2": f"yaml-syntax f:2:4: {COLON}",
    "a: 1\nb\n": (
        "yaml-syntax f:2:1: cannot read YAML: a line without a colon among keys | write key: value, or indent the line"
    ),
    "- a\nb: 1": ("yaml-syntax f:2:1: cannot read YAML: this is not an item of the list above | check the indentation"),
    "a: - b": "yaml-syntax f:1:4: cannot read YAML: a list cannot start here | put the - on a line of its own",
    "a: @b": "yaml-syntax f:1:4: cannot read YAML: this character cannot start a value | quote the value",
    'a: "\\q"': (
        "yaml-syntax f:1:5: cannot read YAML: this escape is not known | double the backslash, or use single quotes"
    ),
    "%YAML 1.3\n---\na": (
        "yaml-syntax f:1:1: cannot read YAML: this version of YAML is not understood | remove the line"
    ),
    b"a: \xff": f"yaml-encoding f:1:4: byte 0xff is not UTF-8 | {UTF8}",
    b"\xef\xbb\xbfa: 1\n\xff": f"yaml-encoding f:2:1: byte 0xff is not UTF-8 | {UTF8}",
    "é: 1\r\né: ".encode() + b"\xfe": f"yaml-encoding f:2:4: byte 0xfe is not UTF-8 | {UTF8}",
    "a: 1".encode("utf-16"): f"yaml-encoding f:1:1: the file is UTF-16 | {UTF8}",
    "a: é\0": f"yaml-character f:1:5: character U+0000 {UNICODE}",
    "a: 1\nb: \x1b[0m": f"yaml-character f:2:4: character U+001B {UNICODE}",
    "a: x\u2028y": f"yaml-character f:1:5: character U+2028 {UNICODE}",
    "a: x\x85y": f"yaml-character f:1:5: character U+0085 {UNICODE}",
    "a: x\ufeff": f"yaml-character f:1:5: character U+FEFF {UNICODE}",
    "[" * 50_000: f"yaml-depth f:1:65: {DEEP}",
    "- " * 50_000: f"yaml-depth f:1:129: {DEEP}",
    "{a: " * 25_000: f"yaml-depth f:1:257: {DEEP}",
    "a: " + "x" * 10_000_000: f"yaml-size f:1:1: the file has 9.5 MiB; at most 4 MiB are read | {DATA}",
    "[" + "1," * (MAX_NODES - 1) + "1]": f"yaml-size f:1:1000000: more than 500,000 values | {DATA}",
}


@pytest.mark.parametrize(("text", "complaint"), REFUSED.items(), ids=lambda case: repr(case)[:30])
def test_what_readers_may_misread_is_refused_at_its_place(text: str | bytes, complaint: str) -> None:
    started = time.process_time()
    assert [shown(problem) for problem in problems(text)] == [complaint]
    assert time.process_time() - started < 5


def test_the_place_counts_characters_after_a_byte_order_mark_and_crlf() -> None:
    (problem,) = problems("\ufeff# 😀\r\nkey: é\r\nother: [é, 😀, NO]\r\n")
    assert problem.place == Place("f", 3, 15)


def test_all_problems_are_reported_in_the_order_of_the_file() -> None:
    found = problems("a: NO\nb: &x 1\nc: *x\na: 2\n1: 2\nd: [")
    assert [(p.code, p.place and p.place.line) for p in found] == [
        ("yaml-ambiguous", 1),
        ("yaml-anchor", 2),
        ("yaml-alias", 3),
        ("duplicate-key", 4),
        ("yaml-key", 5),
        ("yaml-syntax", 6),
    ]


def test_a_bomb_of_aliases_is_refused_alias_by_alias() -> None:
    levels = ["a0: &a0 [x, x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))]
    found = problems("\n".join(levels))
    assert {problem.code for problem in found} == {"yaml-anchor", "yaml-alias"}
    assert len(found) == 10 + 9 * 9


def test_a_file_full_of_problems_is_given_up_early() -> None:
    assert len(problems("[" + "*a, " * 900_000 + "]")) == MAX_PROBLEMS


def test_the_largest_file_and_depth_are_read() -> None:
    assert load("a: " + "x" * (MAX_BYTES - 3)).text[-1] == "x"
    assert load("[" * 64 + "]" * 64).value != ()


# --- places --------------------------------------------------------------------------------------------------------

SPEC = """\
# comment
columns:
  - name: age   # first
    "type": int
  - {name: sex, tags: [pii, 'x y']}
empty:
"""

PLACES = {
    (): (2, 1),
    ("columns",): (3, 3),
    ("columns", 0): (3, 5),
    ("columns", 0, "name"): (3, 11),
    ("columns", 0, "type"): (4, 13),
    ("columns", 1): (5, 5),
    ("columns", 1, "name"): (5, 12),
    ("columns", 1, "tags"): (5, 23),
    ("columns", 1, "tags", 0): (5, 24),
    ("columns", 1, "tags", 1): (5, 29),
    ("empty",): (6, 7),
}


def test_every_value_has_a_place_in_file_order() -> None:
    marks = load(SPEC).marks
    assert {path: mark.value for path, mark in marks.items()} == PLACES
    assert list(marks) == list(PLACES)
    assert len(marks) == len(PLACES)


def test_keys_have_places_of_their_own() -> None:
    document = load(SPEC)
    assert document.place(("columns", 0, "type"), key=True) == Place("f", 4, 5)
    assert document.place(("columns", 1, "tags", 0), key=True) == Place("f", 5, 24)


def test_what_is_not_written_has_the_place_of_what_should_hold_it() -> None:
    document = load(SPEC)
    assert document.place(("columns", 1, "dtype"), key=True) == Place("f", 5, 5)
    assert document.place(("columns", 7, "name")) == Place("f", 3, 3)
    assert document.place(("columns", "x", 0)) == Place("f", 3, 3)
    assert load("").place(("a",)) == Place("f", 1, 1)


def test_spans_cut_scalars_and_flow_collections_out_of_the_text() -> None:
    document = load(SPEC)
    cut = {path: document.text[mark.start : mark.end] for path, mark in document.marks.items()}
    assert cut["columns", 0, "name"] == "age"
    assert cut["columns", 1] == "{name: sex, tags: [pii, 'x y']}"
    assert cut["columns", 1, "tags", 1] == "'x y'"
    assert cut["empty",] == ""


def test_a_megabyte_takes_little_longer_than_its_events() -> None:
    data = "".join(f"- name: column_{n}\n  dtype: float64\n  min: {n}.5\n" for n in range(20_000)).encode()
    started = time.process_time()
    assert sum(1 for _ in yaml.parse(data, Loader=yaml.CSafeLoader)) > 160_000
    events = time.process_time() - started
    started = time.process_time()
    assert len(load(data).value) == 20_000
    # Measured: 2.3 times, 0.23 s/MB. Against the events, because a busy machine slows both.
    assert time.process_time() - started < 6 * events


# --- laws ----------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF), max_size=20)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)


def frozen(value: Any) -> Any:
    match value:
        case list():
            return tuple(frozen(item) for item in value)
        case dict():
            return {key: frozen(item) for key, item in value.items()}
        case _:
            return value


@RELAXED
@given(VALUES, st.sampled_from([None, 2]))
def test_json_is_read_as_json(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    # The one thing JSON allows and strict YAML does not: DEL as it is.
    assert repr(load(text.replace("\x7f", "\\u007f")).value) == repr(frozen(value))


# To a writer of YAML 1.1 "1e3" and "-.5" are text; to us they are numbers, because that is what people mean.
NO_NUMBERS = st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF, exclude_characters="0123456789"), max_size=9)


@RELAXED
@given(st.dictionaries(NO_NUMBERS, NO_NUMBERS | st.integers() | st.lists(NO_NUMBERS | st.booleans(), max_size=3)))
def test_what_a_yaml_writer_emits_is_read_or_refused_but_never_misread(value: Any) -> None:
    try:
        found = load(yaml.safe_dump(value, allow_unicode=True)).value
    except InvalidInput:
        return
    assert found == frozen(value)


PLAIN = st.text("0123456789+-._:xobeEynNYOo~=<TZ ", min_size=1, max_size=12) | st.sampled_from(
    ["yes", "No", "ON", "off", "true", "null", "1e3", "2001-1-1", "2001-01-01 1:00:00", "0777", "0x_", "1:1", ".5e+3"]
)


@RELAXED
@given(PLAIN)
def test_a_scalar_that_yaml_1_1_reads_as_another_value_is_refused(text: str) -> None:
    try:
        ours = load(f"a: {text}\n").value
        theirs = yaml.safe_load(f"a: {text}\n")
    except (InvalidInput, yaml.YAMLError, ValueError):
        return
    # What YAML 1.1 takes for text and 1.2 for a number is not refused: 1e-3 is what people write.
    assert repr(ours) == repr(theirs) or (isinstance(ours["a"], float) and isinstance(theirs["a"], str))


STRUCTURE = ["a", ": ", "- ", "? ", "\n", "\r\n", "\r", "\t", "  ", "[", "]", "{", "}", ", ", "'", '"', "|", ">", "#"]
STRANGE = [
    " #",
    "&x ",
    "*x",
    "!t ",
    "---\n",
    "...\n",
    "%",
    "@",
    "`",
    "é",
    "😀",
    "\0",
    "\ufeff",
    "\u2028",
    "1",
    "<<",
    "\\",
]
PIECES = st.sampled_from(STRUCTURE + STRANGE)


def outcome(text: str | bytes) -> Document | tuple[Diagnostic, ...]:
    try:
        return load(text)
    except InvalidInput as refused:
        return refused.diagnostics


@RELAXED
@given(st.lists(PIECES, max_size=30).map("".join))
def test_no_text_raises_anything_but_invalid_input(text: str) -> None:
    match outcome(text):
        case Document(marks=marks):
            assert all(0 <= mark.start <= mark.end <= len(text) for mark in marks.values())
        case complaints:
            assert all(problem.place and problem.hint for problem in complaints)


@RELAXED
@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_but_invalid_input(data: bytes) -> None:
    assert outcome(data)


@RELAXED
@given(st.data())
def test_no_mutation_of_a_spec_raises_anything_but_invalid_input(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(SPEC)))
    cut = data.draw(st.integers(0, 8))
    mutated = SPEC[:at] + data.draw(PIECES) + SPEC[at + cut :]
    match outcome(mutated):
        case Document(marks=marks):
            assert () in marks
        case complaints:
            assert all(problem.place and problem.place.line <= mutated.count("\n") + 2 for problem in complaints)
