"""Parts of the Rollout document that say who gets the candidate and when: assignment, steps, bake, hard stops."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Duration, Name, Part, Percent, complaint, seconds


class Unit(Part):
    """What is assigned to an arm, and counted once in the statistics."""

    source: Annotated[
        Literal["header", "cookie", "json_path", "request_id"], Field(description="Where the unit's key is read from.")
    ] = "request_id"
    name: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Name of the header or cookie, or the path in the request's JSON; needless for request_id.",
            examples=["x-user-id"],
        ),
    ] = None

    @model_validator(mode="after")
    def _source_is_named(self) -> "Unit":
        """A header, cookie or json_path is named; a request_id is not."""
        if self.source != "request_id" and self.name is None:
            raise complaint(
                "missing-unit-name", "a unit from a {source} needs its name", "add name: …", source=self.source
            )
        if self.source == "request_id" and self.name is not None:
            raise complaint(
                "needless-unit-name",
                'a unit from the request_id has no name, here it is "{name}"',
                "remove name, or set source: header",
                name=self.name,
            )
        return self


class HeaderMatch(Part):
    """A request header with an exact value."""

    header: Annotated[str, Field(min_length=1, description="Name of the header.", examples=["x-mlops-variant"])]
    exact: Annotated[str, Field(description="The value it must have.", examples=["canary"])]


class Override(Part):
    """Requests that are sent to one arm whatever their unit, such as those of testers."""

    match: Annotated[HeaderMatch, Field(description="Which requests.")]
    variant: Annotated[Literal["stable", "candidate"], Field(description="The model that answers them.")]
    counts_as_evidence: Annotated[bool, Field(description="Whether the statistics count them.")] = False


class Assignment(Part):
    """How units are divided between the stable model and the candidate; a unit stays where it is while weights grow."""

    unit: Annotated[Unit, Field(description="What is assigned, and counted.")] = Unit.model_construct()
    on_missing: Annotated[
        Literal["stable", "per_request", "reject"],
        Field(description="What happens to a request without the unit's key."),
    ] = "stable"
    hash: Annotated[
        Literal["sha256-u64/v1"],
        Field(
            description="Frozen algorithm: first 8 bytes, big endian, of sha256(salt + 0x1f + unit), modulo buckets."
        ),
    ] = "sha256-u64/v1"
    salt: Annotated[
        str | None,
        Field(description="Text mixed into the hash; null means <service>/<rollout id>, so each rollout draws anew."),
    ] = None
    buckets: Annotated[
        int, Field(ge=100, le=1_000_000, multiple_of=100, description="Resolution: 10000 buckets are steps of 0.01 %.")
    ] = 10_000
    control: Annotated[
        Literal["auto", "matched", "rest"],
        Field(
            description="Which units of the stable model are compared: matched is a group as large as the canary, "
            "rest is everybody else, auto is rest for rate_ratio and matched otherwise."
        ),
    ] = "auto"
    overrides: Annotated[tuple[Override, ...], Field(description="Requests with a fixed arm.")] = ()


class Hold(Part):
    """How long a step lasts, and how much it must have seen."""

    min_duration: Annotated[
        Duration, Field(description="Shortest stay; at least one full period where traffic has a season.")
    ] = "10m"
    max_duration: Annotated[Duration, Field(description="Longest stay; then decision.on_inconclusive applies.")] = "24h"
    min_samples: Annotated[
        Literal["auto"] | Annotated[int, Field(ge=1)],
        Field(description="Units each compared arm must have; auto derives them from the base rate and the margin."),
    ] = "auto"

    @model_validator(mode="after")
    def _shortest_is_below_longest(self) -> "Hold":
        """A step's min_duration is at most its max_duration."""
        if seconds(self.min_duration) > seconds(self.max_duration):
            raise complaint(
                "hold-too-short",
                "min_duration {low} is longer than max_duration {high}",
                "raise max_duration, or lower min_duration",
                low=self.min_duration,
                high=self.max_duration,
            )
        return self


