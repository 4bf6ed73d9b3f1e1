"""Training of rankings: queries as XGBoost reads them, every kind of trainer, and tables as they should not be."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import xgboost as library
from sklearn.linear_model import Ridge
from train_tables import sklearn, training, xgboost

from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.specs.data import Column
from mlops_runner.specs.training_trainers import CommandTrainer, PythonTrainer
from mlops_runner.train.artifacts import load_candidate, predict
from mlops_runner.train.fit import fit
from mlops_runner.train.sides import read_sides
from mlops_runner.train.trainers.base import check
from mlops_runner.train.tuning.folds import declared_folds

COLUMNS = {
    "query": Column(type="int", role="group"),
    "a": Column(type="float"),
    "b": Column(type="float"),
    "y": Column(type="int", role="target"),
}


def rows(seed: int, first: int = 0, queries: int = 30) -> pl.DataFrame:
    """Queries of three to nine rows, in a mixed order of the table."""
    random = np.random.default_rng(seed)
    query = random.permutation(np.repeat(np.arange(queries), random.integers(3, 10, queries)))
    a, b = random.normal(size=len(query)), random.normal(size=len(query))
    y = np.digitize(a + random.normal(size=len(query)) / 4, [0.3, 1.0])
    return pl.DataFrame({"query": query + first, "a": a, "b": b, "y": y})


def attempt(folder: Path, trainer: Any, train: pl.DataFrame | None = None, **fields: Any) -> np.ndarray:
    """Train, and predict the validation side."""
    validation = fields.pop("validation", rows(2, 100))
    columns = {**COLUMNS, **fields.pop("columns", {})}
    (rows(1) if train is None else train).write_parquet(folder / "train.parquet")
    validation.write_parquet(folder / "validation.parquet")
    fit(training("ranking", **fields), trainer, columns, folder, folder / "out", lambda _: None)
    return predict(load_candidate(folder / "out"), validation)


def by_hand(objective: str, weight: np.ndarray | None = None) -> np.ndarray:
    """The scores of a plain script that sorts the rows by query."""
    train = rows(1)
    first = {value: at for at, value in enumerate(train["query"].unique(maintain_order=True))}
    number = np.array([first[value] for value in train["query"]])
    order = np.argsort(number, kind="stable")
    x, y = train.select("a", "b").to_numpy()[order], train["y"].to_numpy()[order]
    side = library.DMatrix(x, np.minimum(y, 1) if objective == "rank:map" else y, qid=number[order], weight=weight)
    params = {"objective": objective, "max_depth": 2, "seed": 7, "nthread": 1}
    return library.train(params, side, num_boost_round=8).inplace_predict(rows(2, 100).select("a", "b").to_numpy())


@pytest.mark.parametrize("objective", ["rank:ndcg", "rank:pairwise", "rank:map"])
def test_a_ranker_is_that_of_a_plain_script_to_the_last_bit(tmp_path: Path, objective: str) -> None:
    train, validation = rows(1), rows(2, 100)
    if objective == "rank:map":
        train, validation = (frame.with_columns(pl.col("y").clip(0, 1)) for frame in (train, validation))
    found = attempt(tmp_path, xgboost(8, objective=objective, max_depth=2), train, validation=validation)
    assert (found == by_hand(objective)).all()


def test_rows_of_a_query_weigh_what_the_query_weighs(tmp_path: Path) -> None:
    weighed = (pl.col("query") % 3 + 1.0).alias("w")
    columns = {"w": Column(type="float", role="weight")}
    train = rows(1).with_columns(weighed)
    options = {"validation": rows(2, 100).with_columns(weighed), "columns": columns}
    found = attempt(tmp_path, xgboost(8, max_depth=2), train, **options)
    weight = train["query"].unique(maintain_order=True).to_numpy() % 3 + 1.0
    assert (found == by_hand("rank:ndcg", weight)).all()
    with pytest.raises(StepFailed, match='weight column "w" differs within a query'):
        attempt(tmp_path, xgboost(8), train.with_columns((pl.col("a").abs() + 1).alias("w")), **options)


def test_a_regressor_ranks_row_by_row(tmp_path: Path) -> None:
    found = attempt(tmp_path, sklearn("linear_model.Ridge"))
    x, y = rows(1).select("a", "b").to_numpy(), rows(1)["y"].to_numpy()
    expected = Ridge(random_state=7).fit(x, y).predict(rows(2, 100).select("a", "b").to_numpy())
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_classifier_ranks_nothing() -> None:
    (found,) = check(sklearn("linear_model.LogisticRegression"), "ranking")
    assert found.message == "sklearn.linear_model.LogisticRegression is a classifier; a ranking task needs a regressor"


def test_early_stopping_watches_the_order_of_the_validation_side(tmp_path: Path) -> None:
    attempt(tmp_path, xgboost(200, 5, eval_metric="ndcg@3", learning_rate=1.0))
    record = load_candidate(tmp_path / "out").record
    assert record.signature.query == "query"
    assert record.best_iteration is not None
    best = max(record.curve["validation"]["ndcg@3"])
    assert record.curve["validation"]["ndcg@3"][record.best_iteration] == best


def test_a_function_of_the_project_is_given_queries_when_it_asks(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "rank_by_hand.py").write_text(
        "import xgboost\n"
        "def train(x, y, *, seed, query, validation):\n"
        "    assert len(query) == len(y) and query[0] == 0 and len(validation) == 3\n"
        "    order = query.argsort(kind='stable')\n"
        "    side = xgboost.DMatrix(x.to_numpy()[order], y[order], qid=query[order], feature_names=x.columns)\n"
        "    params = {'objective': 'rank:ndcg', 'max_depth': 2, 'seed': seed, 'nthread': 1}\n"
        "    return xgboost.train(params, side, num_boost_round=8)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = attempt(tmp_path, PythonTrainer(trainer="python", callable="rank_by_hand:train"))
    assert (found == by_hand("rank:ndcg")).all()


def test_a_command_finds_the_query_beside_the_target(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "rank.py").write_text(
        "import json, polars, xgboost\n"
        "facts = json.load(open('params.json'))\n"
        "rows = polars.read_parquet('train.parquet').sort(facts['query'], maintain_order=True)\n"
        "side = xgboost.DMatrix(rows.select(facts['columns']).to_numpy(), rows['(target)'], qid=rows['(query)'])\n"
        "params = {'objective': 'rank:ndcg', 'max_depth': 2, 'seed': facts['seed'], 'nthread': 1}\n"
        "xgboost.train(params, side, num_boost_round=8).save_model('out/model.ubj')\n"
    )
    trainer = CommandTrainer(trainer="command", command=("python", "rank.py"), files=("rank.py",))
    assert (attempt(tmp_path, trainer) == by_hand("rank:ndcg")).all()


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (pl.col("y") - 1, "negative-relevance", r'relevance "y" is below 0 in \d+ of \d+ rows'),
        (pl.lit("good").alias("y"), "wrong-type", 'ranking target "y" holds String'),
        (pl.lit(None, pl.Int64).alias("y"), "missing-target", 'target "y" is missing in'),
        (pl.lit(2, pl.Int64).alias("y"), "no-order", 'target "y" is the same in all rows of each training query'),
        (pl.col("query").cast(pl.Int64).alias("y") % 2, "no-order", "there is no order to learn"),
        ((pl.int_range(pl.len()) + 1000).alias("query"), "no-order", "in all rows of each training query"),
        (pl.lit(None, pl.Int64).alias("query"), "missing-query", r'query column "query" is missing in \d+ of \d+ rows'),
        (
            (pl.col("query") + 75).alias("query"),
            "torn-query",
            r"5 queries have rows on the train and on the validation",
        ),
    ],
)
def test_what_cannot_be_ranked_is_refused(tmp_path: Path, change: pl.Expr, code: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        attempt(tmp_path, sklearn("linear_model.Ridge"), rows(1).with_columns(change))
    assert caught.value.diagnostics[0].code == code


def test_a_torn_query_that_is_personal_is_not_named(tmp_path: Path) -> None:
    columns = {"query": Column(type="int", role="group", tags=("pii",))}
    with pytest.raises(InvalidInput, match=r'\("query": \*\*\*\)') as caught:
        attempt(tmp_path, sklearn("linear_model.Ridge"), validation=rows(2), columns=columns)
    assert caught.value.diagnostics[0].hint.startswith("split: {kind: group, group: query, seed: 1}")


def test_a_query_of_one_row_does_no_harm(tmp_path: Path) -> None:
    lonely = rows(1).head(1).with_columns(pl.lit(99, pl.Int64).alias("query"))
    assert np.isfinite(attempt(tmp_path, xgboost(4), pl.concat([rows(1), lonely]))).all()


@pytest.mark.parametrize(
    ("relevance", "params", "message"),
    [
        (pl.col("y"), {"objective": "rank:map"}, 'objective rank:map reads relevance 0 and 1; target "y" goes up to 2'),
        (pl.col("y") / 2, {}, 'objective rank:ndcg reads whole relevance up to 31; target "y" holds fractions'),
        (pl.col("y") * 20, {}, 'up to 31; target "y" goes up to 40'),
        (pl.col("y") / 2, {"objective": "rank:pairwise", "ndcg_exp_gain": True}, 'target "y" holds fractions'),
    ],
)
def test_relevance_that_an_objective_cannot_read_is_refused(
    tmp_path: Path, relevance: pl.Expr, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        attempt(tmp_path, xgboost(4, **params), rows(1).with_columns(relevance))


def test_fractions_of_relevance_are_read_when_they_are_the_gain(tmp_path: Path) -> None:
    half = pl.col("y") / 2
    sides = {"train": rows(1).with_columns(half), "validation": rows(2, 100).with_columns(half)}
    assert np.isfinite(attempt(tmp_path, xgboost(4, ndcg_exp_gain=False), **sides)).all()


def test_pairs_are_compared_by_any_relevance(tmp_path: Path) -> None:
    half = pl.col("y") / 2
    pairwise = xgboost(8, objective="rank:pairwise", max_depth=2)
    found = attempt(tmp_path, pairwise, rows(1).with_columns(half), validation=rows(2, 100).with_columns(half))
    assert (found == by_hand("rank:pairwise")).all()
    assert load_candidate(tmp_path / "out").record.params["ndcg_exp_gain"] is False


def test_objectives_belong_to_their_task() -> None:
    with pytest.raises(ValueError, match="objective rank:ndcg is for rankings; this is a regression task"):
        training("regression", candidates={"one": xgboost(4, objective="rank:ndcg")})
    with pytest.raises(ValueError, match="objective reg:squarederror ranks nothing"):
        training("ranking", candidates={"one": xgboost(4, objective="reg:squarederror")})
    (found,) = check(xgboost(4, objective="rank:ndcg"), "binary")
    assert (found.code, found.hint) == ("unsuitable-objective", "it is for task: ranking")


def test_a_ranking_has_no_classes_to_weigh_and_nothing_to_calibrate() -> None:
    for field, value in (("class_weight", "balanced"), ("calibrate", "sigmoid")):
        with pytest.raises(ValueError, match="a ranking task"):
            training("ranking", candidates={"one": xgboost(4).model_copy(update={field: value})})


def test_folds_keep_queries_whole_or_are_refused(tmp_path: Path) -> None:
    for name, frame in (("train", rows(1)), ("validation", rows(2, 100))):
        frame.write_parquet(tmp_path / f"{name}.parquet")
    sides = read_sides(training("ranking"), COLUMNS, tmp_path)
    file = tmp_path / "folds.parquet"
    rows(1).select((pl.col("query") % 3).cast(pl.UInt8).alias("repeat_1")).write_parquet(file)
    for fold in declared_folds(sides, file, in_time=False):
        assert not set(fold.fit.query.tolist()) & set(fold.held_out.query.tolist())
    rows(1).select((pl.int_range(pl.len()) % 3).cast(pl.UInt8).alias("repeat_1")).write_parquet(file)
    with pytest.raises(InvalidInput, match=r'the folds tear 29 of 30 queries apart \("query"\)'):
        declared_folds(sides, file, in_time=False)
