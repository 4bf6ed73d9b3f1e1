"""Assessments of rankings: queries are drawn whole, gates judge planted rankers, and errors are told query by query."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mlops_runner.errors import InvalidInput
from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.importance import ImportanceOptions, permutation_importance
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.values import Options, Side, sample_of
from mlops_runner.evaluate.worst_queries import QUERY_LOSS, constant_columns, errors_of_queries, worst_queries
from mlops_runner.evaluate.worst_rows import Shown
from mlops_runner.execute.stages.evaluated_rows import with_relevant
from mlops_runner.reports.builders.evaluation import build_evaluation_report
from mlops_runner.reports.context import ReportContext
from mlops_runner.reports.render import render
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.training import Select

RNG = np.random.default_rng(4)
QUERY = np.repeat(np.arange(60), 10)
RELEVANCE = RNG.integers(0, 4, 600).astype(float)
NOISE = RNG.normal(size=600)


def ranker(noise):
    """Scores that go by the relevance, and by chance."""
    return RELEVANCE + noise * NOISE


def assessed(models, gates=None, **extras):
    head = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": ("ndcg_at_5", "map")}
    slices = {"first": {"column": "query", "max": 30}}
    evaluation = Evaluation.model_validate({**head, "slices": slices, "gates": gates or {}})
    options = Options("ranking", (), Select(metric="ndcg_at_5"), evaluation)
    masks = {"first": QUERY < 30}
    sides = {name: Side(name, RELEVANCE, masks, QUERY, queries=QUERY) for name in ("validation", "test")}
    scores = {name: dict.fromkeys(sides, values) for name, values in models.items()}
    return assess(options, sides, scores, Extras(seed=1, **extras))


BASELINE = {"baseline": np.zeros(600)}


def test_whole_queries_are_drawn():
    found = assessed({**BASELINE, "new": ranker(1.0)}).as_json()
    assert found["intervals"]["sides"]["test"] == {"unit": "query", "units": 60, "resamples": 1000}
    assert found["queries"]["test"] == {"queries": 60, "without_relevant": 0, "without_order": 0}
    bounds = found["intervals"]["metrics"]["new"]["test"]["ndcg_at_5"]
    value = found["metrics"]["new"]["test"]["ndcg_at_5"]
    assert bounds["low"] < value < bounds["high"]


def test_the_interval_is_as_wide_as_queries_differ():
    found = assessed({**BASELINE, "new": ranker(1.0)})
    sample = found.known.samples["new"]["test"]
    values = [measure("ndcg_at_5", sample.only(query == QUERY)) for query in range(60)]
    bounds = found.as_json()["intervals"]["metrics"]["new"]["test"]["ndcg_at_5"]
    expected = 2 * 1.96 * np.std(values) / np.sqrt(60)
    assert bounds["high"] - bounds["low"] == pytest.approx(expected, rel=0.15)


def test_rows_of_equal_scores_rank_as_chance_does():
    baseline = assessed({**BASELINE, "new": ranker(1.0)}).as_json()["metrics"]["baseline"]["test"]["ndcg_at_5"]
    chance = [assessed({"baseline": np.random.default_rng(seed).random(600), "new": ranker(0)}) for seed in range(8)]
    values = [one.as_json()["metrics"]["baseline"]["test"]["ndcg_at_5"] for one in chance]
    assert baseline == pytest.approx(np.mean(values), abs=0.02)


@pytest.mark.parametrize(
    ("gate", "noise", "answer"),
    [
        ({"kind": "absolute", "min": 0.7, "decide_on": "interval"}, 0.5, "pass"),
        ({"kind": "absolute", "min": 0.99}, 0.5, "fail"),
        ({"kind": "baseline", "margin": 0.1, "decide_on": "interval"}, 0.5, "pass"),
        ({"kind": "baseline", "margin": 0.1}, 100.0, "fail"),
        ({"kind": "champion", "test": "non_inferiority", "margin": 0.02}, 1.0, "pass"),
        ({"kind": "champion", "test": "superiority"}, 1.0, "fail"),
        ({"kind": "champion", "test": "superiority"}, 0.7, "pass"),
        ({"kind": "champion", "test": "non_inferiority", "margin": 0.02}, 3.0, "fail"),
        ({"kind": "slices", "max_drop": 0.1}, 1.0, "pass"),
    ],
)
def test_gates_judge_planted_rankers(gate, noise, answer):
    models = {**BASELINE, "new": ranker(noise), "champion": ranker(1.0)}
    (found,) = assessed(models, {"g": {"metric": "ndcg_at_5", **gate}}).gates
    assert found.answer == answer, found.comparison


def test_a_champion_is_compared_query_by_query():
    """A ranker that is a little better in every query is shown to be, although the intervals of both overlap."""
    gate = {"kind": "champion", "metric": "ndcg_at_5", "test": "superiority"}
    found = assessed({**BASELINE, "new": ranker(0.9), "champion": ranker(1.0)}, {"g": gate})
    bounds = found.as_json()["intervals"]["metrics"]
    assert bounds["new"]["test"]["ndcg_at_5"]["low"] < bounds["champion"]["test"]["ndcg_at_5"]["high"]
    assert found.gates[0].answer == "pass"


def test_robustness_is_measured_query_by_query():
    gate = {"kind": "robustness", "metric": "ndcg_at_5", "perturbation": {"kind": "noise", "sd": 1}, "max_drop": 0.05}
    for noise, answer in ((0.6, "pass"), (30.0, "fail")):
        extras = {"perturbed": lambda winner, name, noise=noise: [ranker(noise)]}
        (found,) = assessed({**BASELINE, "new": ranker(0.5)}, {"g": gate}, **extras).gates
        assert found.answer == answer, found.comparison


def test_a_side_without_queries_is_refused():
    head = {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": ("ndcg",)}
    options = Options("ranking", (), Select(metric="ndcg"), Evaluation.model_validate(head))
    side = Side("validation", RELEVANCE)
    models = {name: {"validation": ranker(1.0)} for name in ("baseline", "new")}
    with pytest.raises(InvalidInput, match='side "validation" has no query for its rows'):
        assess(options, {"validation": side}, models)


def of_queries(noise):
    return replace(sample_of("ranking", (), RELEVANCE, ranker(noise), None), query=QUERY)


def test_the_worst_queries_show_where_the_relevant_rows_went():
    scores = np.where(QUERY == 7, -RELEVANCE, RELEVANCE)
    sample = replace(sample_of("ranking", (), RELEVANCE, scores, None), query=QUERY)
    frame = pl.DataFrame({"query": QUERY, "place": ["north"] * 600, "mail": ["a@b"] * 600})
    (worst,) = worst_queries(frame, sample, "query", Shown(["place", "mail"], frozenset({"mail"})), 1)
    relevance = np.sort(RELEVANCE[QUERY == 7])
    assert worst["values"] == {"query": 7, "place": "north", "mail": "***"}
    assert worst["ranked"] == relevance.tolist()
    assert worst["best"] == relevance[::-1].tolist()
    assert worst["loss"] == pytest.approx(1 - worst["ndcg"])


def test_personal_relevance_is_masked():
    frame = pl.DataFrame({"query": QUERY})
    (worst,) = worst_queries(frame, of_queries(1.0), "query", Shown([], frozenset({"query"}), answers=False), 1)
    assert (worst["ranked"], worst["best"], worst["values"]) == ("***", "***", {"query": "***"})


def test_queries_are_divided_by_columns_that_tell_them_apart():
    frame = pl.DataFrame({"query": QUERY, "row": np.arange(600), "even": QUERY % 2})
    assert constant_columns(frame, "query", ["row", "even"]) == ["even"]
    side = Side("test", RELEVANCE, clusters=QUERY, queries=QUERY)
    errors = errors_of_queries(side, frame, of_queries(1.0))
    assert errors.frame["query"].to_list() == list(range(60))
    assert len(errors.losses) == len(errors.side.target) == 60
    assert errors.losses.min() >= 0


def test_a_query_without_a_relevant_row_has_no_loss():
    sample = replace(sample_of("ranking", (), np.zeros(4), np.arange(4.0), None), query=np.array([0, 0, 1, 1]))
    errors = errors_of_queries(Side("test", np.zeros(4)), pl.DataFrame({"q": [0, 0, 1, 1]}), sample)
    assert errors.losses.tolist() == [0.0, 0.0]


def test_a_slice_keeps_no_query_whose_relevant_rows_lie_outside():
    relevance, queries = np.array([2.0, 0, 0, 1, 0, 0]), np.array([0, 0, 1, 1, 2, 2])
    inside = np.array([False, True, True, True, True, False])
    assert with_relevant(inside, relevance, queries).tolist() == [False, False, True, True, True, False]


def test_importance_looks_at_whole_queries():
    frame = pl.DataFrame({"good": RELEVANCE, "bad": NOISE})
    seen = []

    def predict(rows):
        seen.append(rows.height)
        return rows["good"].to_numpy() + 0.1 * rows["bad"].to_numpy()

    options = ImportanceOptions("ndcg", "ranking", (), 1, max_rows=200, repeats=2, query=QUERY)
    first, second = permutation_importance(predict, frame, ["bad", "good"], RELEVANCE, options)
    assert (first.feature, second.feature) == ("good", "bad")
    assert first.drop > 0.1
    assert seen[0] == 200


@pytest.mark.parametrize("form", ["html", "markdown", "text", "json"])
def test_a_ranking_renders_in_every_form(form):
    found = assessed({**BASELINE, "new": ranker(1.0)}, {"g": {"kind": "absolute", "metric": "map", "min": 0.5}})
    frame = pl.DataFrame({"query": QUERY})
    queries = worst_queries(frame, of_queries(1.0), "query", Shown([], frozenset()), 3)
    worst = {"side": "test", "loss": QUERY_LOSS, "columns": ["query"], "queries": queries}
    report = build_evaluation_report({**found.as_json(), "worst_queries": worst}, ReportContext("shop"))
    assert {"Queries", "Figures", "Worst queries"} <= {section.title for section in report.sections}
    text = render(report, form)
    assert "In the best order" in text
    assert "resamples of whole queries per side" in " ".join(text.split())
