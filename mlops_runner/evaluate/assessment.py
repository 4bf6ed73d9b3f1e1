"""The result of an assessment, and its plain JSON form, which is stored and which reports are built from."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_runner.digest import Json
from mlops_runner.evaluate.gates import GateVerdict
from mlops_runner.evaluate.inputs import wanted_metrics
from mlops_runner.evaluate.tables import Cell, Table, slice_rows
from mlops_runner.evaluate.threshold import ChosenThreshold
from mlops_runner.evaluate.values import BASELINE, Options, Side, Unmeasured

VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What is known about the models after measuring. thresholds: per model, empty when the task has none."""

    options: Options
    winner: str
    sides: Mapping[str, Side]
    thresholds: Mapping[str, ChosenThreshold]
    table: Table
    gates: tuple[GateVerdict, ...]
    curves: Mapping[str, Json]

    @property
    def passed(self) -> bool:
        """Whether no gate refuses the winner."""
        return not any(gate.blocks for gate in self.gates)

    def flat_metrics(self) -> dict[str, float]:
        """Return the winner's numbers for the lock: "test.roc_auc" -> value, and "threshold". Unmeasured: left out."""
        flat = {
            f"{cell.split}.{cell.metric}": value
            for cell, value in self.table.items()
            if cell.model == self.winner and cell.slice is None and not isinstance(value, Unmeasured)
        }
        if self.winner in self.thresholds:
            flat["threshold"] = self.thresholds[self.winner].value
        return flat

    def as_json(self) -> dict[str, Json]:
        """Return a plain JSON value, the same for the same inputs. Metrics that could not be measured are null."""
        chosen = self.thresholds.get(self.winner)
        select = self.options.select
        return {
            "version": VERSION,
            "task": self.options.task,
            "classes": list(self.options.classes),
            "order": list(self.options.evaluation.metrics),
            "digits": self.options.evaluation.digits,
            "winner": self.winner,
            "passed": self.passed,
            "select": {"metric": select.metric, "split": select.split, "direction": select.direction},
            "rows": {name: len(side.target) for name, side in self.sides.items()},
            "threshold": None if chosen is None else self._threshold(chosen),
            "thresholds": {model: found.value for model, found in self.thresholds.items()},
            "metrics": self._metrics(),
            "slices": self._slices(),
            "unmeasured": self._unmeasured(),
            "gates": [_gate(gate) for gate in self.gates],
            "curves": self.curves,
        }

    def _threshold(self, chosen: ChosenThreshold) -> dict[str, Json]:
        value: dict[str, Json] = {"rule": chosen.rule, "value": chosen.value}
        if chosen.objective is not None:
            name = "cost" if chosen.rule == "cost" else "score"
            value |= {"split": chosen.split, name: round(chosen.objective, self.options.evaluation.digits)}
        return value

    def _metrics(self) -> dict[str, Json]:
        found: dict[str, dict[str, dict[str, Json]]] = {}
        for cell, value in self.table.items():
            if cell.slice is None:
                row = found.setdefault(cell.model, {}).setdefault(cell.split, {})
                row[cell.metric] = None if isinstance(value, Unmeasured) else value
        return dict(found)

    def _slices(self) -> dict[str, Json]:
        return {
            name: {
                side: {
                    "rows": slice_rows(self.sides[side], name),
                    **self._positives(side, name),
                    "metrics": {model: self._row(model, side, name) for model in (self.winner, BASELINE)},
                }
                for side in self.sides
            }
            for name in self.options.evaluation.slices
        }

    def _positives(self, side: str, part: str) -> dict[str, Json]:
        """Count the positives of a slice: without them a recall of a few rows looks like a finding."""
        if self.options.task != "binary":
            return {}
        found = self.sides[side]
        return {"positives": int(found.target[found.slices[part]].sum())}

    def _row(self, model: str, side: str, part: str) -> dict[str, Json]:
        found = {metric: self.table[Cell(model, side, part, metric)] for metric in wanted_metrics(self.options)}
        return {metric: None if isinstance(value, Unmeasured) else value for metric, value in found.items()}

    def _unmeasured(self) -> list[Json]:
        """Reasons for what could not be measured; on slices only for the models that are shown there."""
        return [
            _reason(cell, value)
            for cell, value in self.table.items()
            if isinstance(value, Unmeasured) and (cell.slice is None or cell.model in (self.winner, BASELINE))
        ]


def _reason(cell: Cell, value: Unmeasured) -> Json:
    place: dict[str, Json] = {"model": cell.model, "split": cell.split, "slice": cell.slice, "metric": cell.metric}
    return {**place, "reason": value.reason}


def _gate(gate: GateVerdict) -> dict[str, Json]:
    return {
        "name": gate.name,
        "kind": gate.kind,
        "metric": gate.metric,
        "split": gate.split,
        "slice": gate.slice,
        "answer": gate.answer,
        "blocks": gate.blocks,
        "value": gate.value,
        "limit": gate.limit,
        "comparison": gate.comparison,
        "unmeasured": gate.unmeasured,
    }
