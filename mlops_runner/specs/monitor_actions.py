"""Parts of the Monitoring document that say what an alarm leads to: messages to people, and a new training."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from mlops_runner.specs.base import Duration, Part, Secret, Timezone
from mlops_runner.specs.cron import CronText


class AppriseChannel(Part):
    """A channel of apprise: mail, chat and more than a hundred others. Its URL is a secret."""

    apprise: Annotated[Secret, Field(description="The apprise URL.", examples=[{"secret": "ALERT_URL"}])]


class WebhookChannel(Part):
    """An address that receives the alarm as JSON. It is a secret."""

    webhook: Annotated[Secret, Field(description="The address.", examples=[{"secret": "ALERT_WEBHOOK"}])]


def _channel_key(value: object) -> str | None:
    given = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    return next((key for key in ("apprise", "webhook") if key in given), None)


Channel: TypeAlias = Annotated[
    Annotated[AppriseChannel, Tag("apprise")] | Annotated[WebhookChannel, Tag("webhook")],
    Discriminator(_channel_key),
]


class Route(Part):
    """Which alarms go where."""

    channel: Annotated[Channel, Field(description="Where they go.")]
    severity: Annotated[
        Literal["info", "warning", "critical"], Field(description="The quietest alarm that is sent.")
    ] = "warning"
    detectors: Annotated[
        tuple[str, ...] | None, Field(min_length=1, description="Names of detectors; all when left out.")
    ] = None
    cooldown: Annotated[Duration, Field(description="Silence after an alarm with the same dedupe key.")] = "24h"
    dedupe: Annotated[
        tuple[Literal["environment", "model", "detector", "column", "severity"], ...],
        Field(min_length=1, description="What makes two alarms the same."),
    ] = ("environment", "model", "detector", "column")


class Alerts(Part):
    """Who hears an alarm."""

    routes: Annotated[tuple[Route, ...], Field(description="The routes; every one that fits is taken.")] = ()


class DriftTrigger(Part):
    """An alarm of a drift detector."""

    kind: Literal["drift"]
    detectors: Annotated[
        tuple[str, ...] | None, Field(min_length=1, description="Names of detectors; all when left out.")
    ] = None


class PerformanceTrigger(Part):
    """The metric of `performance` fell by more than its margin."""

    kind: Literal["performance"]


class ScheduleTrigger(Part):
    """A recurring time."""

    kind: Literal["schedule"]
    cron: Annotated[CronText, Field(description="When.", examples=["0 3 1 * *"])]
    timezone: Annotated[Timezone, Field(description="Zone the cron expression is meant in.")] = "UTC"


class NewRowsTrigger(Part):
    """Enough labelled rows that the model has not seen."""

    kind: Literal["new_rows"]
    at_least: Annotated[int, Field(ge=1, description="How many.", examples=[10000])]


class AgeTrigger(Part):
    """The age of the stable model."""

    kind: Literal["age"]
    older_than: Annotated[Duration, Field(description="How old.", examples=["90d"])]


Trigger: TypeAlias = DriftTrigger | PerformanceTrigger | ScheduleTrigger | NewRowsTrigger | AgeTrigger


class Budget(Part):
    """How many trainings are allowed in a stretch of time."""

    count: Annotated[int, Field(ge=1, description="How many.")] = 2
    window: Annotated[Duration, Field(description="In how long.")] = "7d"


class Retrain(Part):
    """When a new model is trained. What comes of it is a pull request, never a promotion."""

    triggers: Annotated[
        tuple[Annotated[Trigger, Field(discriminator="kind")], ...],
        Field(description="Any of these starts a training; none when left out."),
    ] = ()
    cooldown: Annotated[Duration, Field(description="Shortest time between two trainings.")] = "24h"
    max_per: Annotated[Budget, Field(description="Most trainings in a stretch of time.")] = Budget.model_construct()
    opens: Annotated[Literal["pull_request"], Field(description="What a training ends in.")] = "pull_request"
