"""Fits of a batch in any order: what comes of a trial depends on its own folds alone, and idle hands are used."""

from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.train.tuning.batch import Batch, Fitted, judge
from mlops_runner.train.tuning.trial import Outcome, Trial

FOLDS = 3
BOUNDS = (0.5, 0.5, 0.5)


def trials(count, bounds=()):
    return iter([Trial(number, {}, bounds) for number in range(count)])


def names(batch, count):
    fits = [batch.next() for _ in range(count)]
    return [(fit.trial.number, fit.fold) if fit else None for fit in fits]


def test_without_pruning_the_folds_of_a_trial_go_to_different_hands():
    assert names(Batch(trials(2), FOLDS, 1), 7) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), None]


def test_with_pruning_other_trials_go_before_a_fold_that_may_not_be_needed():
    assert names(Batch(trials(2, BOUNDS), FOLDS, 1), 5) == [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1)]


def test_a_fold_that_is_surely_needed_goes_first():
    batch = Batch(trials(3, BOUNDS), FOLDS, 1)
    first = batch.next()
    assert batch.tell(first, Fitted(0.9)) is None
    assert names(batch, 3) == [(0, 1), (1, 0), (2, 0)]


def test_nothing_is_started_for_a_trial_that_has_failed():
    batch = Batch(trials(1), FOLDS, 1)
    first = batch.next()
    assert batch.tell(first, Fitted(None, "no luck")) == Outcome("failed", (), "no luck")
    assert batch.next() is None
    assert batch.over


def test_what_was_fitted_for_nothing_is_left_out():
    batch = Batch(trials(1, BOUNDS), FOLDS, 1)
    fits = [batch.next() for _ in range(FOLDS)]
    assert batch.tell(fits[2], Fitted(0.9)) is None
    assert batch.tell(fits[0], Fitted(0.1)) == Outcome("pruned", (0.1,))
    assert batch.tell(fits[1], Fitted(0.9)) is None


@given(
    st.permutations([(number, fold) for number in range(3) for fold in range(FOLDS)]),
    st.lists(st.sampled_from([0.1, 0.6, 0.9, None]), min_size=9, max_size=9),
    st.sampled_from([(), BOUNDS]),
    st.sampled_from([1, -1]),
)
def test_the_order_in_which_fits_end_changes_nothing(order, values, bounds, sign):
    fitted = {at: Fitted(value, "" if value is not None else f"reason {at}") for at, value in enumerate(values)}
    batch = Batch(trials(3, bounds), FOLDS, sign)
    waiting, found = {}, {}
    while not batch.over:
        while fit := batch.next():
            waiting[fit.trial.number, fit.fold] = fit
        number, fold = next(place for place in order if place in waiting)
        outcome = batch.tell(waiting.pop((number, fold)), fitted[number * FOLDS + fold])
        if outcome:
            found[number] = outcome
    for number in range(3):
        own = {fold: fitted[number * FOLDS + fold] for fold in range(FOLDS)}
        assert found[number] == judge(Trial(number, {}, bounds), own, FOLDS, sign)
