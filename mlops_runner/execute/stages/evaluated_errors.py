"""Where the winner errs, and why it says what it says: found slices, worst rows, importance and contributions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from mlops_runner.digest import Json
from mlops_runner.evaluate.assessment import Assessment
from mlops_runner.evaluate.contributions import summed_contributions
from mlops_runner.evaluate.curves.thin import chosen_points
from mlops_runner.evaluate.found_slices import Drawn, Errors, find_slices, found_json, losses_of, measure_found
from mlops_runner.evaluate.importance import ImportanceOptions, permutation_importance
from mlops_runner.evaluate.worst_queries import QUERY_LOSS, constant_columns, errors_of_queries, worst_queries
from mlops_runner.evaluate.worst_rows import MOST_COLUMNS, Shown, worst_rows
from mlops_runner.train.artifacts import Candidate, predict
from mlops_runner.train.contributions import contributions
from mlops_runner.train.stored import AnyRows

# A prediction of a wide table takes its time however few its rows: at 3000 features, 33 are shuffled.
FEWEST_SHUFFLED, MOST_SHUFFLED, SHUFFLED_CELLS = 20, 100, 100_000
MOST_EXPLAINED = 1000
MOST_QUERY_COLUMNS = 5
CHOSEN_ON = "validation"


@dataclass(frozen=True, slots=True)
class Explained:
    """The assessment, its winner and the rows of each side. columns: what the data spec says of each column."""

    found: Assessment
    model: Candidate
    frames: Mapping[str, AnyRows]
    columns: Mapping[str, Any]
    seed: int

    @property
    def personal(self) -> frozenset[str]:
        """The columns that hold personal data."""
        return frozenset(name for name, facts in self.columns.items() if "pii" in facts["tags"])

    def explain(self) -> dict[str, Json]:
        """Return everything of this as plain JSON."""
        return {
            "found_slices": self._found_slices(),
            "worst_rows": self._worst_rows(),
            **self._worst_queries(),
            "importance": self._importance(),
            "contributions": self._contributions(),
        }

    def ranked(self) -> list[str]:
        """Return the features, those first that the model itself leans on: of a wide table not all can be looked at."""
        weight = dict.fromkeys((feature.name for feature in self.model.schema.features), 0.0)
        for output in self.model.record.importance.outputs if self.model.record.importance else ():
            weight[output.feature] = max(weight[output.feature], abs(output.value))
        return sorted(weight, key=lambda name: -weight[name])

    def _held(self, side: str) -> pl.DataFrame:
        """Return the rows of a side of a ranking, which are never left on the disk."""
        frame = self.frames[side]
        assert isinstance(frame, pl.DataFrame)
        return frame

    def _errors(self, side: str) -> tuple[str, Errors]:
        known = self.found.known
        sample = known.samples[known.winner][side]
        if sample.query is not None:
            return QUERY_LOSS, errors_of_queries(known.sides[side], self._held(side), sample)
        name, losses = losses_of(sample)
        return name, Errors(known.sides[side], self.frames[side], losses, sample.weight)

    def _found_slices(self) -> Json:
        """Look for slices on the validation side, and measure them on both sides; null when none are looked for.

        A value of personal data would name a person: such columns divide nothing.
        """
        evaluation = self.found.known.options.evaluation
        search = evaluation.find_slices
        if search is None or CHOSEN_ON not in self.frames:
            return None
        name, errors = self._errors(CHOSEN_ON)
        paths = find_slices(search, errors, self._dividing())
        intervals = evaluation.intervals
        seed = self.seed if intervals is None or intervals.seed is None else intervals.seed
        drawn = Drawn(intervals, seed, evaluation.digits)
        measured = {CHOSEN_ON: measure_found(paths, errors, Drawn(None, seed, evaluation.digits))}
        if "test" in self.frames:
            measured["test"] = measure_found(paths, self._errors("test")[1], drawn)
        return found_json(name, paths, measured, CHOSEN_ON)

    def _dividing(self) -> list[str]:
        """Return the features that may divide: of a ranking, those that tell whole queries apart."""
        names, query = [name for name in self.ranked() if name not in self.personal], self.model.schema.query
        return names if query is None else constant_columns(self._held(CHOSEN_ON), query, names)

    def _worst_queries(self) -> dict[str, Json]:
        """List the queries with the largest losses on the last side there is; nothing for other tasks than ranking."""
        query, most = self.model.schema.query, self.found.known.options.evaluation.worst_rows
        side = next((name for name in ("test", "validation", "train") if name in self.frames), None)
        if query is None or side is None or not most or not self.frames[side].height:
            return {}
        frame, sample = self._held(side), self.found.known.samples[self.found.winner][side]
        columns = constant_columns(frame, query, self.ranked())[:MOST_QUERY_COLUMNS]
        shown = Shown(columns, self.personal, answers=self.personal.isdisjoint(self.model.schema.targets))
        found = worst_queries(frame, sample, query, shown, most)
        told: dict[str, Json] = {"side": side, "loss": QUERY_LOSS, "columns": [query, *columns], "queries": list(found)}
        return {"worst_queries": told}

    def _worst_rows(self) -> Json:
        """List the rows with the largest losses on the last side there is; ids first, then what the model leans on."""
        most = self.found.known.options.evaluation.worst_rows
        side = next((name for name in ("test", "validation", "train") if name in self.frames), None)
        if not most or side is None or self.model.schema.query is not None:
            return None
        name, errors = self._errors(side)
        ids = [column for column, facts in self.columns.items() if facts["role"] in {"id", "time", "group"}]
        columns = [column for column in (*ids, *self.ranked()) if column in errors.frame.columns]
        sample = self.found.known.samples[self.found.winner][side]
        shown = Shown(columns, self.personal, answers=self.personal.isdisjoint(self.model.schema.targets))
        rows = worst_rows(errors.frame, sample, errors.losses, shown, most)
        return {"side": side, "loss": name, "columns": columns[:MOST_COLUMNS], "rows": list(rows)}

    def _importance(self) -> Json:
        """Shuffle each feature on the side the winner was selected on: the held-out side stays out of every choice."""
        known = self.found.known
        side, model = known.options.select.split, self.model
        line = known.sides[side].timeline
        options = ImportanceOptions(
            metric=known.options.select.metric,
            task=known.options.task,
            classes=known.options.classes,
            seed=self.seed,
            threshold=known.thresholds.get(known.winner),
            query=known.sides[side].queries,
            scale=None if line is None else line.scale,
            weight=known.sides[side].weight,
            max_features=max(FEWEST_SHUFFLED, min(MOST_SHUFFLED, SHUFFLED_CELLS // len(model.schema.features))),
        )
        rows = permutation_importance(
            lambda frame: predict(model, frame), self.frames[side], self.ranked(), known.sides[side].target, options
        )
        return [{"feature": row.feature, "drop": row.drop, "std": row.std} for row in rows]

    def _contributions(self) -> Json:
        """Sum up what each feature contributes on the last side there is; null for a winner that is no booster."""
        side = next((name for name in ("test", "validation", "train") if name in self.frames), None)
        if side is None or not self.frames[side].height:
            return None
        frame = self.frames[side]
        rows = chosen_points(frame.height, MOST_EXPLAINED)
        found = contributions(self.model, frame[rows])
        if found is None:
            return None
        names, values = found
        return {"side": side, "rows": len(rows), "features": summed_contributions(values, names)}
