# ruff: noqa: E501
from pathlib import Path

import pytest
from spec_texts import parse

from mlops_runner.specs.reference import index, render, sections, words, write_reference
from mlops_runner.specs.schema import KINDS, example, model_of
from mlops_runner.specs.shapes import field_shape

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_page_is_the_generated_one(kind):
    committed = (REFERENCE / f"{kind.lower()}.md").read_text("utf-8")
    assert committed == render(kind), "run: python -m mlops_runner.specs.reference"


def test_the_committed_index_is_the_generated_one():
    assert (REFERENCE / "index.md").read_text("utf-8") == index()


def test_write_reference_writes_a_page_for_each_kind(tmp_path):
    paths = write_reference(tmp_path / "reference")
    assert [path.name for path in paths] == ["index.md", *(f"{kind.lower()}.md" for kind in KINDS)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_a_row_with_type_and_meaning(kind):
    rows = [line.split(" | ") for line in render(kind).split("\n") if line.startswith("| `")]
    documented = {row[0].removeprefix("| ").strip("`") for row in rows}
    for section in sections(model_of(kind)):
        for name in section.model.model_fields:
            assert (f"{section.path}.{name}" if section.path else name) in documented
    assert all(cell.strip() for row in rows for cell in row if len(row) >= 5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_holds_the_whole_example(kind):
    assert example(kind).rstrip("\n") in render(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_tables_have_the_same_number_of_cells_in_each_row(kind):
    page = render(kind).replace("\\|", "")
    inside, columns = False, 0
    for line in page.split("\n"):
        if line.startswith("```"):
            inside = not inside
        elif line.startswith("|---"):
            columns = line.count("|")
        elif line.startswith("| ") and not inside and columns:
            assert line.count("|") == columns, line
        elif not line:
            columns = 0


@pytest.mark.parametrize(
    ("kind", "field", "text"),
    [
        ("Rollout", "strategy", "`canary`, `blue_green`, `shadow`, `ab_test`"),
        ("Rollout", "progress_deadline", "a duration"),
        ("Rollout", "steps", "a list of mappings or null"),
        ("Training", "threads", "a whole number, at least 1 and at most 512"),
        ("Training", "positive", "a scalar"),
        ("Data", "columns", "a mapping of names to mappings"),
        ("Pipeline", "environments", "a list of a path in the project"),
    ],
)
def test_types_are_said_in_words(kind, field, text):
    assert words(field_shape(model_of(kind).model_fields[field])) == text


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("Rollout", "| The bake lasts longer than the labels of every metric required at it need to mature. | `bake-too-short` |"),
        ("Rollout", "| Warning: At most five metrics are guardrails. | `many-guardrails` |"),
        ("Environment", "| A ceiling above 0 needs a candidate. | `ceiling-without-candidate` | the ceiling is … %, but there is no candidate |"),
        ("Training", "`missing-positive` | a binary task needs the key positive |"),
        ("Data", "`target-count` | … columns have the role target; exactly one must |"),
    ],
)  # fmt: skip
def test_rules_are_listed_with_their_messages(kind, line):
    assert line in render(kind)


def test_the_forms_of_a_union_are_sections_of_their_own():
    page = render("Rollout")
    assert "### `metrics[].source` with `gateway`" in page
    assert "### `metrics[].test` with `kind: psi`" in page
    assert "### `hard_stops[]` with `when: error_rate`" in page


def test_the_default_in_the_table_is_the_default_of_the_model():
    assert "| `decision.alpha` | a number, more than 0 and less than 0.5 | `0.05` |" in render("Rollout")
    assert parse("Rollout", ("  alpha: 0.05\n", "")).decision.alpha == 0.05
