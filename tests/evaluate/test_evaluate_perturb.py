import numpy as np
import polars as pl
import pytest

from mlops_runner.evaluate.perturb import UNSEEN, changed, changes, perturb, repeats_of, touched
from mlops_runner.specs.evaluation_robustness import Missing, Noise, Shift, Unseen

FRAME = pl.DataFrame({
    "size": np.linspace(0, 10, 1000), "count": list(range(1000)), "place": ["a", "b"] * 500,
    "flag": [True, False] * 500, "same": [4.0] * 1000, "gaps": [None, 1.0] * 500,
})  # fmt: skip
FEATURES = FRAME.columns
NOISE, SHIFT = Noise(kind="noise", sd=0.1), Shift(kind="shift", sd=-0.5)
MISSING, NEW = Missing(kind="missing", share=0.25), Unseen(kind="unseen", share=0.1)


@pytest.mark.parametrize(
    ("done", "columns"),
    [(NOISE, ["size", "count", "same", "gaps"]), (SHIFT, ["size", "count", "same", "gaps"]), (MISSING, FEATURES),
     (NEW, ["place"]), (Noise(kind="noise", sd=1.0, columns=("size",)), ["size"])],
)  # fmt: skip
def test_columns_of_a_fitting_type_are_touched(done, columns):
    assert touched(done, FRAME, FEATURES) == columns


def test_noise_has_a_share_of_the_columns_own_spread():
    found = perturb(NOISE, FRAME, ["size", "count"], (1,))
    for name in ("size", "count"):
        noise = (found[name] - FRAME[name].cast(pl.Float64)).to_numpy()
        assert noise.std() == pytest.approx(0.1 * FRAME[name].cast(pl.Float64).to_numpy().std(), rel=0.1)


def test_a_shift_moves_every_row_alike():
    moved = perturb(SHIFT, FRAME, ["size"], (1,))["size"] - FRAME["size"]
    assert moved.n_unique() <= 20  # the last bits differ
    assert moved[0] == pytest.approx(-0.5 * FRAME["size"].to_numpy().std())


def test_a_constant_column_stays_as_it_is():
    assert perturb(NOISE, FRAME, ["same"], (1,))["same"].to_list() == [4.0] * 1000


def test_missing_values_stay_missing_under_noise():
    assert perturb(NOISE, FRAME, ["gaps"], (1,))["gaps"].null_count() == 500


@pytest.mark.parametrize("name", ["size", "count", "place", "flag"])
def test_a_share_of_the_values_goes_missing(name):
    found = perturb(MISSING, FRAME, [name], (1,))[name]
    assert (found.null_count(), found.dtype) == (250, FRAME[name].dtype)


def test_a_share_of_the_categories_is_new():
    assert (perturb(NEW, FRAME, ["place"], (1,))["place"] == UNSEEN).sum() == 100


def test_the_order_of_the_columns_changes_nothing():
    one = perturb(NOISE, FRAME, ["size", "count"], (7, 2))
    assert one.equals(perturb(NOISE, FRAME, ["count", "size"], (7, 2)))
    assert not one.equals(perturb(NOISE, FRAME, ["size", "count"], (7, 3)))


def test_a_shift_is_tried_once():
    assert (repeats_of(SHIFT, 5), repeats_of(NOISE, 5)) == (1, 5)


def test_a_table_without_rows_stays_empty():
    for done in (NOISE, SHIFT, MISSING):
        assert perturb(done, FRAME.head(0), ["size"], (1,)).height == 0


@pytest.mark.parametrize("done", [NOISE, SHIFT, MISSING, NEW])
@pytest.mark.parametrize("size", [1, 300, 1000])
def test_batches_are_changed_as_the_whole_table_is(done, size):
    columns = touched(done, FRAME, FEATURES)
    how = changes(done, FRAME, columns, (1, 2))
    parts = [changed(FRAME.slice(first, size), first, how) for first in range(0, FRAME.height, size)]
    assert pl.concat(parts).equals(perturb(done, FRAME, columns, (1, 2)))
