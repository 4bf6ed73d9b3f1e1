"""Sections made of numbers: gates, metrics, slices, and what could not be measured."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlops_runner.reports.builders.text import (
    ABSENT,
    interval_word,
    metric_text,
    number_text,
    threshold_text,
    thresholds_fact,
)
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
from mlops_runner.reports.evidence import Evidence

SIDES = ("test", "validation", "train")
# Gates that are not measured on a side of the split.
PLACES = {"size": "files", "latency": "this machine"}
DRAWN = {
    "group": "whole groups",
    "query": "whole queries",
    "row of a class": "rows of each class",
    "block": "blocks of moments",
    "moment": "whole moments",
}


def gates_section(evidence: Evidence) -> Section:
    """The gates, those that refuse the model first."""
    gates = [_gate(gate) for gate in evidence["gates"]]
    gates.sort(key=lambda gate: (not gate.blocks, gate.answer == "pass"))
    return Section("Gates", (Verdicts(tuple(gates)), *groups_tables(evidence)) if gates else ())


def groups_tables(evidence: Evidence) -> tuple[Table, ...]:
    """What each gate of fairness compared."""
    return tuple(_groups(gate) for gate in evidence["gates"] if gate["kind"] == "fairness" and gate.get("details"))


def _groups(gate: Mapping[str, Any]) -> Table:
    """What a gate of fairness compared: the groups with their rates, and those that were too small."""
    names = [name for name in gate["details"][0] if name not in {"group", "rows", "compared"}]
    rates = [name for name in names if not name.startswith("rows of ")]
    heads = [head for rate in rates for head in (rate, f"of rows, {rate}" if len(rates) > 1 else "of rows")]
    columns = (Column(f"Groups of {gate['name']}"), Column("Rows", "right"), *(Column(head, "right") for head in heads))
    rows = tuple(
        (
            Cell(one["group"], small="" if one["compared"] else "too few rows to be compared"),
            f"{one['rows']:,}",
            *(cell for rate in rates for cell in (metric_text(one[rate]), f"{one[f'rows of {rate}']:,}")),
        )
        for one in gate["details"]
    )
    return Table(columns, rows)


def _gate(gate: Mapping[str, Any]) -> Gate:
    where = PLACES.get(gate["kind"]) or " · ".join(part for part in (gate["split"], gate["slice"]) if part)
    return Gate(gate["name"], where, gate["answer"], gate["comparison"], gate["blocks"])


def metrics_section(evidence: Evidence) -> Section:
    """Every model on every side, the test side first, and how the threshold was chosen."""
    winner, metrics = evidence["winner"], evidence["metrics"]
    models = ranked(metrics, winner)
    places = [(side, model) for side in SIDES for model in models if side in metrics[model]]
    names = in_order(evidence, metrics[winner][places[0][0]])
    heads = [*names, "threshold"] if _thresholds_differ(evidence) else names
    columns = (Column("Side"), Column("Model"), *(Column(name, "right") for name in heads))
    rows = tuple(_metric_row(evidence, side, model, names) for side, model in places)
    marked = frozenset(at for at, (_, model) in enumerate(places) if model == winner)
    select = evidence["select"]
    note = f"The winner is the candidate with the {_best(select)} {select['metric']} on the {select['split']} side."
    note = " ".join(filter(None, (note, weight_note(evidence), intervals_note(evidence))))
    facts = tuple(_metric_facts(evidence))
    return Section("Metrics", (Table(columns, rows, note, marked), *((Facts(facts),) if facts else ())))


def ranked(models: Iterable[str], winner: str) -> list[str]:
    """Return the winner first and the baseline last."""
    return sorted(models, key=lambda model: (model != winner, model == "baseline"))


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
    cut = (threshold_text(evidence["thresholds"][model], strong=won),) if _thresholds_differ(evidence) else ()
    bounds = (evidence.get("intervals") or {}).get("metrics", {}).get(model, {}).get(side, {})
    numbers = (metric_text(measured[name], strong=won, small=interval_word(bounds.get(name))) for name in names)
    return (Cell(side), title, *numbers, *cut)


def weight_note(evidence: Evidence) -> str:
    """Say by which column metrics are weighted; nothing when all rows count the same."""
    if not evidence.get("weight"):
        return ""
    return f"All metrics are weighted by {evidence['weight']}; numbers of rows and confusion matrices are not."


def intervals_note(evidence: Evidence) -> str:
    """Say what the intervals are, and what they are not."""
    found = evidence.get("intervals")
    if not found:
        return ""
    sides = found["sides"].values()
    drawn = " and ".join(dict.fromkeys(f"{one['resamples']:,}" for one in sides))
    unit = next(iter(dict.fromkeys(one["unit"] for one in sides)), "row")
    whole = DRAWN.get(unit, "rows")
    made = f"{100 * found['level']:g} % percentile bootstrap intervals, {drawn} resamples of {whole} per side"
    return f"In small: {made}. On the training side, and for a winner chosen among many, they are optimistic."


def _thresholds_differ(evidence: Evidence) -> bool:
    """Whether models differ in their threshold; those of several labels have a table of their own."""
    return evidence["task"] == "binary" and len(set(evidence["thresholds"].values())) > 1


def _metric_facts(evidence: Evidence) -> Iterator[tuple[str, Inline]]:
    """The column of the weights; the rule of the threshold, what it reached for the winner, and the winner's."""
    if evidence.get("weight"):
        yield "Weighted by", Cell(evidence["weight"], mono=True)
    chosen = evidence.get("threshold")
    if chosen is None:
        return
    yield "Threshold rule", Cell(chosen["rule"], mono=True)
    if "split" in chosen:
        yield "Chosen on", chosen["split"]
    if isinstance(chosen["value"], list):
        yield thresholds_fact("Threshold of the winner", chosen["value"])
        return
    if "cost" in chosen:
        yield "Total cost there", number_text(chosen["cost"])
    if "alarms" in chosen:
        yield "Alarms there", number_text(chosen["alarms"])
    if "score" in chosen:
        yield "Score there", metric_text(chosen["score"])
    yield "Threshold of the winner", threshold_text(chosen["value"])


