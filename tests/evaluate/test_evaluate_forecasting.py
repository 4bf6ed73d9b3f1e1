"""Metrics of forecasts by hand, intervals by blocks of time, and the rows of a forecast in time."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.bootstrap.base import statistic_of
from mlops_runner.evaluate.bootstrap.draws import Units, draw
from mlops_runner.evaluate.bootstrap.intervals import Interval
from mlops_runner.evaluate.bootstrap.values import counts_of
from mlops_runner.evaluate.conditions import Condition
from mlops_runner.evaluate.found_slices import Drawn, Errors, measure_found
from mlops_runner.evaluate.metrics.base import measure
from mlops_runner.evaluate.tables import Cell
from mlops_runner.evaluate.timeline import Timeline, block_length
from mlops_runner.evaluate.values import Options, Sample, Side, Unmeasured
from mlops_runner.execute.stages.evaluated_series import Forecast, timelines_of
from mlops_runner.specs.data_derived import Series
from mlops_runner.specs.evaluation import Evaluation, Intervals
from mlops_runner.specs.training import Select

NAMES = ("smape", "wape", "mase")


def sample(target, scores, scale=None):
    numbers = [np.array(values, dtype=np.float64) for values in (target, scores)]
    return Sample("forecasting", (), *numbers, None, scale=None if scale is None else np.array(scale, dtype=float))


@pytest.mark.parametrize(
    ("metric", "rows", "value"),
    [
        ("smape", sample([1, 2], [1, 4]), (0 + 2 * 2 / 6) / 2),
        ("smape", sample([0, 1], [0, 0]), (0 + 2) / 2),
        ("wape", sample([1, -3], [2, -1]), (1 + 2) / 4),
        ("mase", sample([1, 3], [2, 5], [2.0, 4.0]), (1 / 2 + 2 / 4) / 2),
        ("mae", sample([1, 3], [2, 5]), 1.5),
    ],
)
def test_metrics_are_those_of_their_papers(metric, rows, value):
    assert measure(metric, rows) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("metric", "rows", "reason"),
    [
        ("wape", sample([0, 0], [1, 2]), "the target is 0 in all rows"),
        ("mape", sample([0, 1], [1, 2]), "the target is 0 in 1 rows"),
        ("mase", sample([1], [1]), "the errors have no scale"),
        ("mase", sample([1, 2], [1, 2], [1.0, np.nan]), "1 rows are of series"),
    ],
)
def test_what_has_no_value_says_why(metric, rows, reason):
    found = measure(metric, rows)
    assert isinstance(found, Unmeasured)
    assert reason in found.reason


def test_resampled_metrics_are_those_of_the_rows_written_out():
    rng = np.random.default_rng(3)
    rows = sample(rng.normal(5, 3, 40), rng.normal(5, 3, 40), rng.uniform(1, 2, 40))
    counts = rng.integers(0, 3, (5, 40))
    found = statistic_of(rows, NAMES)(counts_of(counts))
    for at, drawn in enumerate(counts):
        chosen = np.repeat(np.arange(40), drawn)
        written = Sample("forecasting", (), rows.target[chosen], rows.scores[chosen], None, scale=rows.scale[chosen])
        for metric in NAMES:
            assert found[metric][at] == pytest.approx(measure(metric, written), rel=1e-8)


@pytest.mark.parametrize(
    ("moments", "horizon", "length"), [(1000, 1, 20), (1001, 1, 22), (1000, 24, 24), (5, 24, 5), (1, 1, 1)]
)
def test_blocks_are_as_long_as_the_horizon_or_twice_the_cube_root_of_the_moments(moments, horizon, length):
    assert block_length(moments, horizon) == length


def test_a_drawn_block_holds_neighbours_and_goes_around_the_end():
    units = Units((np.arange(10),), block=4)
    (counts,) = draw(units, 200, (1,))
    assert counts.shape == (200, 10)
    assert set(counts.sum(axis=1)) == {3 * 4}
    alone = next(draw(Units((np.arange(10),), block=10), 3, (1,)))
    assert (alone == 1).all()
    single = next(draw(Units((np.arange(5),), block=3), 400, (2,)))
    steps = np.abs(np.diff(np.concatenate([single, single[:, :1]], axis=1), axis=1)).sum(axis=1)
    assert steps.max() <= 2 * 2
    assert np.allclose(counts.mean(axis=0), 1.2, atol=0.25)


def line(moments, block=1, series=1):
    at = np.tile(np.arange(moments), series)
    names = tuple(f"s{number}" for number in range(series))
    of = np.repeat(np.arange(series), moments)
    return Timeline(tuple(map(str, range(moments))), at, names, of, np.full(len(at), 2.0), block)


def assessed(errors, timeline, **fields):
    evaluation = Evaluation.model_validate(
        {"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": ["mae", "mase"], **fields},
        strict=False,
    )
    select = Select(metric="mae", split="train", direction="minimize")
    target = np.zeros(len(errors))
    sides = {"train": Side("train", target, timeline=timeline)}
    scores = {name: {"train": found} for name, found in {"baseline": 2 * errors, "own": errors}.items()}
    return assess(Options("forecasting", (), select, evaluation), sides, scores)


def test_errors_that_go_on_for_long_have_wider_intervals_by_blocks_than_by_rows():
    rng = np.random.default_rng(5)
    waves = np.repeat(rng.exponential(1, 60), 10)
    widths = {}
    for block in (1, 20):
        found = assessed(waves, line(600, block)).known.bounds[Cell("own", "train", None, "mae")]
        assert isinstance(found, Interval)
        widths[block] = found.high - found.low
    assert widths[20] > 2 * widths[1]


def test_series_of_one_moment_are_drawn_together():
    found = assessed(np.arange(1.0, 41.0), line(20, 2, series=2))
    drawing = found.known.replicates["train"].drawing
    assert (drawing.unit, drawing.units, drawing.block) == ("block", 20, 2)
    assert found.as_json()["metrics"]["own"]["train"]["mase"] == 20.5 / 2


def test_series_are_drawn_whole_where_they_are_groups():
    errors, here = np.arange(1.0, 41.0), line(20, 10, series=2)
    evaluation = Evaluation(apiVersion="mlops/v1", kind="Evaluation", name="e", metrics=("mae",))
    options = Options("forecasting", (), Select(metric="mae", split="train", direction="minimize"), evaluation)
    sides = {"train": Side("train", np.zeros(40), clusters=here.series, timeline=here)}
    found = assess(options, sides, {name: {"train": errors} for name in ("baseline", "own")}).known
    drawing = found.replicates["train"].drawing
    assert (drawing.unit, drawing.units) == ("group", 2)
    assert set(found.replicates["train"].cells[Cell("own", "train", None, "mae")]) == {10.5, 20.5, 30.5}


def test_too_few_blocks_are_an_answer_and_not_an_interval():
    gate = {"kind": "baseline", "metric": "mae", "split": "train", "decide_on": "interval"}
    found = assessed(np.arange(1.0, 29.0), line(28, 7), gates={"better": gate})
    bounds = found.known.bounds[Cell("own", "train", None, "mae")]
    assert bounds == Unmeasured("28 moments are 4 blocks of 7, and 8 are needed")
    assert found.gates[0].answer == "unmeasured"


def test_found_slices_of_too_few_blocks_have_no_interval():
    rows = line(28, 7)
    side = Side("test", np.zeros(28), timeline=rows)
    frame, losses = pl.DataFrame({"hour": [0.0, 1.0] * 14}), np.array([1.0, 3.0] * 14)
    path = (Condition("hour", ">=", 1.0),)
    (found,) = measure_found([path], Errors(side, frame, losses), Drawn(Intervals.model_construct(), 1, 6))
    assert (found["loss"], found["holds"]) == (3.0, False)
    assert "could not be measured" in found["loss_interval"]["reason"]


def test_curves_show_series_as_they_were_and_errors_over_time():
    curves = assessed(np.concatenate([np.full(20, 3.0), np.full(20, 1.0)]), line(20, series=2)).curves
    assert [path["series"] for path in curves["paths"]] == ["s0", "s1"]
    assert curves["paths"][0]["predicted"] == {"own": [3.0] * 20, "baseline": [6.0] * 20}
    assert curves["over_time"]["mae"]["own"] == [2.0] * 20
    assert curves["by_series"]["worst"][0] == {"series": "s0", "rows": 20, "mae": {"own": 3.0, "baseline": 6.0}}


SHOPS = Forecast(Series(time="day", by=("shop",)), "y", horizon=2, season=2, block=None, personal=frozenset())
TRAIN = pl.DataFrame({"day": [1, 2, 3, 4, 1, 2, 3], "shop": [*"aaaa", *"bbb"], "y": [1, 2, 4, 8, 5, 5, 5]})
TEST = pl.DataFrame({"day": [6, 5, 5, 5], "shop": [*"aabc"], "y": [1, 1, 1, 1]})


def test_the_scale_is_the_mean_change_over_a_season_of_the_training_side_by_series():
    found = timelines_of({"train": TRAIN, "test": TEST}, SHOPS)["test"]
    assert found.moments == ("5", "6")
    assert found.moment.tolist() == [1, 0, 0, 0]
    assert [found.names[at] for at in found.series] == ["a", "a", "b", "c"]
    np.testing.assert_array_equal(found.scale, [(3 + 6) / 2, (3 + 6) / 2, np.nan, np.nan])
    assert found.block == 2  # all there are


def test_personal_names_of_series_and_moments_are_numbers():
    hidden = replace(SHOPS, personal=frozenset({"shop", "day"}))
    found = timelines_of({"train": TRAIN, "test": TEST}, hidden)["test"]
    assert (found.names, found.moments) == (("series 1", "series 2", "series 3"), ("moment 1", "moment 2"))


def test_one_series_is_called_like_its_target():
    whole = replace(SHOPS, series=Series(time="day"))
    found = timelines_of({"train": TRAIN.filter(shop="a"), "test": TEST.filter(shop="b")}, whole)["test"]
    assert (found.names, found.scale.tolist()) == (("y",), [4.5])
