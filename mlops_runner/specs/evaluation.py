"""The Evaluation document: metrics, slices, the decision threshold, and the gates a model must pass."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Name, Part, Scalar, Share, Spec, complaint

Side = Annotated[Literal["train", "validation", "test"], Field(description="Side of the split.")]


class CostRule(Part):
    """The threshold with the least total cost of wrong decisions. Equal costs: the lower threshold."""

    rule: Literal["cost"]
    false_negative: Annotated[float, Field(ge=0, description="Cost of missing a positive case.")]
    false_positive: Annotated[float, Field(ge=0, description="Cost of a false alarm.")]
    split: Annotated[
        Literal["train", "validation"], Field(description="Side it is chosen on; never the test side.")
    ] = "validation"


class FBetaRule(Part):
    """The threshold with the highest F-beta score."""

    rule: Literal["f_beta"]
    beta: Annotated[float, Field(gt=0, description="Weight of recall over precision.")] = 1.0
    split: Annotated[
        Literal["train", "validation"], Field(description="Side it is chosen on; never the test side.")
    ] = "validation"


class PrecisionAtRecallRule(Part):
    """The threshold with the highest precision among those that reach a recall."""

    rule: Literal["precision_at_recall"]
    recall: Annotated[Share, Field(description="Recall to reach.")]
    split: Annotated[
        Literal["train", "validation"], Field(description="Side it is chosen on; never the test side.")
    ] = "validation"


class FixedRule(Part):
    """A threshold given by hand."""

    rule: Literal["fixed"]
    value: Annotated[Share, Field(description="The threshold.")] = 0.5


Threshold = Annotated[CostRule | FBetaRule | PrecisionAtRecallRule | FixedRule, Field(discriminator="rule")]


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


class AbsoluteGate(Part):
    """A metric of the winner against a fixed number."""

    kind: Literal["absolute"]
    metric: Annotated[str, Field(description="Name of the metric.")]
    split: Side = "test"
    slice: Annotated[str | None, Field(description="Name of a slice; all rows when left out.")] = None
    min: Annotated[float | None, Field(description="Smallest value that passes.")] = None
    max: Annotated[float | None, Field(description="Largest value that passes.")] = None
    unmeasured: Annotated[Literal["fail", "warn"], Field(description="What 'could not measure' means.")] = "fail"

    @model_validator(mode="after")
    def _has_a_limit(self) -> "AbsoluteGate":
        if self.min is None and self.max is None:
            raise complaint("missing-limit", "an absolute gate needs min or max", "for example: min: 0.95")
        return self


class BaselineGate(Part):
    """A metric of the winner against the baseline, both measured on the same rows."""

    kind: Literal["baseline"]
    metric: Annotated[str, Field(description="Name of the metric.")]
    split: Side = "test"
    slice: Annotated[str | None, Field(description="Name of a slice; all rows when left out.")] = None
    margin: Annotated[
        float, Field(description="How much better the winner must be, in the metric's better direction.")
    ] = 0.0
    unmeasured: Annotated[Literal["fail", "warn"], Field(description="What 'could not measure' means.")] = "fail"


Gate = Annotated[AbsoluteGate | BaselineGate, Field(discriminator="kind")]


class Evaluation(Spec):
    """Describes how a model is measured and what it must reach."""

    kind: Literal["Evaluation"]
    metrics: Annotated[tuple[str, ...], Field(min_length=1, description="Metrics, measured on all sides and slices.")]
    digits: Annotated[int, Field(ge=1, le=15, description="Digits after the point that metrics are rounded to.")] = 6
    threshold: Annotated[Threshold | None, Field(description="Rule for the decision threshold; binary tasks only.")] = (
        None
    )
    slices: Annotated[
        dict[Name, Slice], Field(description="Parts of the rows that are measured on their own, by name.")
    ] = {}
    gates: Annotated[dict[Name, Gate], Field(description="What the winner must reach, by name.")] = {}
