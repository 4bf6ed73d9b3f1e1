"""The example of searches in a shop: a ranking from its rows to the bundle, and once more to the same bytes."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from sklearn.metrics import ndcg_score

from mlops_runner import load_model

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE, PAGE = ROOT / "examples" / "searches", ROOT / "docs" / "ranking.md"
QUICK = {
    "callables/searches.py": ("SEARCHES = 400", "SEARCHES = 120"),
    "specs/training.yaml": ("rounds: 200", "rounds: 30"),
    "specs/evaluation.yaml": ("min: 0.8, decide_on: interval", "min: 0.5, decide_on: interval"),
}


@pytest.fixture
def searches(example):
    """The example, smaller."""
    return example("searches", QUICK)


def test_the_example_of_searches_ranks_and_repeats_itself(searches):
    answer = searches.mlops("run")
    assert answer.code == 0, answer.err
    evidence = json.loads(searches.read("artifacts/evaluation/evaluation.json"))
    assert evidence["intervals"]["sides"]["test"]["unit"] == "query"
    assert len(evidence["worst_queries"]["queries"]) == 20
    assert evidence["worst_rows"] is None
    model = load_model(searches.root)
    rows = pl.read_parquet(searches.root / "artifacts/data/test.parquet")
    rows = rows.with_columns(score=pl.Series(model.predict(rows)))
    values = [
        ndcg_score([query["relevance"]], [query["score"]], k=10)
        for _, query in rows.group_by("search", maintain_order=True)
    ]
    assert evidence["metrics"][evidence["winner"]]["test"]["ndcg_at_10"] == round(float(np.mean(values)), 6)
    assert model.decide(rows.head(3)) == model.predict(rows.head(3)).tolist()
    answer = searches.mlops("verify", "--rerun", "1")
    assert answer.code == 0, answer.out + answer.err


def test_a_query_that_is_torn_between_sides_is_named(searches):
    searches.edit("specs/data.yaml", "{kind: group, group: search, seed: 3}", "{kind: hash, columns: [search, price]}")
    searches.edit("specs/training.yaml", "    search:\n      space:\n        max_depth: {min: 2, max: 4}\n"
                  "      method: grid\n      trials: 3\n", "")  # fmt: skip
    answer = searches.mlops("run", "--no-report")
    assert answer.code != 0
    assert 'queries have rows on the train and on the validation side ("search": ' in answer.err
    assert "split: {kind: group, group: search, seed: 1}" in answer.err


def test_the_page_shows_what_the_example_says():
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)]
    data, training = (yaml.safe_load((EXAMPLE / f"specs/{name}.yaml").read_text()) for name in ("data", "training"))
    assert blocks[0]["columns"].items() <= data["columns"].items()
    assert (blocks[0]["split"], blocks[0]["task"]) == (data["split"], training["task"])
    assert blocks[1]["ranker"].items() <= training["candidates"]["ranker"].items()


def test_the_page_shows_what_plan_says_of_a_random_split(searches):
    searches.edit("specs/data.yaml", "{kind: group, group: search, seed: 3}", "{kind: random, seed: 3}")
    answer = searches.call("plan")
    assert answer.code == 65
    assert answer.err.strip() in PAGE.read_text()


def test_a_ranking_is_refitted_on_other_seeds_without_folds_and_on_fewer_queries(searches):
    gates = searches.read("specs/evaluation.yaml") + (
        "  seeds: {kind: stability, metric: ndcg_at_10, over: seeds, count: 3, max_spread: 0.3}\n"
        "  folds: {kind: stability, metric: mrr, over: folds, max_spread: 0.3}\n"
        "learning_curve: {shares: [0.4]}\n"
    )
    searches.write("specs/evaluation.yaml", gates)
    answer = searches.mlops("run")
    assert answer.code == 0, answer.err
    evidence = json.loads(searches.read("artifacts/evaluation/evaluation.json"))
    assert {gate["name"]: gate["answer"] for gate in evidence["gates"]}["folds"] == "pass"
    part, full = evidence["learning_curve"]
    assert full["validation"] == evidence["metrics"][evidence["winner"]]["validation"]
    queries = pl.read_parquet(searches.root / "artifacts/data/train.parquet")["search"].value_counts()
    assert part["rows"] < 0.6 * full["rows"] == 0.6 * queries["count"].sum()
    assert "mrr of 3 fits without one fold each" in searches.read(".mlops/report.html")
