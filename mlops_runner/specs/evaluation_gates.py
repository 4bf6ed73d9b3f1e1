"""The Evaluation document's gates: what the winner must reach."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Name, Part, complaint
from mlops_runner.specs.evaluation_robustness import Perturbation

Side = Annotated[Literal["train", "validation", "test"], Field(description="Side of the split.")]
Metric = Annotated[str, Field(description="Name of the metric.")]
SliceName = Annotated[str | None, Field(description="Name of a slice; all rows when left out.")]
DecideOn = Annotated[
    Literal["value", "interval"],
    Field(description="What must pass: the measured value, or the end of its interval that is nearer to failing."),
]


class GatePart(Part):
    """What every gate can say."""

    unmeasured: Annotated[Literal["fail", "warn"], Field(description="What 'could not measure' means.")] = "fail"


class AbsoluteGate(GatePart):
    """A metric of the winner against a fixed number."""

    kind: Literal["absolute"]
    metric: Metric
    split: Side = "test"
    slice: SliceName = None
    min: Annotated[float | None, Field(description="Smallest value that passes.")] = None
    max: Annotated[float | None, Field(description="Largest value that passes.")] = None
    decide_on: DecideOn = "value"

    @model_validator(mode="after")
    def _has_a_limit(self) -> "AbsoluteGate":
        if self.min is None and self.max is None:
            raise complaint("missing-limit", "an absolute gate needs min or max", "for example: min: 0.95")
        return self


class BaselineGate(GatePart):
    """A metric of the winner against the baseline, both measured on the same rows."""

    kind: Literal["baseline"]
    metric: Metric
    split: Side = "test"
    slice: SliceName = None
    margin: Annotated[
        float, Field(description="How much better the winner must be, in the metric's better direction.")
    ] = 0.0
    decide_on: DecideOn = "value"


class ChampionGate(GatePart):
    """A metric of the winner against the champion, on the same rows, with a stated error rate.

    superiority: the winner is shown to be better by more than the margin. non_inferiority: it is shown not to be worse
    by the margin or more. alpha is the probability that a model that does not deserve it passes (one-sided).
    """

    kind: Literal["champion"]
    metric: Metric
    split: Side = "test"
    slice: SliceName = None
    test: Annotated[Literal["superiority", "non_inferiority"], Field(description="What must be shown.")]
    margin: Annotated[
        float, Field(ge=0, description="In units of the metric. A test for non-inferiority needs one above 0.")
    ] = 0.0
    method: Annotated[
        Literal["paired_bootstrap", "mcnemar"],
        Field(description="How it is shown; McNemar's test is for accuracy, with a margin in Tango's form."),
    ] = "paired_bootstrap"
    alpha: Annotated[float, Field(gt=0, le=0.5, description="Error rate of the test, one-sided.")] = 0.05

    @model_validator(mode="after")
    def _can_be_shown(self) -> "ChampionGate":
        if self.test == "non_inferiority" and self.margin == 0:
            raise complaint(
                "missing-margin", "a test for non-inferiority needs a margin above 0", "for example: margin: 0.01"
            )
        if self.method == "mcnemar" and self.metric != "accuracy":
            raise complaint(
                "wrong-method", "McNemar's test compares right decisions: the metric must be accuracy",
                "metric: accuracy, or method: paired_bootstrap",
            )  # fmt: skip
        return self


class SlicesGate(GatePart):
    """A metric of the winner on every slice: not below a number, or not far below the whole."""

    kind: Literal["slices"]
    metric: Metric
    split: Side = "test"
    slices: Annotated[tuple[Name, ...], Field(description="Which ones; all that are declared when left out.")] = ()
    min: Annotated[float | None, Field(description="Smallest value that passes on each slice.")] = None
    max: Annotated[float | None, Field(description="Largest value that passes on each slice.")] = None
    max_drop: Annotated[
        float | None, Field(ge=0, description="How much worse than on all rows a slice may be, at most.")
    ] = None
    min_rows: Annotated[int, Field(ge=1, description="With fewer rows a slice counts as not measured.")] = 30
    decide_on: DecideOn = "value"

    @model_validator(mode="after")
    def _has_one_limit(self) -> "SlicesGate":
        if sum(limit is not None for limit in (self.min, self.max, self.max_drop)) != 1:
            raise complaint(
                "missing-limit", "a slices gate needs one of min, max and max_drop", "for example: max_drop: 0.05"
            )
        return self


class CalibrationGate(GatePart):
    """Whether predicted probabilities come true: expected calibration error over equal-mass bins, or Brier score."""

    kind: Literal["calibration"]
    metric: Annotated[Literal["ece", "brier"], Field(description="What is measured.")] = "ece"
    split: Side = "test"
    slice: SliceName = None
    max: Annotated[float, Field(ge=0, description="Largest value that passes.")]
    decide_on: DecideOn = "value"


class FairnessGate(GatePart):
    """Rates of the winner's decisions compared between groups of rows; binary tasks only.

    demographic_parity compares the share that is decided positive, equal_opportunity the recall, equalized_odds the
    recall and the false positive rate (the larger gap counts), predictive_parity the precision.
    """

    kind: Literal["fairness"]
    criterion: Annotated[
        Literal["demographic_parity", "equal_opportunity", "equalized_odds", "predictive_parity"],
        Field(description="Which rates must be alike."),
    ]
    column: Annotated[str, Field(description="Column whose values are the groups.")]
    edges: Annotated[
        tuple[float, ...], Field(description="Where groups of a numeric column begin, ascending: [30, 60] makes three.")
    ] = ()
    split: Side = "test"
    max_difference: Annotated[
        float | None, Field(ge=0, le=1, description="Largest difference between two groups that passes.")
    ] = None
    min_ratio: Annotated[float | None, Field(gt=0, le=1, description="Smallest ratio of two groups that passes.")] = (
        None
    )
    min_rows: Annotated[
        int, Field(ge=1, description="Groups with fewer rows that the rate is a share of are not compared.")
    ] = 30
    decide_on: DecideOn = "value"

    @model_validator(mode="after")
    def _has_one_limit(self) -> "FairnessGate":
        if (self.max_difference is None) == (self.min_ratio is None):
            raise complaint(
                "missing-limit", "a fairness gate needs either max_difference or min_ratio",
                "for example: max_difference: 0.1",
            )  # fmt: skip
        if list(self.edges) != sorted(set(self.edges)):
            raise complaint("invalid-edges", "edges must rise", "for example: edges: [30, 60]")
        return self


class RobustnessGate(GatePart):
    """How much a metric of the winner suffers when the rows are perturbed; the mean over repeats, seeded."""

    kind: Literal["robustness"]
    metric: Metric
    split: Side = "test"
    perturbation: Annotated[Perturbation, Field(description="What is done to the rows.")]
    max_drop: Annotated[float, Field(ge=0, description="How much worse the metric may get, at most.")]
    repeats: Annotated[int, Field(ge=1, le=100, description="How often chance is tried.")] = 5


class StabilityGate(GatePart):
    """How far a metric of the winner moves when it is trained again.

    seeds: with other seeds and nothing else changed. folds: without one of the declared folds of the training rows, in
    turn. All are measured on the same rows; the spread is the largest value minus the smallest. Refits are a step of
    their own.
    """

    kind: Literal["stability"]
    metric: Metric
    split: Annotated[Literal["validation", "test"], Field(description="Side of the split.")] = "test"
    over: Annotated[Literal["seeds", "folds"], Field(description="What differs from one training to the next.")]
    count: Annotated[
        int | None, Field(ge=3, le=100, description="Seeds, the declared one among them; 5 when left out.")
    ] = None
    max_spread: Annotated[float, Field(ge=0, description="Largest spread that passes, in units of the metric.")]

    @model_validator(mode="after")
    def _counts_seeds(self) -> "StabilityGate":
        if self.over == "folds" and self.count is not None:
            raise complaint("needless-count", "the folds are counted in the Data document", "remove count")
        return self

    @property
    def seeds(self) -> int:
        """Number of seeds; 0 when it is about folds."""
        return 0 if self.over == "folds" else self.count or 5


class SizeGate(GatePart):
    """How many bytes the winner's files have."""

    kind: Literal["size"]
    max_bytes: Annotated[int, Field(ge=1, description="Largest size that passes.")]


class LatencyGate(GatePart):
    """How long the winner takes per row on the machine that evaluates it, at the 95th percentile.

    A time is no property of the model: it is in no evidence and in no lock. Where it was not measured, the gate answers
    so.
    """

    kind: Literal["latency"]
    max_ms: Annotated[float, Field(gt=0, description="Milliseconds per row, at most.")]
    rows: Annotated[int, Field(ge=1, le=100_000, description="Rows of one request.")] = 1
    unmeasured: Annotated[Literal["fail", "warn"], Field(description="What 'could not measure' means.")] = "warn"


MetricGate = AbsoluteGate | BaselineGate | ChampionGate | SlicesGate | CalibrationGate | RobustnessGate | StabilityGate
SideGate = MetricGate | FairnessGate
Gate = Annotated[SideGate | SizeGate | LatencyGate, Field(discriminator="kind")]
