"""The gate of stability at its edges, with planted values of refits."""

import pytest

from mlops_runner.evaluate.extras import Extras
from mlops_runner.evaluate.gates.base import judge
from mlops_runner.evaluate.measured import Measured
from mlops_runner.evaluate.refits import Refit, Refits, refits_from
from mlops_runner.evaluate.tables import Cell
from mlops_runner.evaluate.values import Options, Unmeasured
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.evaluation_gates import StabilityGate
from mlops_runner.specs.training import Select

SPEC = Evaluation.model_validate({"apiVersion": "mlops/v1", "kind": "Evaluation", "name": "e", "metrics": ("recall",)})


def fits(over, values, first=8):
    return tuple(
        Refit(over, first + at, 10, problem=value)
        if isinstance(value, str)
        else Refit(over, first + at, 10, {"test": {"recall": value}})
        for at, value in enumerate(values)
    )


def found(gate, refits, own=0.5):
    options = Options("binary", ("no", "yes"), Select(metric="recall"), SPEC)
    extras = Extras(seed=7, refits={} if refits is None else {"forest": refits})
    known = Measured(options, extras, "forest", {}, {}, {}, {Cell("forest", "test", None, "recall"): own}, {}, {})
    return judge("steady", gate, known)


def seeds(limit, **more):
    return StabilityGate(kind="stability", metric="recall", over="seeds", max_spread=limit, **more)


FOLDS = StabilityGate(kind="stability", metric="recall", over="folds", max_spread=0.1)


@pytest.mark.parametrize(
    ("limit", "answer", "sentence"),
    [
        (0.2, "pass", "recall over 3 seeds from 0.4 to 0.6: spread 0.2 <= 0.2"),
        (0.199999, "fail", "recall over 3 seeds from 0.4 to 0.6: spread 0.2 > 0.199999"),
    ],
)
def test_the_spread_is_the_largest_minus_the_smallest_the_winner_among_them(limit, answer, sentence):
    verdict = found(seeds(limit, count=3), Refits(fits("seeds", [0.4, 0.6]), alike=False))
    assert (verdict.answer, verdict.comparison) == (answer, sentence)
    dots = [{"at": 7, "value": 0.5}, {"at": 8, "value": 0.4}, {"at": 9, "value": 0.6}]
    assert list(verdict.finding.details) == dots


def test_a_gate_of_fewer_seeds_looks_at_the_first_of_them():
    refits = Refits(fits("seeds", [0.5, 0.5, 0.9, 0.9]), alike=False)
    assert found(seeds(0.1, count=3), refits).answer == "pass"
    assert found(seeds(0.1), refits).answer == "fail"


def test_a_trainer_without_chance_is_named():
    verdict = found(seeds(0.0, count=3), Refits(fits("seeds", [0.5, 0.5]), alike=True))
    assert verdict.comparison == "recall over 3 seeds from 0.5 to 0.5: spread 0 <= 0; the trainer does not use the seed"


def test_equal_values_of_different_predictions_are_no_proof_of_it():
    verdict = found(seeds(0.0, count=3), Refits(fits("seeds", [0.5, 0.5]), alike=False))
    assert "does not use" not in verdict.comparison


def test_folds_are_compared_among_each_other():
    verdict = found(FOLDS, Refits(fits("folds", [0.8, 0.85, 0.95], first=0)), own=0.1)
    sentence = "recall of 3 fits without one fold each from 0.8 to 0.95: spread 0.15 > 0.1"
    assert (verdict.answer, verdict.comparison) == ("fail", sentence)


def test_a_fit_that_failed_makes_the_gate_unmeasured():
    verdict = found(FOLDS, Refits(fits("folds", [0.8, "the trainer gave up"], first=0)))
    assert verdict.answer == "unmeasured"
    assert verdict.comparison == "recall of the fit without fold 1 could not be measured: the trainer gave up"


def test_without_refits_the_gate_is_unmeasured():
    verdict = found(seeds(0.1), None)
    assert verdict.comparison == "the spread of recall could not be measured: nothing was trained again"


def test_a_metric_that_one_fit_cannot_measure_is_told():
    lost = Refits((Refit("seeds", 8, 10, {"test": {"recall": Unmeasured("no positive rows")}}), *fits("seeds", [0.5])))
    verdict = found(seeds(0.1, count=3), lost)
    assert verdict.comparison == "recall of seed 8 could not be measured: no positive rows"


def test_refits_are_read_back_as_they_were_written():
    refits = Refits((*fits("seeds", [0.5, "lost"]), Refit("shares", 0.1, 3, {"test": {"f1": Unmeasured("why")}})), True)
    assert refits_from(refits.as_json()) == refits
