"""The Evaluation document's threshold: the rules a decision threshold is chosen by."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Part, Share, complaint

ChosenOn = Annotated[Literal["train", "validation"], Field(description="Side it is chosen on; never the test side.")]


class CostRule(Part):
    """The threshold with the least total cost of wrong decisions. Equal costs: the lower threshold."""

    rule: Literal["cost"]
    false_negative: Annotated[float, Field(ge=0, description="Cost of missing a positive case.")]
    false_positive: Annotated[float, Field(ge=0, description="Cost of a false alarm.")]
    split: ChosenOn = "validation"


class FBetaRule(Part):
    """The threshold with the highest F-beta score."""

    rule: Literal["f_beta"]
    beta: Annotated[float, Field(gt=0, description="Weight of recall over precision.")] = 1.0
    split: ChosenOn = "validation"


class PrecisionAtRecallRule(Part):
    """The threshold with the highest precision among those that reach a recall."""

    rule: Literal["precision_at_recall"]
    recall: Annotated[Share, Field(description="Recall to reach.")]
    split: ChosenOn = "validation"


class RecallAtPrecisionRule(Part):
    """The threshold with the highest recall among those that reach a precision; an error when none does."""

    rule: Literal["recall_at_precision"]
    precision: Annotated[Share, Field(description="Precision to reach.")]
    split: ChosenOn = "validation"


class AlarmBudgetRule(Part):
    """The lowest threshold that raises no more alarms than can be looked at: a share of the rows, or a number of them.

    Rows with equal scores are decided alike, so that there may be fewer alarms than allowed.
    """

    rule: Literal["alarm_budget"]
    share: Annotated[float | None, Field(gt=0, le=1, description="Alarms as a share of the rows, at most.")] = None
    count: Annotated[int | None, Field(ge=1, description="Alarms on the side it is chosen on, at most.")] = None
    split: ChosenOn = "validation"

    @model_validator(mode="after")
    def _has_one_budget(self) -> "AlarmBudgetRule":
        if (self.share is None) == (self.count is None):
            raise complaint(
                "invalid-budget", "a budget of alarms needs either share or count", "for example: share: 0.02"
            )
        return self


class FixedRule(Part):
    """A threshold given by hand."""

    rule: Literal["fixed"]
    value: Annotated[Share, Field(description="The threshold.")] = 0.5


ChosenRule = CostRule | FBetaRule | PrecisionAtRecallRule | RecallAtPrecisionRule | AlarmBudgetRule
Threshold = Annotated[ChosenRule | FixedRule, Field(discriminator="rule")]
