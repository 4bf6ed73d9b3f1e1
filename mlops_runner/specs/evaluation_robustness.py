"""The Evaluation document's perturbations: what a robustness gate does to the rows before it measures again."""

from typing import Annotated, Literal

from pydantic import Field

from mlops_runner.specs.base import Part

Touched = Annotated[
    tuple[str, ...], Field(description="Columns it is done to; all features of a fitting type when left out.")
]


class Noise(Part):
    """Normal noise on numeric columns."""

    kind: Literal["noise"]
    sd: Annotated[float, Field(gt=0, le=10, description="Standard deviation, as a share of the column's own.")]
    columns: Touched = ()


class Missing(Part):
    """Values that go missing at random."""

    kind: Literal["missing"]
    share: Annotated[float, Field(gt=0, le=1, description="Share of the values of each column.")]
    columns: Touched = ()


class Shift(Part):
    """A shift of numeric columns, all rows by the same distance."""

    kind: Literal["shift"]
    sd: Annotated[float, Field(ge=-10, le=10, description="Distance, in standard deviations of the column.")]
    columns: Touched = ()


class Unseen(Part):
    """Categories that no training row had."""

    kind: Literal["unseen"]
    share: Annotated[float, Field(gt=0, le=1, description="Share of the values of each string column.")]
    columns: Touched = ()


Perturbation = Annotated[Noise | Missing | Shift | Unseen, Field(discriminator="kind")]
