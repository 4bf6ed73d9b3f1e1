"""Every example of docs/data-checks.md is done, and says what the page shows."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from checks_room import Room

from mlops_runner.data.checks.base import RULES
from mlops_runner.data.cleaning import clean
from mlops_runner.specs.locations import load_yaml

PAGE = (Path(__file__).parents[2] / "docs" / "data-checks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TABLE, BRANCHES = (text for kind, text in BLOCKS if kind == "csv")
(FUNCTION,) = (text for kind, text in BLOCKS if kind == "python")
EXAMPLES = [
    (shown, said)
    for (kind, shown), (after, said) in pairwise(BLOCKS)
    if kind == "yaml" and shown.startswith("- {") and after == "text"
]
# The page says what would stand in one row of it.
UNREADABLE = TABLE.replace(",5,,open", ",none,,open")
SIDES = np.array([0, 0, 0, 1, 1, 2], np.int8)


@pytest.fixture
def room(tmp_path, monkeypatch):
    (tmp_path / "rules.py").write_text(FUNCTION)
    (tmp_path / "branches.csv").write_text(BRANCHES)
    monkeypatch.syspath_prepend(tmp_path)
    return Room(tmp_path)


def parse(text):
    return load_yaml(text.encode(), "page.yaml").value


def done(room, shown):
    columns = parse(next(text for kind, text in BLOCKS if kind == "yaml" and text.startswith("columns:")))["columns"]
    (part,) = parse(f"parts:\n{shown}")["parts"]
    if part["kind"] in {"cast", "text", "replace", "fill", "clip", "filter", "drop_duplicates"}:
        spec = room.spec(columns, cleaning=[part])
        table, unread = room.table(spec, UNREADABLE if part["kind"] == "cast" else TABLE)
        return "".join(f"cleaned: {step}\n" for step in clean(spec, table, unread).steps)
    spec = room.spec(columns, [part], split={"kind": "time", "time": "granted"})
    inputs = {"checks.rules.0": room.folder / "branches.csv"}
    given = {"sides": SIDES} if part["kind"] == "leakage" else {}
    room.ask(spec, room.table(spec, TABLE)[0], inputs=inputs, **given)
    return "".join(
        f"error[{one.code}]: {one.message}\n  hint: {one.hint}\n"
        if one.severity == "error"
        else f"warning: {one.message}\n"
        for one in room.said
    )


@pytest.mark.parametrize(("shown", "said"), EXAMPLES, ids=[shown.strip() for shown, _ in EXAMPLES])
def test_an_example_says_what_the_page_shows(room, shown, said):
    assert done(room, shown) == said


def test_every_step_and_rule_has_an_example():
    kinds = set(re.findall(r"^- \{kind: (\w+)", "".join(shown for shown, _ in EXAMPLES), re.MULTILINE))
    steps = {"cast", "text", "replace", "fill", "clip", "filter", "drop_duplicates"}
    assert kinds == (steps | set(RULES)) - {"distribution"}
