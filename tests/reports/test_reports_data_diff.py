import json
import re

import numpy as np
import polars as pl
import pytest

from mlops_runner.data.compare import compare
from mlops_runner.data.versions import Version
from mlops_runner.reports.builders.data_diff import build_data_report
from mlops_runner.reports.diff_data import data_json, data_lines
from mlops_runner.reports.render import render
from mlops_runner.specs.data import Column

COLUMNS = {
    "id": Column(type="int", role="id"),
    "income": Column(type="float"),
    "city": Column(type="string"),
    "name": Column(type="string", tags=("pii",)),
    "bought": Column(type="bool", role="target"),
}


def table(seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": np.arange(1_000),
            "income": draw.normal(100, 10, 1_000),
            "city": draw.choice(["Oslo", "Bergen"], 1_000),
            "name": draw.choice(["Ada", "Ben"], 1_000),
            "bought": draw.random(1_000) < 0.3,
        }
    )


def version(name: str, frame: pl.DataFrame) -> Version:
    columns = {column: COLUMNS[column] for column in frame.columns}
    return Version(name, columns, {"train": len(frame)}, None, {"train": frame.lazy()})


@pytest.fixture(scope="module")
def found():
    new = table().with_columns(
        pl.col("income") + 8,
        pl.when(pl.col("id") < 300).then(pl.lit("Tromsø <b>")).otherwise("city").alias("city"),
        pl.when(pl.col("id") < 300).then(pl.lit("Secret")).otherwise("name").alias("name"),
        ~pl.col("bought"),
    )
    return compare(version("main", table()), version("HEAD", new))


def test_lines_say_what_happened_to_each_column(found):
    text = "\n".join(data_lines(found))
    assert "1,000 rows changed (id: 0; 1; 2; 3; 4, …)" in text
    assert re.search(r'column "income": shifted, KS distance 0\.\d+ ≥ 0\.1 \(p < 1e-9\); 1,000 values changed', text)
    assert "new categories on 30.0 % of the rows: Tromsø <b>" in text
    assert 'target "bought": shifted' in text


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_personal_values_are_in_no_form(found, form):
    text = render(build_data_report(found), form) + json.dumps(data_json(found))
    assert "Secret" not in text
    assert "name" in text


def test_page_has_a_figure_for_each_shifted_column_that_may_be_shown(found):
    html = render(build_data_report(found), "html")
    assert html.count("<svg") == 3
    assert "Tromsø <b>" not in html
    assert "DIFFERENT" in html


def test_page_of_equal_data_says_so():
    report = build_data_report(compare(version("a", table()), version("b", table())))
    assert report.verdict.text == "1,000 rows and 5 columns are the same."
    assert "NO DIFFERENCE" in render(report, "html")
    assert "✅ **NO DIFFERENCE**" in render(report, "markdown")


def test_schema_and_rows_are_tables():
    new = table().drop("city").head(900).rename({"income": "salary"})
    COLUMNS["salary"] = COLUMNS["income"]
    text = render(build_data_report(compare(version("a", table()), version("b", new))), "text")
    assert re.search(r"salary +renamed +income +salary", text)
    assert re.search(r"city +gone +string", text)
    assert re.search(r"train +1,000 +900 +-100", text)


def test_json_keeps_its_shape(found):
    value = data_json(found)
    assert list(value) == ["version", "old", "new", "different", "basis", "key", "schema", "rows", "columns", "notes"]
    assert value["columns"]["city"]["tests"]["unseen"] == {
        "effect": 0.3, "threshold": 0.01, "p": pytest.approx(0), "rows": [1000, 1000], "answer": "shifted",
    }  # fmt: skip
    assert value["columns"]["name"]["new_categories"] == []


def test_every_target_has_its_shift():
    known = {**COLUMNS, "returned": Column(type="bool", role="target")}
    old = table().with_columns(returned=pl.col("bought"))
    new = table().with_columns(returned=~pl.col("bought"))
    columns = {name: known[name] for name in old.columns}
    versions = [Version(name, columns, {"train": 1_000}, None, {"train": frame.lazy()})
                for name, frame in (("main", old), ("HEAD", new))]  # fmt: skip
    found = compare(*versions)
    assert 'target "returned": shifted' in "\n".join(data_lines(found))
    section = next(one for one in build_data_report(found).sections if one.title == "Target")
    assert [dict(block.items)["Answer"] for block in section.blocks] == ["same", "shifted"]
