"""Sections of a model card about people in the data, and about what is not known of the model."""

from collections.abc import Iterator

from mlops_runner.reports.builders.numbers import groups_tables
from mlops_runner.reports.builders.text import interval_word, metric_word
from mlops_runner.reports.card_context import CardContext
from mlops_runner.reports.document import Block, Cell, Column, Inline, Paragraph, Section, Table
from mlops_runner.reports.evidence import Evidence
from mlops_runner.specs.evaluation_gates import FairnessGate, LatencyGate

TAGS = {"pii": "personal data", "protected": "protected attribute"}
HEADS = (Column("Limit"), Column("What is known"))


def ethics_section(evidence: Evidence, context: CardContext) -> Section:
    """Personal data and protected attributes, and groups that were compared."""
    blocks: list[Block] = [_people(context)]
    gates = context.core.evaluation.spec.gates
    if not any(isinstance(gate, FairnessGate) for gate in gates.values()):
        blocks.append(Paragraph("No gate compares groups of people: whether they are treated alike was not measured."))
    blocks += groups_tables(evidence)
    return Section("Ethical considerations", tuple(blocks))


def _people(context: CardContext) -> Block:
    columns = context.core.data.spec.columns
    tagged = [(name, [tag for tag in TAGS if tag in column.tags], column.role) for name, column in columns.items()]
    rows = tuple(
        (Cell(name, mono=True), ", ".join(TAGS[tag] for tag in tags), role, _use(role))
        for name, tags, role in tagged
        if tags
    )
    if not rows:
        return Paragraph("No column is tagged as personal data (pii) or as a protected attribute (protected).")
    note = (
        "Reports and profiles count personal data and never show it; what the model learned from a column it reads "
        "is in the model."
    )
    heads = tuple(Column(name) for name in ("Column", "Tagged as", "Role", "The model"))
    return Table(heads, rows, note)


def _use(role: str) -> str:
    return {"feature": "reads it", "target": "predicts it"}.get(role, "does not see it")


def caveats_section(evidence: Evidence, context: CardContext) -> Section:
    """What failed, what could not be measured, and where predictions are guesses."""
    rows = tuple(_limits(evidence, context))
    advice = Paragraph(
        "Outside of what training saw (see Inputs) a prediction is a guess; Model.validate names such rows. When the "
        "rows that come in look otherwise than these did, train again."
    )
    return Section("Caveats and recommendations", ((Table(HEADS, rows), advice) if rows else (advice,)))


def _limits(evidence: Evidence, context: CardContext) -> Iterator[tuple[Inline, ...]]:
    for gate in evidence["gates"]:
        if gate["answer"] == "fail":
            yield f"Gate {gate['name']} failed", gate["comparison"]
    for gate in evidence["gates"]:
        if gate["answer"] == "unmeasured":
            yield f"Gate {gate['name']} could not be measured", gate["comparison"]
    for name, spec in context.core.evaluation.spec.gates.items():
        if isinstance(spec, LatencyGate):
            yield f"Gate {name} is about a machine", f"at most {spec.max_ms:g} ms a row; mlops gate measures it"
    yield from _slices(evidence)
    yield from _weak(evidence)
    if refused := context.bundle.probe.refused:
        yield "Rows without an answer", f"The model has no prediction for: {', '.join(refused)}."
    never = [name for name, column in context.bundle.columns.items() if column.max_missing and not column.seen.missing]
    if never:
        yield "Missing values that training never saw", f"They are allowed in {_listed(never)}."


def _slices(evidence: Evidence) -> Iterator[tuple[Inline, ...]]:
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for one in evidence["unmeasured"]:
        if one["model"] == evidence["winner"]:
            place = (one["slice"] or "all rows", one["split"], one["reason"])
            reasons.setdefault(place, []).append(one["metric"])
    for (part, side, reason), metrics in reasons.items():
        yield f"Not measured: {part}, {side} side", f"{reason} ({_listed(metrics)})"


def _weak(evidence: Evidence) -> Iterator[tuple[Inline, ...]]:
    found = evidence.get("found_slices") or {"slices": ()}
    for one in found["slices"]:
        for side, of in one["sides"].items():
            if of.get("holds"):
                bounds = interval_word(of["excess_interval"])
                more = f"{metric_word(of['excess'])} ({bounds}) above all rows of the {side} side"
                yield f"Weak where {one['text']}", f"{found['loss']} {metric_word(of['loss'])}, {more}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
