"""The result of an assessment, and its plain JSON form, which is stored and which reports are built from."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_runner.digest import Json
from mlops_runner.evaluate.gates.values import GateVerdict
from mlops_runner.evaluate.inputs import wanted_metrics
from mlops_runner.evaluate.measured import Measured
from mlops_runner.evaluate.metrics.queries import queries_of
from mlops_runner.evaluate.spread import comparison_json, intervals_json
from mlops_runner.evaluate.tables import Cell, slice_rows
from mlops_runner.evaluate.threshold import OBJECTIVES, ChosenThreshold
from mlops_runner.evaluate.values import BASELINE, CHAMPION, Cut, Unmeasured

VERSION = 2


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What is known about the models after measuring. thresholds: per model, empty when the task has none."""

    known: Measured
    thresholds: Mapping[str, ChosenThreshold]
    gates: tuple[GateVerdict, ...]
    curves: Mapping[str, Json]

    @property
    def winner(self) -> str:
        """The best candidate."""
        return self.known.winner

    @property
    def passed(self) -> bool:
        """Whether no gate refuses the winner."""
        return not any(gate.blocks for gate in self.gates)

    def flat_metrics(self) -> dict[str, float]:
        """Return the winner's numbers for the lock: "test.roc_auc" -> value, and "threshold". Unmeasured: left out."""
        flat = {
            f"{cell.split}.{cell.metric}": value
            for cell, value in self.known.table.items()
            if cell.model == self.winner and cell.slice is None and not isinstance(value, Unmeasured)
        }
        if self.winner in self.thresholds:
            value = self.thresholds[self.winner].value
            flat |= {"threshold": value} if isinstance(value, float) else dict(zip(self._cuts(), value, strict=True))
        return flat

    def _cuts(self) -> list[str]:
        return [f"threshold.{label}" for label in self.known.options.classes]

    def as_json(self) -> dict[str, Json]:
        """Return a plain JSON value, the same for the same inputs. Metrics that could not be measured are null."""
        chosen, options = self.thresholds.get(self.winner), self.known.options
        select = options.select
        return {
            "version": VERSION,
            "task": options.task,
            "classes": list(options.classes),
            "order": list(options.evaluation.metrics),
            "digits": options.evaluation.digits,
            "winner": self.winner,
            "passed": self.passed,
            "select": {"metric": select.metric, "split": select.split, "direction": select.direction},
            **({"weight": options.weight} if options.weight else {}),
            "rows": {name: len(side.target) for name, side in self.known.sides.items()},
            "threshold": None if chosen is None else self._threshold(chosen),
            "thresholds": {model: _plain(found.value) for model, found in self.thresholds.items()},
            "metrics": self._metrics(),
            "slices": self._slices(),
            "intervals": intervals_json(self.known),
            "comparison": comparison_json(self.known),
            "unmeasured": self._unmeasured(),
            "gates": [gate.as_json() for gate in self.gates],
            "curves": self.curves,
            **self._queries(),
            **self._labels(),
        }

    def _threshold(self, chosen: ChosenThreshold) -> dict[str, Json]:
        value: dict[str, Json] = {"rule": chosen.rule, "value": _plain(chosen.value)}
        if chosen.objective is not None:
            name, digits = OBJECTIVES.get(chosen.rule, "score"), self.known.options.evaluation.digits
            value |= {"split": chosen.split, name: _plain(chosen.objective, digits)}
        return value

    def _metrics(self) -> dict[str, Json]:
        found: dict[str, dict[str, dict[str, Json]]] = {}
        for cell, value in self.known.table.items():
            if cell.slice is None:
                row = found.setdefault(cell.model, {}).setdefault(cell.split, {})
                row[cell.metric] = None if isinstance(value, Unmeasured) else value
        return dict(found)

    def _slices(self) -> dict[str, Json]:
        sides = self.known.sides
        return {
            name: {
                side: {
                    "rows": slice_rows(sides[side], name),
                    **self._positives(side, name),
                    "metrics": {model: self._row(model, side, name) for model in self._sliced()},
                }
                for side in sides
            }
            for name in self.known.options.evaluation.slices
        }

    def _queries(self) -> dict[str, Json]:
        """Count the queries of each side; nothing for other tasks than ranking."""
        if self.known.options.task != "ranking":
            return {}
        samples = self.known.samples[self.winner]
        counts: dict[str, Json] = {side: dict(queries_of(sample)) for side, sample in samples.items()}
        return {"queries": counts}

    def _labels(self) -> dict[str, Json]:
        """Count the rows that have each label, and those that lack it; nothing for other tasks than multilabel."""
        if self.known.options.task != "multilabel":
            return {}
        labels, sides = self.known.options.classes, self.known.sides.items()
        found: dict[str, Json] = {
            name: {
                side: {"with": int(of.target[:, at].sum()), "without": int((of.target[:, at] == 0).sum())}
                for side, of in sides
            }
            for at, name in enumerate(labels)
        }
        return {"labels": found}

    def _sliced(self) -> list[str]:
        """Return the models that are shown on slices."""
        return [model for model in (self.winner, BASELINE, CHAMPION) if model in self.known.samples]

    def _positives(self, side: str, part: str) -> dict[str, Json]:
        """Count the positives of a slice: without them a recall of a few rows looks like a finding."""
        if self.known.options.task != "binary":
            return {}
        found = self.known.sides[side]
        return {"positives": int(found.target[found.slices[part]].sum())}

    def _row(self, model: str, side: str, part: str) -> dict[str, Json]:
        metrics = wanted_metrics(self.known.options)
        found = {metric: self.known.table[Cell(model, side, part, metric)] for metric in metrics}
        return {metric: None if isinstance(value, Unmeasured) else value for metric, value in found.items()}

    def _unmeasured(self) -> list[Json]:
        """Reasons for what could not be measured; on slices only for the models that are shown there."""
        return [
            _reason(cell, value)
            for cell, value in self.known.table.items()
            if isinstance(value, Unmeasured) and (cell.slice is None or cell.model in self._sliced())
        ]


def _plain(value: Cut, digits: int | None = None) -> Json:
    """Return a number, or a list of them for the labels, as JSON."""
    if isinstance(value, tuple):
        return [_plain(one, digits) for one in value]
    return value if digits is None else round(value, digits)


def _reason(cell: Cell, value: Unmeasured) -> Json:
    place: dict[str, Json] = {"model": cell.model, "split": cell.split, "slice": cell.slice, "metric": cell.metric}
    return {**place, "reason": value.reason}