def slices_section(evidence: Evidence) -> Section:
    """Every model that was measured on slices, the winner first; the test side where there is one."""
    tables = []
    for side in SIDES[:1] if any("test" in found for found in evidence["slices"].values()) else SIDES[1:2]:
        places = [(name, found[side]) for name, found in evidence["slices"].items() if side in found]
        tables += [_slice_table(evidence, side, places)] if places else []
    return Section("Slices", tuple(tables))


def _slice_table(evidence: Evidence, side: str, places: list[tuple[str, Any]]) -> Table:
    winner = evidence["winner"]
    names = in_order(evidence, places[0][1]["metrics"][winner])
    counts = [count for count in ("rows", "positives") if all(count in found for _, found in places)]
    heads = (Column("Slice"), *(Column(count.title(), "right") for count in counts), Column("Model"))
    entries = [(name, model, found) for name, found in places for model in ranked(found["metrics"], winner)]
    rows = tuple(
        (
            name,
            *(f"{found[count]:,}" for count in counts),
            *_slice_numbers(found["metrics"][model], model, winner, names, _slice_bounds(evidence, name, model, side)),
        )
        for name, model, found in entries
    )
    marked = frozenset(at for at, (_, model, _) in enumerate(entries) if model == winner)
    note = " ".join(_slice_notes(evidence, side, {model for _, model, _ in entries}, rows))
    return Table((*heads, *(Column(name, "right") for name in names)), rows, note, marked)


def _slice_bounds(evidence: Evidence, part: str, model: str, side: str) -> Mapping[str, Any]:
    slices = (evidence.get("intervals") or {}).get("slices", {})
    found: Mapping[str, Any] = slices.get(part, {}).get(model, {}).get(side, {})
    return found


def _slice_numbers(
    measured: Mapping[str, Any], model: str, winner: str, names: list[str], bounds: Mapping[str, Any]
) -> Iterator[Inline]:
    won = model == winner
    yield Cell(f"{model} ★ winner" if won else model, strong=won)
    for name in names:
        yield metric_text(measured[name], strong=won, small=interval_word(bounds.get(name)))


def _slice_notes(evidence: Evidence, side: str, shown: set[str], rows: tuple[tuple[Inline, ...], ...]) -> Iterator[str]:
    yield f"Measured on the {side} side."
    if evidence.get("weight"):
        yield f"Metrics are weighted by {evidence['weight']}."
    if shown < set(evidence["metrics"]):
        yield f"Only {_listed(sorted(shown, key=lambda model: model != evidence['winner']))} are shown on slices."
    if any(isinstance(cell, Cell) and cell.text == ABSENT for row in rows for cell in row):
        yield "A dash could not be measured; the reason is listed further below."


def _listed(models: list[str]) -> str:
    words = [f"the {model}" if model in {"baseline", "champion"} else "the winner" for model in models]
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]


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
