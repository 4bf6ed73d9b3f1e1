import numpy as np
import polars as pl

from mlops_runner.evaluate.importance import ImportanceOptions, permutation_importance

RNG = np.random.default_rng(5)
FRAME = pl.DataFrame({"useful": RNG.normal(0, 1, 400), "useless": RNG.normal(0, 1, 400), "weak": RNG.normal(0, 1, 400)})
TARGET = (FRAME["useful"].to_numpy() + 0.3 * FRAME["weak"].to_numpy() > 0).astype(int)
NAMES = ["useful", "useless", "weak"]


def predict(frame):
    return 1 / (1 + np.exp(-(frame["useful"] + 0.3 * frame["weak"]).to_numpy()))


def options(**more):
    return ImportanceOptions(**({"metric": "roc_auc", "task": "binary", "classes": ("no", "yes"), "seed": 1} | more))


def test_features_stand_in_order_of_importance():
    found = permutation_importance(predict, FRAME, NAMES, TARGET, options())
    assert [one.feature for one in found] == ["useful", "weak", "useless"]
    assert found[-1].drop == 0.0


def test_a_metric_where_lower_is_better_drops_upwards():
    found = permutation_importance(predict, FRAME, NAMES, TARGET, options(metric="log_loss"))
    assert found[0].feature == "useful"
    assert found[0].drop > 0.1


def test_the_order_of_features_changes_no_number():
    forth = permutation_importance(predict, FRAME, NAMES, TARGET, options())
    back = permutation_importance(predict, FRAME, NAMES[::-1], TARGET, options())
    assert forth == back


def test_another_seed_shuffles_otherwise():
    first = permutation_importance(predict, FRAME, NAMES, TARGET, options(seed=1))
    assert first != permutation_importance(predict, FRAME, NAMES, TARGET, options(seed=2))


def test_the_budget_bounds_predictions_and_rows():
    calls = []

    def counted(frame):
        calls.append(frame.height)
        return predict(frame)

    found = permutation_importance(counted, FRAME, NAMES, TARGET, options(max_features=2, max_rows=50, repeats=3))
    assert calls == [50, 150, 150]
    assert {one.feature for one in found} == {"useful", "useless"}


def test_what_cannot_be_measured_is_none_and_not_zero():
    found = permutation_importance(predict, FRAME, NAMES, np.ones(400, dtype=int), options())
    assert found == [(name, None, None) for name in sorted(NAMES)]
