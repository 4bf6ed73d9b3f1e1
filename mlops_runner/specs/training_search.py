"""Search of a Training document: which parameters of a candidate are tried, how, how often, and what measures them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Duration, Part, Scalar, complaint


class Range(Part):
    """What a parameter may be: one of some values, or a number between two ends (whole when both ends are)."""

    values: Annotated[
        tuple[Scalar, ...] | None, Field(min_length=1, description="The values.", examples=[["gbtree", "dart"]])
    ] = None
    min: Annotated[int | float | None, Field(description="Smallest number, included.")] = None
    max: Annotated[int | float | None, Field(description="Largest number, included.")] = None
    step: Annotated[int | float | None, Field(gt=0, description="Distance between numbers.")] = None
    log: Annotated[bool, Field(description="Whether small numbers are drawn as finely as large ones.")] = False

    @model_validator(mode="after")
    def _is_a_range(self) -> "Range":
        ends = self.min is not None and self.max is not None
        if (self.values is None) == (self.min is None and self.max is None):
            raise complaint("invalid-range", "a range needs either values, or min and max", "{min: 2, max: 10}")
        if self.values is None and not ends:
            raise complaint("invalid-range", "a range needs both min and max", "give the other end")
        if self.values is not None and (self.step is not None or self.log):
            raise complaint("invalid-range", "step and log are for numbers between min and max", "remove them")
        if self.min is not None and self.max is not None:
            self._check_ends(self.min, self.max)
        return self

    def _check_ends(self, low: float, high: float) -> None:
        if low >= high:
            raise complaint("empty-range", "min {low} is not below max {high}", "correct one", low=low, high=high)
        if self.log and (low <= 0 or self.step is not None):
            raise complaint("invalid-range", "log needs a min above 0 and no step", "raise min, or remove log or step")
        if self.whole and self.step is not None and not isinstance(self.step, int):
            raise complaint("invalid-range", "whole numbers need a whole step", "write step as a whole number")

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole."""
        return isinstance(self.min, int) and isinstance(self.max, int)

    @property
    def points(self) -> int | None:
        """Number of values, or None when there is no end of them."""
        if self.values is not None:
            return len(self.values)
        assert self.min is not None
        assert self.max is not None
        if self.step is None and not self.whole:
            return None
        return int((self.max - self.min) / (self.step or 1) + 1e-9) + 1


class Search(Part):
    """Tries parameters of a candidate and keeps the best. The trials are a step of their own, before the training."""

    space: Annotated[dict[str, Range], Field(min_length=1, description="Ranges by name of the parameter.")]
    method: Annotated[
        Literal["tpe", "random", "grid"],
        Field(description="tpe learns from earlier trials, random does not, grid tries every combination."),
    ] = "tpe"
    trials: Annotated[int, Field(ge=1, le=100_000, description="Most trials.")] = 50
    time: Annotated[
        Duration | None,
        Field(description="No new trials after this time; what comes out then depends on the machine."),
    ] = None
    measured_on: Annotated[
        Literal["folds", "validation"],
        Field(description="The folds that the Data document declares, or the validation side."),
    ] = "folds"
    metric: Annotated[str | None, Field(description="Metric of the trials; that of `select` unless given.")] = None
    batch: Annotated[
        int,
        Field(ge=1, le=1000, description="Trials drawn at a time, before any of them is known. Part of the result."),
    ] = 8
    max_failed: Annotated[
        float,
        Field(ge=0, le=1, description="Share of trials that may fail; when more do, at least five, the search stops."),
    ] = 0.5
    pruning: Annotated[
        Literal["none", "median"],
        Field(description="Whether a trial worse than the median of earlier ones is given up after a fold."),
    ] = "none"

    @model_validator(mode="after")
    def _grid_is_finite(self) -> "Search":
        if self.method == "grid":
            endless = [name for name, found in self.space.items() if found.points is None]
            if endless:
                name = endless[0]
                raise complaint(
                    "endless-grid", 'a grid needs steps: "{name}" has none', "give values or step", name=name
                )
            size = 1
            for found in self.space.values():
                size *= found.points or 1
            if size > self.trials:
                hint = "raise trials, or use method: random"
                raise complaint(
                    "large-grid", "the grid has {size} points, trials is {n}", hint, size=size, n=self.trials
                )
        if self.pruning != "none" and self.measured_on == "validation":
            raise complaint("needless-pruning", "pruning needs folds", "remove it, or measure on folds")
        return self
