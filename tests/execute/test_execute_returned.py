"""What a step says of itself: names and single values."""

import pytest

from mlops_runner.errors import StepFailed
from mlops_runner.execute.returned import metrics_of


def test_mappings_are_taken_apart():
    assert metrics_of({"rows": 3, "recall": {"north": 0.5, "far": {"east": 1}}, "none": {}}, "f returned") == {
        "rows": 3,
        "recall.north": 0.5,
        "recall.far.east": 1,
    }


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"recall": {"north": [1]}}, "f returned recall.north of type list, which is no single value"),
        ({"recall": {"north": float("inf")}}, "f returned recall.north = inf, which is not finite"),
        ({"recall": {"north": 1}, "recall.north": 2}, "f returned recall.north twice"),
    ],
)
def test_what_is_odd_is_named_with_all_its_names(found, words):
    with pytest.raises(StepFailed) as refused:
        metrics_of(found, "f returned")
    assert refused.value.diagnostics[0].message == words
