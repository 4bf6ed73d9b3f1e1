"""Parts of the Rollout document that say what evidence does: decision, traffic split, rollback, notifications."""

from typing import Annotated, Literal

from pydantic import Field

from mlops_runner.specs.base import Duration, Part, Secret


class NoTraffic(Part):
    """What a step does when nothing arrives."""

    after: Annotated[Duration, Field(description="How long without a single unit.")] = "24h"
    do: Annotated[Literal["hold", "rollback"], Field(description="What then happens; never a failed test.")] = "hold"


class MetricError(Part):
    """What a step does when a metric cannot be read. An error is not a failure of the candidate."""

    after: Annotated[int, Field(ge=1, description="How many attempts in a row.")] = 10
    do: Annotated[Literal["hold", "rollback"], Field(description="What then happens.")] = "hold"


class Decision(Part):
    """How evidence becomes a verdict."""

    alpha: Annotated[
        float,
        Field(gt=0, lt=0.5, description="Probability of rolling back a harmless candidate, for the whole rollout."),
    ] = 0.05
    correction: Annotated[
        Literal["bonferroni", "none"], Field(description="How alpha is shared between the guardrails.")
    ] = "bonferroni"
    require: Annotated[
        Literal["no_harm", "noninferior"],
        Field(
            description="What passes: not proven harmful after min_samples and min_duration, or proven within margin."
        ),
    ] = "no_harm"
    evaluate_every: Annotated[Duration, Field(description="Time between looks; looking often costs nothing.")] = "60s"
    on_fail: Annotated[Literal["rollback", "hold"], Field(description="What a failed guardrail does.")] = "rollback"
    on_inconclusive: Annotated[
        Literal["hold", "promote", "rollback"], Field(description="What happens after max_duration without a verdict.")
    ] = "hold"
    on_no_traffic: Annotated[NoTraffic, Field(description="What happens without traffic.")] = (
        NoTraffic.model_construct()
    )
    on_metric_error: Annotated[MetricError, Field(description="What happens when a metric cannot be read.")] = (
        MetricError.model_construct()
    )


class SampleRatio(Part):
    """Check that the traffic is split as planned (sample ratio mismatch); a broken split makes every test void."""

    method: Annotated[Literal["sequential"], Field(description="Sequential multinomial test.")] = "sequential"
    alpha: Annotated[float, Field(gt=0, lt=0.5, description="Probability of a false alarm.")] = 0.001
    concentration: Annotated[float, Field(gt=0, description="Strength of the prior around the planned split.")] = 1000
    min_units: Annotated[int, Field(ge=1, description="With fewer units nothing is said.")] = 200
    do: Annotated[Literal["hold", "rollback"], Field(description="What a mismatch does.")] = "hold"


class Rollback(Part):
    """What happens when the candidate is sent back."""

    to: Annotated[Literal["last_verified", "previous"], Field(description="The model that takes the traffic.")] = (
        "last_verified"
    )
    speed: Annotated[Literal["immediate"], Field(description="From the next request on.")] = "immediate"
    quarantine: Annotated[bool, Field(description="Whether the candidate's digest is barred from then on.")] = True
    write_back: Annotated[
        Literal["pull_request", "commit", "none"],
        Field(description="How git learns of it; none prints a patch."),
    ] = "pull_request"
    auto_merge: Annotated[
        bool, Field(description="Whether the pull request merges by itself; only ever for changes that lower traffic.")
    ] = True
    max_evidence_age: Annotated[Duration, Field(description="Older failures are ignored after a restart.")] = "20m"


class Webhook(Part):
    """An address that is called; it is a secret."""

    webhook: Annotated[Secret, Field(description="The address.", examples=[{"secret": "MLOPS_WEBHOOK_URL"}])]


class Notification(Part):
    """Who is told about what."""

    events: Annotated[
        tuple[Literal["step_advanced", "held", "rolled_back", "promoted", "srm"], ...],
        Field(min_length=1, description="What is told."),
    ]
    to: Annotated[Webhook, Field(description="Who is told.")]