class Step(Part):
    """One rung of the ladder: a share of the units for the candidate, or a share of the requests mirrored to it."""

    name: Annotated[Name, Field(description="Name of the step in receipts and conditions.", examples=["s10"])]
    weight: Annotated[Percent | None, Field(description="Percent of the units; never below an earlier step.")] = None
    mirror: Annotated[
        Percent | None,
        Field(description="Percent of the requests that the candidate scores too; its answers are discarded."),
    ] = None
    hold: Annotated[Hold, Field(description="How long the step lasts.")] = Hold.model_construct()
    gate: Annotated[
        Literal["auto", "manual"],
        Field(description="What ends the step: a passed verdict, or a commit that a person reviewed."),
    ] = "auto"


PRESETS: dict[str, tuple[int, ...]] = {
    "progressive-3": (10, 50, 100),
    "progressive-6": (2, 5, 10, 25, 75, 100),
}


def preset_steps(preset: str) -> tuple[Step, ...]:
    """Return the steps of a preset, named s10, s50, … after their weights."""
    return tuple(Step(name=f"s{weight}", weight=weight) for weight in PRESETS[preset])


class Bake(Part):
    """The time after 100 %: still watched, and still rolled back by itself."""

    duration: Annotated[
        Duration, Field(description="How long; longer than the labels of metrics required here need to mature.")
    ] = "24h"
    keep_stable_warm: Annotated[bool, Field(description="Whether the previous model stays loaded.")] = True
    compare: Annotated[
        Literal["reverse_shadow", "holdback", "none"],
        Field(
            description="Who is the control when everybody has the candidate: the previous model scoring the same "
            "requests, a share that is held back on it, or nobody."
        ),
    ] = "reverse_shadow"
    holdback: Annotated[
        int | None, Field(ge=1, le=50, description="Percent held back on the previous model; with compare: holdback.")
    ] = None

    @model_validator(mode="after")
    def _control_exists(self) -> "Bake":
        """A bake with a control keeps the stable model warm; holdback is given with compare: holdback and only then."""
        if self.compare != "none" and not self.keep_stable_warm:
            raise complaint(
                "cold-control",
                "compare: {compare} needs the stable model, but keep_stable_warm is false",
                "set keep_stable_warm: true, or compare: none",
                compare=self.compare,
            )
        if self.compare == "holdback" and self.holdback is None:
            raise complaint("missing-holdback", "compare: holdback needs the share to hold back", "add holdback: 5")
        if self.compare != "holdback" and self.holdback is not None:
            raise complaint(
                "needless-holdback",
                "{share} % are held back, but compare is {compare}",
                "remove holdback, or set compare: holdback",
                share=self.holdback,
                compare=self.compare,
            )
        return self


class LoadFailed(Part):
    """The candidate cannot be loaded."""

    when: Literal["load_failed"]


class InvalidOutput(Part):
    """The candidate answers with something that is no valid prediction."""

    when: Literal["invalid_output"]
    count: Annotated[int, Field(ge=1, description="How many such answers.")] = 1


class ConsecutiveErrors(Part):
    """The candidate fails several times in a row."""

    when: Literal["consecutive_errors"]
    count: Annotated[int, Field(ge=1, description="How many failures in a row.")] = 5


class ErrorRate(Part):
    """The candidate fails for a large share of the requests in a window."""

    when: Literal["error_rate"]
    above: Annotated[float, Field(gt=0, lt=1, description="Share of failed requests.")] = 0.5
    min_requests: Annotated[int, Field(ge=1, description="With fewer requests in the window nothing is said.")] = 10
    window: Annotated[Duration, Field(description="Length of the window.")] = "1m"


class Unhealthy(Part):
    """The candidate's health check fails several times in a row."""

    when: Literal["unhealthy"]
    count: Annotated[int, Field(ge=1, description="How many failed checks in a row.")] = 3


HardStop = Annotated[
    LoadFailed | InvalidOutput | ConsecutiveErrors | ErrorRate | Unhealthy, Field(discriminator="when")
]

HARD_STOPS: tuple[HardStop, ...] = (
    LoadFailed.model_construct(when="load_failed"),
    InvalidOutput.model_construct(when="invalid_output"),
    ConsecutiveErrors.model_construct(when="consecutive_errors"),
    ErrorRate.model_construct(when="error_rate"),
    Unhealthy.model_construct(when="unhealthy"),
)
