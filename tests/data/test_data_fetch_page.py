"""The page about sources says what is so: its examples are valid, its table names every kind."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import TypeAdapter

from mlops_runner.specs.data_sources import Source
from mlops_runner.specs.locations import load_yaml

PAGE = (Path(__file__).parents[2] / "docs/data-sources.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(source:.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def of_kind(example):
    return re.search(r"^  kind: (\w+)", example, re.MULTILINE)[1]


@pytest.mark.parametrize("example", EXAMPLES, ids=of_kind)
def test_every_example_is_a_valid_source(example):
    found = TypeAdapter(Source).validate_python(load_yaml(example.encode(), "page").value["source"])
    assert found.kind == of_kind(example)


def test_there_is_an_example_and_a_row_for_every_kind():
    kinds = {get_args(part.model_fields["kind"].annotation)[0] for part in get_args(get_args(Source)[0])}
    assert {of_kind(example) for example in EXAMPLES} == kinds
    assert set(re.findall(r"^\| \[`(\w+)`\]", PAGE, re.MULTILINE)) == kinds
