"""The Evaluation document: metrics, intervals, slices, the decision threshold, and the gates a model must pass."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Name, Part, RelativePath, Scalar, Spec, complaint
from mlops_runner.specs.evaluation_gates import Gate
from mlops_runner.specs.evaluation_refits import LearningCurve
from mlops_runner.specs.evaluation_threshold import Threshold


class Intervals(Part):
    """How far the numbers could be off by the chance of which rows were measured: percentile bootstrap intervals.

    Rows are drawn with replacement; whole groups, when the data have a column with role group; in a forecasting task
    without one, blocks of consecutive moments of all series. All models are measured on the same resamples. Large
    sides are resampled less often, at least 200 times.
    """

    level: Annotated[float, Field(ge=0.5, lt=1, description="Share of such intervals that hold the true value.")] = 0.95
    resamples: Annotated[int, Field(ge=200, le=100_000, description="Resamples of each side.")] = 1000
    stratify: Annotated[
        Literal["none", "target"],
        Field(description="Whether resamples keep the number of rows of each class, as if it were not up to chance."),
    ] = "none"
    block: Annotated[
        int | None,
        Field(
            ge=1,
            description="Moments that are drawn together in a forecasting task; the horizon, or twice the cube root "
            "of their number where that is more, when left out.",
        ),
    ] = None
    seed: Annotated[
        int | None, Field(ge=0, lt=2**32, description="Seed of the resamples; that of the training when left out.")
    ] = None


class Slice(Part):
    """A part of the rows that is measured on its own: a column's value, or a half-open range [min, max)."""

    column: Annotated[str, Field(description="Column of the data.")]
    equals: Annotated[Scalar, Field(description="The value rows must have.")] = None
    min: Annotated[float | None, Field(description="Lower end of the range, included.")] = None
    max: Annotated[float | None, Field(description="Upper end of the range, not included.")] = None
    min_rows: Annotated[int, Field(ge=1, description="With fewer rows the slice counts as not measured.")] = 30

    @model_validator(mode="after")
    def _selects_something(self) -> "Slice":
        ranged = self.min is not None or self.max is not None
        if ranged == (self.equals is not None):
            raise complaint(
                "invalid-slice", "a slice needs either equals, or min and/or max", "for example: equals: north"
            )
        return self


class SliceSearch(Part):
    """Looks for slices nobody declared: a small tree divides the validation rows by how wrong the winner is there.

    The worst leaves become slices. They are measured on the test side, where they were not chosen.
    """

    depth: Annotated[int, Field(ge=1, le=3, description="Depth of the tree: conditions a slice has, at most.")] = 2
    min_rows: Annotated[int, Field(ge=5, description="Rows a leaf has on the validation side, at least.")] = 30
    most: Annotated[int, Field(ge=1, le=20, description="Slices that are reported, at most.")] = 5


class Champion(Part):
    """The model that is in use: a folder of the project that holds a model bundle."""

    bundle: Annotated[RelativePath, Field(description="The folder.", examples=["models/champion"])]


DIGITS = 6


class Evaluation(Spec):
    """Describes how a model is measured and what it must reach."""

    kind: Literal["Evaluation"]
    metrics: Annotated[tuple[str, ...], Field(min_length=1, description="Metrics, measured on all sides and slices.")]
    weighted: Annotated[
        bool,
        Field(
            description="Whether rows count by the column with the role weight, wherever a metric is computed: on all "
            "sides and slices, in gates, thresholds, searches and the choice of the winner."
        ),
    ] = False
    digits: Annotated[int, Field(ge=1, le=15, description="Digits after the point that metrics are rounded to.")] = (
        DIGITS
    )
    intervals: Annotated[
        Intervals | None, Field(description="Intervals around every metric; null leaves them out.")
    ] = Intervals.model_construct()
    champion: Annotated[
        Champion | None, Field(description="The model in use; it is measured on the same rows as the candidates.")
    ] = None
    threshold: Annotated[
        Threshold | None, Field(description="Rule for the decision threshold of a binary task, or of each label.")
    ] = None
    slices: Annotated[
        dict[Name, Slice], Field(description="Parts of the rows that are measured on their own, by name.")
    ] = {}
    find_slices: Annotated[
        SliceSearch | None, Field(description="How further slices are looked for; null looks for none.")
    ] = SliceSearch.model_construct()
    worst_rows: Annotated[
        int, Field(ge=0, le=1000, description="Rows of the error table; values of columns tagged pii are masked in it.")
    ] = 20
    learning_curve: Annotated[
        LearningCurve | None,
        Field(description="Trains the winner again on fewer rows, once a share; null draws no learning curve."),
    ] = None
    gates: Annotated[dict[Name, Gate], Field(description="What the winner must reach, by name.")] = {}
