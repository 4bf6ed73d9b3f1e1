"""Sections made of numbers: gates, metrics, slices, and what could not be measured."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlops_runner.reports.builders.text import metric_text, number_text
from mlops_runner.reports.document import (
    Cell,
    Column,
    Facts,
    Gate,
    Inline,
    Section,
    Table,
    Verdicts,
)

Evidence = Mapping[str, Any]

SIDES = ("test", "validation", "train")


def gates_section(evidence: Evidence) -> Section:
    """The gates, those that refuse the model first."""
    gates = [_gate(gate) for gate in evidence["gates"]]
    gates.sort(key=lambda gate: (not gate.blocks, gate.answer == "pass"))
    return Section("Gates", (Verdicts(tuple(gates)),) if gates else ())


def _gate(gate: Mapping[str, Any]) -> Gate:
    where = gate["split"] if gate["slice"] is None else f"{gate['split']} · {gate['slice']}"
    return Gate(gate["name"], where, gate["answer"], gate["comparison"], gate["blocks"])


def metrics_section(evidence: Evidence) -> Section:
    """Every model on every side, the test side first, and how the threshold was chosen."""
    winner, metrics = evidence["winner"], evidence["metrics"]
    models = [winner, *(model for model in metrics if model not in (winner, "baseline")), "baseline"]
    places = [(side, model) for side in SIDES for model in models if side in metrics[model]]
    names = in_order(evidence, metrics[winner][places[0][0]])
    heads = [*names, "threshold"] if _thresholds_differ(evidence) else names
    columns = (Column("Side"), Column("Model"), *(Column(name, "right") for name in heads))
    rows = tuple(_metric_row(evidence, side, model, names) for side, model in places)
    marked = frozenset(at for at, (_, model) in enumerate(places) if model == winner)
    select = evidence["select"]
    note = f"The winner is the candidate with the {_best(select)} {select['metric']} on the {select['split']} side."
    threshold = (Facts(tuple(_threshold_facts(evidence))),) if evidence.get("threshold") else ()
    return Section("Metrics", (Table(columns, rows, note, marked), *threshold))


def _best(select: Mapping[str, Any]) -> str:
    return "highest" if select["direction"] == "maximize" else "lowest"


def in_order(evidence: Evidence, names: Iterable[str]) -> list[str]:
    """Return metrics in the order of the spec: its writer put first what matters most."""
    order = evidence.get("order", [])
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))


def _metric_row(evidence: Evidence, side: str, model: str, names: list[str]) -> tuple[Inline, ...]:
    won = model == evidence["winner"]
    measured = evidence["metrics"][model][side]
    title = Cell(f"{model} ★ winner", strong=True) if won else Cell(model)
    cut = (number_text(evidence["thresholds"][model]),) if _thresholds_differ(evidence) else ()
    return (Cell(side), title, *(metric_text(measured[name], strong=won) for name in names), *cut)


def _thresholds_differ(evidence: Evidence) -> bool:
    return len(set(evidence["thresholds"].values())) > 1


def _threshold_facts(evidence: Evidence) -> Iterator[tuple[str, Inline]]:
    """The rule, what it reached for the winner, and the winner's threshold."""
    chosen = evidence["threshold"]
    yield "Threshold rule", Cell(chosen["rule"], mono=True)
    if "split" in chosen:
        yield "Chosen on", chosen["split"]
    for name, words in (("cost", "Total cost there"), ("score", "Score there")):
        if name in chosen:
            yield words, number_text(chosen[name])
    yield "Threshold of the winner", number_text(chosen["value"])


def slices_section(evidence: Evidence) -> Section:
    """The winner, and below it the baseline, on every slice; the test side where there is one."""
    tables = []
    for side in SIDES[:1] if any("test" in found for found in evidence["slices"].values()) else SIDES[1:2]:
        places = [(name, found[side]) for name, found in evidence["slices"].items() if side in found]
        tables += [_slice_table(evidence, side, places)] if places else []
    return Section("Slices", tuple(tables))


def _slice_table(evidence: Evidence, side: str, places: list[tuple[str, Any]]) -> Table:
    winner = evidence["winner"]
    names = in_order(evidence, places[0][1]["metrics"][winner])
    columns = (Column("Slice"), Column("Rows", "right"), Column("Model"), *(Column(name, "right") for name in names))
    rows = tuple(
        (name, f"{found['rows']:,}", model, *(metric_text(found["metrics"][model][metric]) for metric in names))
        for name, found in places
        for model in (winner, "baseline")
    )
    note = f"Measured on the {side} side. A dash could not be measured; the reason is listed further below."
    return Table(columns, rows, note, frozenset(range(0, len(rows), 2)))


def unmeasured_section(evidence: Evidence) -> Section:
    """What could not be measured: one row per place and reason, models with the same gaps together."""
    metrics: dict[tuple[str, str, str, str], list[str]] = {}
    for entry in evidence["unmeasured"]:
        place = (entry["model"], entry["split"], entry["slice"] or "all rows", entry["reason"])
        metrics.setdefault(place, []).append(entry["metric"])
    models: dict[tuple[str, str, str, str], list[str]] = {}
    for (model, *rest), names in metrics.items():
        side, part, why = rest
        models.setdefault((side, part, why, ", ".join(names)), []).append(model)
    columns = tuple(Column(name) for name in ("Side", "Slice", "Models", "Reason", "Metrics"))
    rows = tuple((side, part, ", ".join(who), why, names) for (side, part, why, names), who in models.items())
    return Section("Could not be measured", (Table(columns, rows),) if rows else (), "detail")
