"""Parts of the Rollout document that say what is measured: sources, tests, and which test suits which source."""

import re
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, Tag

from mlops_runner.specs.base import Duration, Name, Part, Secret, Share, Words, complaint
from mlops_runner.specs.rules import Finding


def _plain_url(value: str) -> str:
    """A URL is http or https, and holds no credentials."""
    # The messages never repeat the value: it may hold a password.
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s]*", value):
        raise complaint(
            "invalid-url", "this is not a URL", "http:// or https://, a host and a path: https://metrics.example/churn"
        )
    if "@" in urlsplit(value).netloc:
        raise complaint(
            "url-credentials", "this URL holds credentials", "remove user:password@ and give token: {secret: NAME}"
        )
    return value


Url = Annotated[
    str, AfterValidator(_plain_url), Words("a URL"), Field(json_schema_extra={"pattern": r"^https?://[^\s/?#@]+"})
]


class GatewaySource(Part):
    """What the gateway sees by itself."""

    gateway: Annotated[
        Literal["error", "latency", "prediction", "features"],
        Field(description="Failed requests, slow requests, the predicted values, or the inputs."),
    ]
    over: Annotated[Duration | None, Field(description="With latency: what counts as slow.", examples=["250ms"])] = None


class ShadowSource(Part):
    """Pairs of answers of both models to the same request."""

    shadow: Annotated[Literal["agreement"], Field(description="Whether both models say the same.")]


class LabelsSource(Part):
    """True outcomes that arrive later."""

    labels: Annotated[
        Literal["correct", "score"], Field(description="Whether the decision was right, or a score of its quality.")
    ]
    maturity: Annotated[
        Duration, Field(description="Age from which a unit's outcome is known; younger units do not count.")
    ]
    min_coverage: Annotated[Share, Field(description="Share of the mature units that must have an outcome.")] = 0.8


class HttpSource(Part):
    """A number that another system answers, once for each arm."""

    http: Annotated[Url, Field(description="Address; asked with ?arm=stable and ?arm=candidate.")]
    token: Annotated[Secret | None, Field(description="Sent as bearer token.")] = None


SOURCES = ("gateway", "shadow", "labels", "http")


def _source_key(value: Any) -> str | None:
    given = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    return next((key for key in SOURCES if key in given), None)


Source = Annotated[
    Annotated[GatewaySource, Tag("gateway")]
    | Annotated[ShadowSource, Tag("shadow")]
    | Annotated[LabelsSource, Tag("labels")]
    | Annotated[HttpSource, Tag("http")],
    Discriminator(_source_key),
]

Harmful: TypeAlias = Annotated[
    Literal["increase", "decrease", "either"], Field(description="Which change is bad; either doubles the cost.")
]


class RateRatio(Part):
    """How many times more often an event happens under the candidate; holds at every look."""

    kind: Literal["rate_ratio"]
    harmful: Harmful = "increase"
    min_harm: Annotated[float, Field(gt=1, description="Smallest ratio that is looked for.")] = 1.25
    margin: Annotated[
        float, Field(gt=1, description="Largest ratio that noninferior accepts: 2.0 is twice as often.")
    ] = 2.0


class PairedSign(Part):
    """Which model is right more often where exactly one is; holds at every look."""

    kind: Literal["paired_sign"]
    harmful: Harmful = "increase"
    margin: Annotated[
        float, Field(gt=0, lt=1, description="Largest loss that noninferior accepts, as a share of the units.")
    ] = 0.02


class MeanDifference(Part):
    """The difference of the units' means; holds at every look."""

    kind: Literal["mean_diff"]
    harmful: Harmful = "increase"
    margin: Annotated[
        float, Field(gt=0, description="Largest loss that noninferior accepts, in the metric's own unit.")
    ] = 0.02


class Threshold(Part):
    """A number against fixed limits."""

    kind: Literal["threshold"]
    min: Annotated[float | None, Field(description="Smallest value that passes.")] = None
    max: Annotated[float | None, Field(description="Largest value that passes.")] = None
    min_samples: Annotated[int, Field(ge=1, description="With fewer samples nothing is said.")] = 500


class Psi(Part):
    """Population stability index against the reference."""

    kind: Literal["psi"]
    reference: Annotated[
        Literal["lockfile"], Field(description="The profile of the training data that the lock names.")
    ] = "lockfile"
    max: Annotated[float, Field(gt=0, le=10, description="Largest value that passes.")] = 0.25
    min_samples: Annotated[int, Field(ge=1, description="With fewer samples nothing is said.")] = 500


class Ks(Part):
    """Kolmogorov-Smirnov distance to the reference."""

    kind: Literal["ks"]
    reference: Annotated[
        Literal["lockfile"], Field(description="The profile of the training data that the lock names.")
    ] = "lockfile"
    max: Annotated[float, Field(gt=0, lt=1, description="Largest distance that passes.")] = 0.1
    min_samples: Annotated[int, Field(ge=1, description="With fewer samples nothing is said.")] = 500


