"""The project of the page on forecasts: run, held against plain polars, repeated, served, and refused when it leaks."""

import json
import random
import re
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from mlops_runner import load_model, load_project
from mlops_runner.errors import InvalidInput

PAGE = Path(__file__).resolve().parents[2] / "docs" / "forecasting.md"
DAYS, CLOSED = 500, {"north": (100, 101), "south": (), "west": (250,)}
PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: sales
specs: {data: specs/data.yaml, training: specs/training.yaml, evaluation: specs/evaluation.yaml}
"""


def sales():
    """Three shops with a week, a trend and noise; days on which a shop does not report are not there."""
    draw, rows = random.Random(4), []
    for number, shop in enumerate(CLOSED):
        level = 50 + 30 * number
        for at in range(DAYS):
            level += draw.gauss(0.05, 1.2)
            day = date(2023, 1, 2) + timedelta(days=at)
            is_open = draw.random() > 0.08
            visitors = level * (1.0, 0.9, 0.95, 1.1, 1.4, 1.8, 0.6)[day.weekday()] * (0.3 if not is_open else 1.0)
            sold = max(0, round(visitors * draw.gauss(1, 0.08)))
            if at not in CLOSED[shop]:
                rows.append((day, shop, day.weekday(), is_open, round(visitors, 3), sold))
    draw.shuffle(rows)
    return pl.DataFrame(rows, ["day", "shop", "weekday", "open", "visitors", "sales"], orient="row")


@pytest.fixture
def shops(fresh, tmp_path):
    """The project of the page."""
    sandbox = type(fresh)(tmp_path / "shops")
    sandbox.root.mkdir()
    for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        file = re.match(r"# (\S+)\n", text)[1]
        sandbox.write(file, text)
    sandbox.write("pipeline.yaml", PIPELINE)
    (sandbox.root / "data").mkdir()
    sales().write_csv(sandbox.root / "data" / "sales.csv")
    sandbox.git("init", "-q", "-b", "main")
    sandbox.commit("sales")
    return sandbox


def rows_of(project, *sides):
    return pl.concat([pl.read_parquet(project.root / f"artifacts/data/{side}.parquet") for side in sides])


def test_the_project_of_the_page_forecasts_better_than_last_week_and_repeats_itself(shops):
    answer = shops.mlops("run")
    assert answer.code == 0, answer.err
    evidence = json.loads(shops.read("artifacts/evaluation/evaluation.json"))
    sides = evidence["intervals"]["sides"]
    assert (sides["test"]["unit"], sides["test"]["block"]) == ("block", 10)
    assert "resamples of blocks of moments per side" in shops.read(".mlops/report.html")
    assert {gate["answer"] for gate in evidence["gates"]} == {"pass"}
    assert [path["series"] for path in evidence["curves"]["paths"]].count("north") <= 1
    assert json.loads(shops.read("artifacts/data/quality.json"))["derived"]["holes"] == 3
    compare_with_polars(shops, evidence["metrics"])
    serve(shops)
    answer = shops.mlops("verify", "--rerun", "1")
    assert answer.code == 0, answer.out + answer.err


def compare_with_polars(project, metrics):
    """Compute the columns and the metrics of the naive forecast anew: on a full calendar, a lag is a shift."""
    table = rows_of(project, "train", "validation", "test")
    calendar = table.select(pl.date_ranges(pl.col("day").min(), pl.col("day").max()).explode().alias("day"))
    full = table.select("shop").unique().join(calendar, how="cross").join(table, ["shop", "day"], how="left")
    past = pl.col("sales").shift(7)
    anew = full.sort("shop", "day").select(
        "shop", "day",
        past.over("shop").alias("sales_lag_7"),
        past.rolling_mean(28, min_samples=5).over("shop").alias("sales_mean_7_28"),
        past.rolling_std(7, min_samples=5).over("shop").alias("sales_std_7_7"),
        (past - pl.col("sales").shift(14)).over("shop").cast(pl.Float64).alias("sales_diff_7_7"),
        (pl.col("sales") - past).abs().over("shop").alias("change"),
    )  # fmt: skip
    both = table.join(anew, ["shop", "day"], how="left", suffix="_anew", maintain_order="left")
    for name in ("sales_lag_7", "sales_diff_7_7"):
        assert both[name].equals(both[f"{name}_anew"].alias(name))
    for name in ("sales_mean_7_28", "sales_std_7_7"):
        assert (both[name] - both[f"{name}_anew"]).abs().max() < 1e-9
        assert both[name].is_null().equals(both[f"{name}_anew"].is_null())
    train = rows_of(project, "train").join(anew, ["shop", "day"], maintain_order="left")
    scale = train.group_by("shop").agg(pl.col("change").mean().alias("scale"))
    test = rows_of(project, "test").join(scale, "shop", maintain_order="left")
    naive = pl.coalesce("sales_lag_7", "sales_lag_14", pl.lit(rows_of(project, "train")["sales"].mean()))
    error = (pl.col("sales") - naive).abs()
    wanted = {
        "mae": error.mean(),
        "wape": error.sum() / pl.col("sales").sum(),
        "mase": (error / pl.col("scale")).mean(),
    }
    found = test.select(**wanted).row(0, named=True)
    assert {name: metrics["baseline"]["test"][name] for name in wanted} == {k: round(v, 6) for k, v in found.items()}


def serve(project):
    """A forecast for days to come, from the past and what is known of them."""
    model, table = load_model(project.root, check=True), sales()
    assert (model.record.task, "sales_lag_7" in model.record.columns) == ("forecasting", True)
    last = table["day"].max()
    ahead = [last + timedelta(days=at) for at in range(1, 8)]
    future = pl.DataFrame({"day": ahead, "weekday": [day.weekday() for day in ahead]}).join(
        table.select("shop").unique(maintain_order=True), how="cross"
    )
    rows = pl.concat([table, future.with_columns(open=pl.lit(True))], how="diagonal")
    derived = load_project(project.root).derive(rows)
    coming = derived.filter(pl.col("day") > last)
    assert coming["sales_lag_7"].null_count() == 0
    assert len(model.decide(coming)) == 21
    stored = rows_of(project, "test")
    again = stored.select("day", "shop").join(derived, ["day", "shop"], maintain_order="left")
    assert again.select(stored.columns).equals(stored)
    with pytest.raises(InvalidInput, match='the rows have no column "visitors"'):
        load_project(project.root).derive(rows.drop("visitors"))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("specs/data.yaml", "steps: [7, 14, 21]", "steps: [7, 14, 6]", "data.yaml:19:50"),
        ("specs/data.yaml", "known: [weekday, open]", "known: [weekday]", 'error[unknown-future]: "open"'),
        ("specs/data.yaml", "kind: time, time: day", "kind: random, seed: 1", "error[no-time-split]"),
        (
            "specs/training.yaml",
            "horizon: 7",
            "horizon: 0",
            "horizon must be at least 1, not 0\n  --> specs/training.yaml:6:10",
        ),
        ("specs/training.yaml", "sales_lag_7, sales", "sales_lag_8, sales", 'did you mean "sales_lag_7"?'),
    ],
)
def test_what_a_forecast_cannot_know_is_refused_by_the_plan(shops, file, old, new, said):
    shops.edit(file, old, new)
    answer = shops.mlops("plan")
    assert answer.code == 65
    assert said in answer.out + answer.err


def test_all_rows_of_a_side_may_not_be_lost_to_missing_lags(shops):
    shops.edit("specs/data.yaml", "steps: [7, 14, 21]", "steps: [7, 14, 600], missing: drop")
    answer = shops.mlops("run", "--no-report")
    assert answer.code == 65, answer.err
    assert "no row has a full past: the longest series has 500 steps, and the derived columns reach 600" in answer.err


def test_a_forecast_is_refitted_without_blocks_of_time_and_on_its_latest_rows(shops):
    gates = shops.read("specs/evaluation.yaml") + (
        "  seeds: {kind: stability, metric: mae, over: seeds, count: 3, max_spread: 5}\n"
        "  folds: {kind: stability, metric: mase, over: folds, max_spread: 1}\n"
        "learning_curve: {shares: [0.5]}\n"
    )
    shops.write("specs/evaluation.yaml", gates)
    answer = shops.mlops("run", "--no-report")
    assert answer.code == 0, answer.err
    evidence = json.loads(shops.read("artifacts/evaluation/evaluation.json"))
    folds = next(gate for gate in evidence["gates"] if gate["name"] == "folds")
    # A split by time has one block more than folds: the first is fitted on, and never held out.
    assert (folds["answer"], len(folds["details"])) == ("pass", 4)
    assert [point["share"] for point in evidence["learning_curve"]] == [0.5, 1.0]
    assert evidence["learning_curve"][-1]["test"] == evidence["metrics"][evidence["winner"]]["test"]
