"""Parts of the Monitoring document: the detectors, one kind for each question asked about a window of traffic."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from mlops_runner.specs.base import Part, Share

Severity: TypeAlias = Annotated[
    Literal["info", "warning", "critical"], Field(description="How loud an alarm of this detector is.")
]
Columns: TypeAlias = Annotated[
    tuple[str, ...] | None,
    Field(min_length=1, description="Columns it looks at; all watched ones of its type when left out."),
]


class NumericDrift(Part):
    """Whether numbers are distributed as in the reference."""

    kind: Literal["numeric"]
    columns: Columns = None
    test: Annotated[
        Literal["ks"], Field(description="Kolmogorov-Smirnov: exact up to 100 rows, corrected for autocorrelation.")
    ] = "ks"
    effect: Annotated[
        Literal["distance", "wasserstein", "psi", "jensen_shannon"],
        Field(
            description="What must also be large: the largest gap D, the Wasserstein distance in standard deviations, "
            "PSI over the reference's deciles minus its mean without drift, or the Jensen-Shannon distance in base 2."
        ),
    ] = "distance"
    threshold: Annotated[float, Field(gt=0, le=10, description="Effect from which it is drift.")] = 0.1
    severity: Severity = "warning"


class CategoricalDrift(Part):
    """Whether categories are as frequent as in the reference."""

    kind: Literal["categorical"]
    columns: Columns = None
    test: Annotated[
        Literal["chi_square"], Field(description="Two-sample chi-square; cells are pooled to 5 expected rows.")
    ] = "chi_square"
    effect: Annotated[
        Literal["cramers_v", "psi", "jensen_shannon"],
        Field(description="What must also be large: bias-corrected Cramér's V, PSI, or Jensen-Shannon in base 2."),
    ] = "cramers_v"
    threshold: Annotated[float, Field(gt=0, le=10, description="Effect from which it is drift.")] = 0.05
    severity: Severity = "warning"


class MissingRate(Part):
    """Whether values are missing more or less often than in the reference."""

    kind: Literal["missing"]
    columns: Columns = None
    test: Annotated[Literal["two_proportion"], Field(description="Two-proportion z-test.")] = "two_proportion"
    effect: Annotated[Literal["change"], Field(description="Absolute change of the rate.")] = "change"
    threshold: Annotated[Share, Field(gt=0, description="Change from which it counts: 0.05 is five points.")] = 0.05
    severity: Severity = "warning"


class UnseenValues(Part):
    """Whether categories appear that the reference does not have."""

    kind: Literal["unseen"]
    columns: Columns = None
    test: Annotated[Literal["binomial"], Field(description="Binomial bound on the share of rows.")] = "binomial"
    effect: Annotated[Literal["share"], Field(description="Share of rows with unseen values.")] = "share"
    threshold: Annotated[
        Share, Field(gt=0, description="Share of the rows from which it counts, in columns with an open vocabulary.")
    ] = 0.01
    closed: Annotated[
        tuple[str, ...], Field(description="Columns with a closed vocabulary, where one unseen value counts.")
    ] = ()
    severity: Severity = "warning"


class PredictionDrift(Part):
    """Whether the model's answers are distributed as in the reference. They matter most."""

    kind: Literal["predictions"]
    of: Annotated[
        Literal["scores", "classes", "both"], Field(description="Predicted scores, predicted classes, or both.")
    ] = "both"
    test: Annotated[
        Literal["ks"], Field(description="Kolmogorov-Smirnov on scores; on classes the two-sample chi-square.")
    ] = "ks"
    effect: Annotated[
        Literal["distance"], Field(description="The largest gap D; on classes bias-corrected Cramér's V.")
    ] = "distance"
    threshold: Annotated[float, Field(gt=0, lt=1, description="Effect from which it is drift.")] = 0.05
    severity: Severity = "critical"


class ConceptDrift(Part):
    """Whether the loss on labelled rows has changed."""

    kind: Literal["concept"]
    test: Annotated[Literal["adwin"], Field(description="Adaptive windowing (Bifet and Gavaldà, 2007).")] = "adwin"
    signal: Annotated[Literal["loss"], Field(description="What it watches.")] = "loss"
    delta: Annotated[float, Field(gt=0, lt=1, description="Confidence of the test; smaller is slower.")] = 0.05
    severity: Severity = "critical"


class PerformanceLoss(Part):
    """Whether the metric of `performance` fell below what the model had, by more than its margin."""

    kind: Literal["performance"]
    cohorts: Annotated[int, Field(ge=1, description="Windows in a row that must be worse.")] = 2
    severity: Severity = "critical"


Detector: TypeAlias = (
    NumericDrift | CategoricalDrift | MissingRate | UnseenValues | PredictionDrift | ConceptDrift | PerformanceLoss
)

# The largest effect that can be measured; a threshold beyond it would never be reached.
LARGEST = {"distance": 1.0, "jensen_shannon": 1.0, "cramers_v": 1.0}

DETECTORS: dict[str, Detector] = {
    "numeric": NumericDrift.model_construct(kind="numeric"),
    "categorical": CategoricalDrift.model_construct(kind="categorical"),
    "missing": MissingRate.model_construct(kind="missing"),
    "unseen": UnseenValues.model_construct(kind="unseen"),
    "predictions": PredictionDrift.model_construct(kind="predictions"),
}