Test: TypeAlias = RateRatio | PairedSign | MeanDifference | Threshold | Psi | Ks

# Tests that suit a source; the first is used when a metric names none. A threshold on counts of few events would
# abort healthy models, so there is none for errors and latency.
SUITABLE: dict[str, tuple[str, ...]] = {
    "gateway error": ("rate_ratio",),
    "gateway latency": ("rate_ratio",),
    "gateway prediction": ("ks", "psi", "mean_diff"),
    "gateway features": ("psi", "ks"),
    "shadow agreement": ("threshold", "paired_sign"),
    "labels correct": ("paired_sign", "rate_ratio", "threshold"),
    "labels score": ("mean_diff", "paired_sign", "threshold"),
    "http": ("threshold",),
}

PAIRED = frozenset({"shadow agreement", "labels correct", "labels score"})


class Metric(Part):
    """One thing that is measured on both arms, and what its answer does."""

    name: Annotated[Name, Field(description="Name in receipts and reports.", examples=["errors"])]
    role: Annotated[
        Literal["guardrail", "signal", "observe"],
        Field(description="What a failed test does: guardrail rolls back, signal holds, observe is only recorded."),
    ] = "guardrail"
    source: Annotated[Source, Field(description="Where the values come from.")]
    test: Annotated[
        Annotated[Test, Field(discriminator="kind")] | None,
        Field(description="How the arms are compared; when left out, the test that suits the source."),
    ] = None
    required_at: Annotated[
        tuple[str, ...] | None,
        Field(
            min_length=1,
            description="Names of the steps, or bake, that wait for this metric; all when left out.",
            examples=[["bake"]],
        ),
    ] = None

    def source_name(self) -> str:
        """Return what the metric reads: "gateway error", "labels correct", "http"."""
        match self.source:
            case GatewaySource():
                return f"gateway {self.source.gateway}"
            case ShadowSource():
                return f"shadow {self.source.shadow}"
            case LabelsSource():
                return f"labels {self.source.labels}"
            case HttpSource():
                return "http"

    def chosen_test(self) -> Test:
        """Return the test that is given, or else the one that suits the source."""
        if self.test is not None:
            return self.test
        match SUITABLE[self.source_name()][0]:
            case "rate_ratio":
                return RateRatio(kind="rate_ratio")
            case "paired_sign":
                return PairedSign(kind="paired_sign", harmful="decrease")
            case "mean_diff":
                return MeanDifference(kind="mean_diff", harmful="decrease")
            case "psi":
                return Psi(kind="psi")
            case "ks":
                return Ks(kind="ks")
            case _:
                return Threshold(kind="threshold", min=0.9)

    def is_required_at(self, step: str) -> bool:
        """Say whether a step, or bake, waits for this metric."""
        return self.required_at is None or step in self.required_at


def metric_findings(metric: Metric) -> list[Finding]:
    """Return what is wrong within one metric: a test that does not suit the source, or limits that are missing."""
    return [*_source_findings(metric), *_test_findings(metric)]


def _source_findings(metric: Metric) -> list[Finding]:
    """Latency says what counts as slow; nothing else does."""
    source = metric.source
    if not isinstance(source, GatewaySource) or (source.gateway == "latency") == (source.over is not None):
        return []
    if source.gateway == "latency":
        return [Finding(("source",), "missing-over", "latency needs over: what counts as slow", "add over: 250ms")]
    message = f"over {source.over} only makes sense for latency, not for {source.gateway}"
    return [Finding(("source", "over"), "needless-over", message, "remove over")]


def _test_findings(metric: Metric) -> list[Finding]:
    """A metric's test suits its source: paired tests need shadow or labels, errors and latency a rate_ratio."""
    source, test = metric.source_name(), metric.test
    if test is None:
        if source != "http":
            return []
        message = f'metric "{metric.name}" reads a URL and needs a test with its limits'
        return [Finding((), "missing-test", message, "add test: {kind: threshold, max: …}")]
    suitable = SUITABLE[source]
    if test.kind == "paired_sign" and source not in PAIRED:
        message = f'paired_sign compares answers to the same request, which "{source}" does not have'
        return [Finding(("test", "kind"), "unpaired-source", message, "read from shadow or labels, or use rate_ratio")]
    if test.kind not in suitable:
        message = f'test {test.kind} does not suit the source "{source}"'
        return [Finding(("test", "kind"), "unsuited-test", message, f"use {' or '.join(suitable)}")]
    return _limit_findings(test) if isinstance(test, Threshold) else []


def _limit_findings(test: Threshold) -> list[Finding]:
    """A threshold has a limit that can be met."""
    if test.min is None and test.max is None:
        return [Finding(("test",), "missing-limit", "a threshold needs min or max", "for example: min: 0.90")]
    if test.min is not None and test.max is not None and test.min > test.max:
        message = f"min {test.min} is above max {test.max}: no value can pass"
        return [Finding(("test", "min"), "empty-range", message, "swap them")]
    return []
