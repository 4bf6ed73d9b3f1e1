"""The Evaluation document's refits: what is learned by training the winner again, on other seeds or on fewer rows."""

from typing import Annotated

from pydantic import Field, model_validator

from mlops_runner.specs.base import Part, complaint

Portion = Annotated[float, Field(gt=0, lt=1)]


class LearningCurve(Part):
    """The winner, trained again on parts of the training rows: would more rows help?

    Every part holds the smaller ones. Rows of a group stay together; under a split by time, the latest rows are kept;
    else classes keep their shares.
    """

    shares: Annotated[
        tuple[Portion, ...],
        Field(min_length=1, max_length=20, description="Shares of the training rows, rising; all of them come on top."),
    ] = (0.1, 0.25, 0.5, 0.75)

    @model_validator(mode="after")
    def _rises(self) -> "LearningCurve":
        if list(self.shares) != sorted(set(self.shares)):
            raise complaint("invalid-shares", "shares must rise", "for example: shares: [0.1, 0.25, 0.5, 0.75]")
        return self
