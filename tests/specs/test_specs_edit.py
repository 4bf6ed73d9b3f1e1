"""Edits of YAML: what is addressed changes, and every other character stays where it was."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mlops_runner.errors import InvalidInput, Place
from mlops_runner.specs import edit as edits_module
from mlops_runner.specs.edit import Edit, EditFailed, Insert, Remove, SetValue, apply
from mlops_runner.specs.locations import load_yaml
from mlops_runner.specs.yaml_text import Style, block_lines, flow_text, scalar_text

# A busy machine is slow, not wrong.
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def edited(text: str, *edits: Edit) -> str:
    return apply((text.encode(), "f"), edits)


def read(text: str) -> Any:
    return load_yaml(text.encode(), "f").value


ENVIRONMENT = """\
# yaml-language-server: $schema=environment.json
apiVersion: mlops/v1
kind: Environment

# What is served now.
stable: {digest: "sha256:aa", version: 3}   # approved by ann
candidate:
  digest: 'sha256:bb'  # trained on monday
  # percent of requests
  weight: 10
windows:
  - days: [mon, tue]
    from: "09:00"

  - days: [sat]
# the end
"""

CHANGED = {
    "a number": (SetValue(("candidate", "weight"), 25), "  weight: 10\n", "  weight: 25\n"),
    "text in single quotes": (SetValue(("candidate", "digest"), "it's"), "'sha256:bb'  #", "'it''s'  #"),
    "text in double quotes": (SetValue(("windows", 0, "from"), "on\n"), '"09:00"', '"on\\n"'),
    "plain text": (SetValue(("kind",), "Other"), "kind: Environment\n", "kind: Other\n"),
    "plain text that needs quotes": (SetValue(("kind",), "no"), "kind: Environment\n", 'kind: "no"\n'),
    "quoted text to a number": (SetValue(("windows", 0, "from"), 9), '"09:00"', "9"),
    "in braces": (SetValue(("stable", "version"), 4), "version: 3}", "version: 4}"),
    "an item in brackets": (SetValue(("windows", 0, "days", 1), "a, b"), "[mon, tue]", '[mon, "a, b"]'),
    "a list in brackets": (SetValue(("windows", 1, "days"), ["sun"]), "[sat]", "[sun]"),
    "a block to null": (
        SetValue(("candidate",), None),
        "candidate:\n  digest: 'sha256:bb'  # trained on monday\n  # percent of requests\n  weight: 10\n",
        "candidate: null\n",
    ),
    "a scalar to a block": (
        SetValue(("candidate", "weight"), {"a": 1, "b": [2, {"c": 3}]}),
        "weight: 10\n",
        "weight:\n    a: 1\n    b:\n      - 2\n      - c: 3\n",
    ),
    "a comment stays above a new block": (
        SetValue(("candidate", "digest"), ["x"]),
        "digest: 'sha256:bb'  # trained on monday\n",
        "digest:  # trained on monday\n    - x\n",
    ),
    "a new key": (Insert(("candidate", "since"), "2024-01-01"), "10\n", '10\n  since: "2024-01-01"\n'),
    "a new key at the top": (Insert(("owners",), []), "[sat]\n", "[sat]\nowners: []\n"),
    "a new key in braces": (Insert(("stable", "by"), "ann"), "version: 3}", "version: 3, by: ann}"),
    "a new item": (
        Insert(("windows", 2), {"days": ["x"], "to": 1}),
        "[sat]\n",
        "[sat]\n  - days:\n      - x\n    to: 1\n",
    ),
    "a new item in brackets": (Insert(("windows", 1, "days", 1), "sun"), "[sat]", "[sat, sun]"),
    "a key goes with its comments": (Remove(("candidate", "weight")), "  # percent of requests\n  weight: 10\n", ""),
    "a key behind a dash": (Remove(("windows", 0, "days")), '- days: [mon, tue]\n    from: "', '- from: "'),
    "a key in braces": (Remove(("stable", "digest")), '{digest: "sha256:aa", ', "{"),
    "the last key in braces": (Remove(("stable", "version")), ", version: 3}", "}"),
    "an item": (Remove(("windows", 1)), "  - days: [sat]\n", ""),
    "the only item in brackets": (Remove(("windows", 1, "days", 0)), "[sat]", "[]"),
    "the only key": (Remove(("windows", 1, "days")), "- days: [sat]", "- {}"),
    "a key with a heading": (
        Remove(("stable",)),
        '# What is served now.\nstable: {digest: "sha256:aa", version: 3}   # approved by ann\n',
        "",
    ),
}


@pytest.mark.parametrize(("edit", "old", "new"), CHANGED.values(), ids=CHANGED)
def test_only_what_is_addressed_changes(edit: Edit, old: str, new: str) -> None:
    assert ENVIRONMENT.count(old) == 1
    assert edited(ENVIRONMENT, edit) == ENVIRONMENT.replace(old, new)


SMALL = {
    "missing final newline": ("a: 1", Insert(("b",), 2), "a: 1\nb: 2"),
    "missing final newline, removed": ("a: 1\nb: 2", Remove(("b",)), "a: 1"),
    "missing final newline, removed with its comment": ("a: 1\n# two\nb: 2", Remove(("b",)), "a: 1"),
    "windows": ("a: 1\r\nb:\r\n  c: 2\r\n", Insert(("b", "d"), [3]), "a: 1\r\nb:\r\n  c: 2\r\n  d:\r\n    - 3\r\n"),
    "windows, removed": ("a: 1\r\n# x\r\nb: 2\r\nc: 3\r\n", Remove(("b",)), "a: 1\r\nc: 3\r\n"),
    "byte order mark": ("\ufeffa: 1\n", SetValue(("a",), 2), "\ufeffa: 2\n"),
    "astral characters before": ("a: 😀\nb: 1 # é\n", SetValue(("b",), 2), "a: 😀\nb: 2 # é\n"),
    "empty value": ("a:\nb: 1\n", SetValue(("a",), 2), "a: 2\nb: 1\n"),
    "empty value with a comment": ("a: # why\nb: 1\n", SetValue(("a",), 2), "a: 2 # why\nb: 1\n"),
    "empty value to a block": ("a: # why\nb: 1\n", SetValue(("a",), {"c": 1}), "a: # why\n  c: 1\nb: 1\n"),
    "empty item": ("-\n- 1\n", SetValue((0,), 2), "- 2\n- 1\n"),
    "empty item to a block": ("-  # x\n- 1\n", SetValue((0,), {"a": 1, "b": 2}), "-  # x\n  a: 1\n  b: 2\n- 1\n"),
    "empty in braces": ("{a: , b: 1}", SetValue(("a",), 2), "{a: 2, b: 1}"),
    "empty behind a colon": ('{"a":}', SetValue(("a",), 2), '{"a": 2}'),
    "key without colon": ("{a, b: 1}", SetValue(("a",), 2), "{a: 2, b: 1}"),
    "value on the next line": ("a: # x\n  1 # y\n", SetValue(("a",), 2), "a: 2 # x # y\n"),
    "several lines of plain text": ("a: b\n  c # x\nd: 1\n", SetValue(("a",), 2), "a: 2 # x\nd: 1\n"),
    "literal": ("a: |\n  x\n  y\n\nb: 1\n", SetValue(("a",), "z"), "a: z\n\nb: 1\n"),
    "after a literal": ("a: |\n  x\n", Insert(("b",), 1), "a: |\n  x\nb: 1\n"),
    "after a literal that keeps its end": ("a: |+\n  x\n\n", Insert(("b",), 1), "a: |+\n  x\n\nb: 1\n"),
    "indentation of four": ("a:\n    b: 1\n", Insert(("c",), {"d": 1}), "a:\n    b: 1\nc:\n    d: 1\n"),
    "dashes below the key": ("a:\n- 1\n", Insert(("b",), [2]), "a:\n- 1\nb:\n- 2\n"),
    "item of a list in a list": ("- - 1\n  - 2\n- 3\n", Remove((0, 0)), "- - 2\n- 3\n"),
    "new item of a list in a list": ("- - 1\n- 3\n", Insert((0, 1), 2), "- - 1\n  - 2\n- 3\n"),
    "item to a list": ("- 1 # x\n- 3\n", SetValue((0,), [1, 2]), "- # x\n  - 1\n  - 2\n- 3\n"),
    "item to a mapping": ("- 1\n- 3\n", SetValue((0,), {"a": 1, "b": 2}), "- a: 1\n  b: 2\n- 3\n"),
    "key behind a dash with a comment below": (
        "- a: 1\n  # two\n  b: 2\n",
        Remove((0, "a")),
        "- # two\n  b: 2\n",
    ),
    "only key": ("# top\na: 1 # x\n", Remove(("a",)), "# top\n{}\n"),
    "only key below a key": ("a: # x\n  b: 1 # y\nc: 2\n", Remove(("a", "b")), "a: {} # x\nc: 2\n"),
    "key into what was empty": ("a: {} # x\nc: 2\n", Insert(("a", "b"), 1), "a: # x\n  b: 1\nc: 2\n"),
    "item into what was empty": ("a: []\n", Insert(("a", 0), 1), "a:\n  - 1\n"),
    "empty in brackets": ("[{}, []]", Insert((0, "a"), 1), "[{a: 1}, []]"),
    "comments on the file stay": (
        "# @owner ann\n# yaml-language-server: x\n# one\na: 1\nb: 2\n",
        Remove(("a",)),
        "# @owner ann\n# yaml-language-server: x\nb: 2\n",
    ),
    "comments above another indentation stay": (
        "a:\n  b: 1\n  # inner\nc: 2\nd: 3\n",
        Remove(("c",)),
        "a:\n  b: 1\n  # inner\nd: 3\n",
    ),
    "comments above an empty line stay": ("a: 1\n# x\n\nb: 2\nc: 3\n", Remove(("b",)), "a: 1\n# x\n\nc: 3\n"),
    "one per line": ("[\n  1, # x\n  2  # y\n]\n", Insert((2,), 3), "[\n  1, # x\n  2,  # y\n  3\n]\n"),
    "one per line with a last comma": ("[\n  1, # x\n]\n", Insert((1,), 3), "[\n  1, # x\n  3,\n]\n"),
    "one per line, removed": ("[\n  1, # x\n  2,\n]\n", Remove((0,)), "[\n  2,\n]\n"),
    "one line with a last comma": ("[1, 2,]", Remove((1,)), "[1, ]"),
    "trailing comma": ("{a: 1,}", Insert(("b",), 2), "{a: 1, b: 2}"),
    "pair in brackets": ("[a: 1, b]", SetValue((0, "a"), 2), "[a: 2, b]"),
    "a quoted key": ("'a: b': 1 # x\n", SetValue(("a: b",), [1]), "'a: b': # x\n  - 1\n"),
    "a new key that needs quotes": ("a: 1\n", Insert(("on",), 1), 'a: 1\n"on": 1\n'),
    "whole scalar": ("1 # x\n", SetValue((), 2), "2 # x\n"),
    "whole mapping": ("# x\na: 1\n", SetValue((), {"b": [1]}), "# x\nb:\n  - 1\n"),
    "nothing at all": ("", SetValue((), {"b": 1}), "b: 1\n"),
    "only comments": ("# x", SetValue((), {"b": 1}), "# x\nb: 1\n"),
    "end marker": ("--- 1\n...\n", SetValue((), {"a": 2}), "--- \na: 2\n...\n"),
}


@pytest.mark.parametrize(("text", "edit", "expected"), SMALL.values(), ids=SMALL)
def test_every_way_of_writing_is_kept(text: str, edit: Edit, expected: str) -> None:
    assert edited(text, edit) == expected


def test_edits_are_applied_one_after_the_other() -> None:
    text = edited("a: 1\n", Insert(("b",), {}), Insert(("b", "c"), 2), SetValue(("a",), "x"), Remove(("a",)))
    assert text == "b:\n  c: 2\n"


def test_the_style_is_learnt_before_the_first_edit() -> None:
    chosen = [SetValue(("a",), 1), SetValue(("b",), [2])]
    assert edited("a:\n- 1\nb: 1\n", *chosen) == edited("a:\n- 1\nb: 1\n", *reversed(chosen)) == "a: 1\nb:\n- 2\n"


def test_a_document_that_is_read_already_can_be_edited() -> None:
    assert apply(load_yaml(b"a: 1\n", "f"), [SetValue(("a",), 2)]) == "a: 2\n"


# --- complaints ----------------------------------------------------------------------------------------------------

UNKNOWN = {
    "near": (SetValue(("candidate", "wieght"), 1), "f:8:3: there is no candidate.wieght", 'did you mean "weight"?'),
    "far": (Remove(("stable", "x")), "f:6:9: there is no stable.x", "known keys: digest, version"),
    "above": (SetValue(("candidat", "weight"), 1), "f:2:1: there is no candidat", 'did you mean "candidate"?'),
    "item": (Remove(("windows", 2)), "f:12:3: there is no windows.2", "the list has 2 items, counted from 0"),
    "below a scalar": (SetValue(("kind", "x"), 1), "f:3:7: there is no kind.x", "it is not a mapping or a list"),
    "there already": (Insert(("kind",), 1), "f:3:7: kind is there already", "set its value instead"),
    "not the end": (Insert(("windows", 5), 1), "f:12:3: nothing can be added at windows.5", "the list has 2 items"),
    "to a scalar": (
        Insert(("kind", "x"), 1),
        "f:3:7: nothing can be added at kind.x",
        "write it as a mapping or a list",
    ),
    "everything": (Remove(()), "f:2:1: f as a whole cannot take remove", "address a key in it"),
}


@pytest.mark.parametrize(("edit", "message", "hint"), UNKNOWN.values(), ids=UNKNOWN)
def test_a_path_that_does_not_fit_is_refused_at_its_place(edit: Edit, message: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        edited(ENVIRONMENT, edit)
    (found,) = caught.value.diagnostics
    assert (str(found), found.hint, found.code) == (message, hint, "unknown-path")
    assert isinstance(found.place, Place)


def test_a_result_that_is_not_what_was_asked_for_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits_module, "replace", lambda page, path, value: page.text)
    with pytest.raises(EditFailed, match="instead of"):
        edited("a: 1\n", SetValue(("a",), 2))


def test_what_yaml_cannot_say_is_a_bug_of_the_caller() -> None:
    with pytest.raises(TypeError, match="object cannot be written as YAML"):
        edited("a: 1\n", SetValue(("a",), object()))


# --- how values are written ----------------------------------------------------------------------------------------

TEXTS = st.text(max_size=12) | st.text("0123456789.:-_eE+xo", max_size=8) | st.sampled_from(
    ["yes", "NO", "on", "y", "null", "~", "", " a", "a ", "a: b", "a #b", "#a", "- a", "a:", "---", "1e3", "0x1", "=",
     "<<", "2024-01-01", "12:30", "\ufeff", "\x7f", "\u2028", "a\nb", "it's", 'say "x"', "[a]", "*a", "&a", "!a", "%a"]
)  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@RELAXED
@given(VALUES, st.sampled_from([Style(), Style(step=4, dash=0), Style(dash=0)]))
def test_what_is_written_reads_the_same_here_and_with_yaml_1_1(value: Any, style: Style) -> None:
    for text in (flow_text(value), "\n".join(block_lines(value, style))):
        assert repr(read(text)) == repr(value)
        assert repr(as_tuples(yaml.safe_load(text))) == repr(value)


@RELAXED
@given(TEXTS, st.sampled_from(["'", '"']))
def test_quotes_are_kept_where_they_can_hold_the_text(text: str, quote: str) -> None:
    written = scalar_text(text, quote=quote)
    assert read(written) == text
    assert written[0] == quote or not text.isprintable()


def as_tuples(value: Any) -> Any:
    match value:
        case list() | tuple():
            return tuple(as_tuples(item) for item in value)
        case dict():
            return {key: as_tuples(item) for key, item in value.items()}
        case _:
            return value


# --- laws: on documents written in every style ---------------------------------------------------------------------


@dataclass
class Writer:
    """Writes a value as a person might: comments, quotes, brackets and indentation as they come."""

    data: st.DataObject
    step: int = 2
    dash: int = 0
    comments: int = 0
    lines: list[str] = field(default_factory=list)

    def chance(self, percent: int) -> bool:
        return self.data.draw(st.integers(0, 99)) < percent

    def comment(self) -> str:
        self.comments += 1
        return f"# note-{self.comments}."

    def behind(self) -> str:
        return f"  {self.comment()}" if self.chance(25) else ""

    def above(self, indent: int) -> None:
        for _ in range(self.data.draw(st.sampled_from([0, 0, 0, 1, 2]))):
            self.lines.append(" " * indent + self.comment() if self.chance(60) else "")

    def inline(self, value: Any) -> str:
        if isinstance(value, str):
            return scalar_text(value, quote=self.data.draw(st.sampled_from(["", "'", '"'])), flow=True)
        if isinstance(value, dict):
            space = " " if self.chance(30) else ""
            pairs = ", ".join(f"{self.inline(key)}: {self.inline(item)}" for key, item in value.items())
            return f"{{{space}{pairs}{space}}}" if value else "{}"
        if isinstance(value, tuple):
            comma = ", " if value and self.chance(15) else ""
            return f"[{', '.join(map(self.inline, value))}{comma}]"
        return scalar_text(value)

    def block(self, value: Any, indent: int, prefix: str = "") -> None:
        """Write a collection; `prefix` is what stands in the first line already."""
        parts = value.items() if isinstance(value, dict) else ((None, item) for item in value)
        for key, item in parts:
            if not prefix:
                self.above(indent)
            head = (prefix or " " * indent) + ("-" if key is None else f"{self.inline(key)}:")
            prefix = ""
            self.entry(head, key is None, item, indent)

    def entry(self, head: str, is_item: bool, item: Any, indent: int) -> None:
        if not isinstance(item, dict | tuple) or not item or self.chance(30):
            written = "" if item is None and self.chance(50) else f" {self.inline(item)}"
            self.lines.append(f"{head}{written}{self.behind()}")
            return
        deeper = indent + (2 if is_item else self.step if isinstance(item, dict) else self.dash)
        if is_item and self.chance(70):
            self.block(item, deeper, f"{head} ")
            return
        self.lines.append(f"{head}{self.behind()}")
        self.block(item, deeper)


NAMES = st.sampled_from(["alpha", "beta", "gamma", "on", "a: b", "e#f", "it's"])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 99), st.sampled_from([0.5, 1e-7]), NAMES, st.just("two\nlines")
)
COLLECTIONS = st.recursive(
    st.lists(LEAVES, max_size=3).map(tuple) | st.dictionaries(NAMES, LEAVES, max_size=3),
    lambda inner: st.lists(inner | LEAVES, max_size=3).map(tuple) | st.dictionaries(NAMES, inner | LEAVES, max_size=3),
    max_leaves=6,
)
MAPPINGS = st.dictionaries(NAMES, COLLECTIONS | LEAVES, min_size=3, max_size=4)


@st.composite
def documents(draw: st.DrawFn, values: st.SearchStrategy[Any] = COLLECTIONS) -> str:
    value = draw(values.filter(bool))
    step = draw(st.sampled_from([2, 3, 4]))
    writer = Writer(draw(st.data()), step, draw(st.sampled_from([0, 2, step])))
    writer.block(value, 0)
    writer.above(0)
    text = draw(st.sampled_from(["\n", "\r\n"])).join([*writer.lines, ""])
    assert repr(read(text)) == repr(value)
    return text.rstrip("\r\n") if draw(st.booleans()) else text


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
    return [path, *(inner for key, item in parts for inner in paths(item, (*path, key)))]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


@st.composite
def edits(draw: st.DrawFn, value: Any) -> Edit:
    path = draw(st.sampled_from(paths(value)[1:]))
    new = draw(LEAVES | COLLECTIONS)
    owners = [owner for owner in paths(value) if isinstance(at(value, owner), dict | tuple)]
    owner = draw(st.sampled_from(owners))
    added = "new" if isinstance(at(value, owner), dict) else len(at(value, owner))
    return draw(st.sampled_from([SetValue(path, new), Remove(path), Insert((*owner, added), new)]))


def model(value: Any, edit: Edit) -> Any:
    """The edit done the plain way, on lists and dictionaries."""
    value = json.loads(json.dumps(value))
    owner = at(value, edit.path[:-1])
    match edit:
        case SetValue(path=path, value=new):
            owner[path[-1]] = new
        case Insert(path=path, value=new) if isinstance(owner, list):
            owner.append(new)
        case Insert(path=path, value=new):
            owner[path[-1]] = new
        case Remove(path=path):
            del owner[path[-1]]
    return as_tuples(value)


def notes(text: str) -> set[str]:
    return set(re.findall(r"# note-\d+\.", text))


@RELAXED
@given(documents(), st.data())
def test_the_result_reads_as_the_value_with_the_edit_applied(text: str, data: st.DataObject) -> None:
    edit = data.draw(edits(read(text)))
    assert repr(read(edited(text, edit))) == repr(model(read(text), edit))


@RELAXED
@given(documents(), st.data())
def test_setting_a_value_it_has_already_changes_nothing(text: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths(read(text))))
    assert edited(text, SetValue(path, at(read(text), path))) == text


@RELAXED
@given(documents(), st.data())
def test_setting_a_scalar_changes_its_span_only(text: str, data: st.DataObject) -> None:
    document = load_yaml(text.encode(), "f")
    written = [p for p, mark in document.marks.items() if not isinstance(at(document.value, p), dict | tuple)]
    written = [path for path in written if document.marks[path].start < document.marks[path].end]
    assume(written)
    path = data.draw(st.sampled_from(written))
    mark = document.marks[path]
    result = edited(text, SetValue(path, data.draw(LEAVES)))
    assert result.startswith(text[: mark.start])
    assert result.endswith(text[mark.end :])


@RELAXED
@given(documents(), st.data())
def test_inserting_into_a_block_adds_lines_and_touches_none(text: str, data: st.DataObject) -> None:
    value, document = read(text), load_yaml(text.encode(), "f")
    blocks = [path for path, mark in document.marks.items() if at(value, path) and text[mark.start] not in "{["]
    blocks = [path for path in blocks if isinstance(at(value, path), dict | tuple)]
    blocks = [
        path for path in blocks if all(text[document.marks[path[:n]].start] not in "{[" for n in range(len(path)))
    ]
    owner = data.draw(st.sampled_from(blocks))
    added = "new" if isinstance(at(value, owner), dict) else len(at(value, owner))
    result = edited(text, Insert((*owner, added), data.draw(LEAVES | COLLECTIONS)))
    before, after = text.splitlines(), result.splitlines()
    at_line = next((n for n, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), len(before))
    assert after[len(after) - (len(before) - at_line) :] == before[at_line:]
    assert notes(result) == notes(text)


@RELAXED
@given(documents(), st.data())
def test_comments_survive_unless_what_they_belong_to_goes(text: str, data: st.DataObject) -> None:
    document = load_yaml(text.encode(), "f")
    edit = data.draw(edits(document.value))
    lost = notes(text) - notes(edited(text, edit))
    if isinstance(edit, Insert):
        assert not lost
        return
    below = [mark for path, mark in document.marks.items() if path[: len(edit.path)] == edit.path]
    first, last = document.marks[edit.path].key[0] - 1, max(mark.value[0] for mark in below)
    lines = text.splitlines()
    while first > 0 and re.fullmatch(r"\s*(?:#.*)?|[- ]*-(?: +#.*)?", lines[first - 1]):
        first -= 1
    assert lost <= notes("\n".join(lines[first:last]))


@RELAXED
@given(documents(MAPPINGS), st.data())
def test_edits_of_different_keys_commute(text: str, data: st.DataObject) -> None:
    value = read(text)
    one, other = data.draw(st.lists(st.sampled_from(sorted(value)), min_size=2, max_size=2, unique=True))
    chosen: list[Edit] = [
        data.draw(st.sampled_from([SetValue((key,), data.draw(LEAVES | COLLECTIONS)), Remove((key,))]))
        for key in (one, other)
    ]
    assert edited(text, *chosen) == edited(text, *reversed(chosen))


@RELAXED
@given(documents(MAPPINGS), st.data())
def test_inserting_and_removing_again_leaves_the_text(text: str, data: st.DataObject) -> None:
    value = read(text)
    owners = [path for path in paths(value) if isinstance(at(value, path), dict) and at(value, path)]
    path = (*data.draw(st.sampled_from(owners)), "new")
    again = edited(text, Insert(path, data.draw(LEAVES | COLLECTIONS)), Remove(path))
    assert without_last_commas(again) == without_last_commas(text)


def without_last_commas(text: str) -> str:
    return re.sub(r",?\s*([]}])", r"\1", text)
