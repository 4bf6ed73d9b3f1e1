"""The report of an evaluation: verdict first, then gates, numbers, figures, and where everything comes from."""

from collections.abc import Mapping
from typing import Any

from mlops_runner.reports.builders.background import data_section, lineage_section, parameters_section, repeat_section
from mlops_runner.reports.builders.figures import importance_section, plots_section
from mlops_runner.reports.builders.numbers import gates_section, metrics_section, slices_section, unmeasured_section
from mlops_runner.reports.builders.text import metric_text, number_text
from mlops_runner.reports.context import ReportContext
from mlops_runner.reports.document import Facts, Inline, Paragraph, Report, Section, Verdict

Evidence = Mapping[str, Any]

MOST_HIGHLIGHTS = 4


def build_evaluation_report(evidence: Evidence, context: ReportContext) -> Report:
    """Build the report from the JSON form of an assessment. Sections without content are left out."""
    sections = [
        gates_section(evidence),
        metrics_section(evidence),
        plots_section(evidence),
        slices_section(evidence),
        importance_section(context),
        unmeasured_section(evidence),
        parameters_section(context, str(evidence["winner"])),
        data_section(context),
        lineage_section(context),
        repeat_section(context),
    ]
    kept = tuple(section for section in sections if section.blocks)
    return Report(context.name, context.description, _verdict(evidence), _notes(context) + kept, _highlights(evidence))


def _verdict(evidence: Evidence) -> Verdict:
    gates = evidence["gates"]
    blocking = [gate for gate in gates if gate["blocks"]]
    warned = sum(gate["answer"] == "unmeasured" for gate in gates) - sum(
        gate["answer"] == "unmeasured" for gate in blocking
    )
    if not gates:
        return Verdict("unmeasured", "No gates are declared, so nothing was demanded of the model.")
    if blocking:
        return Verdict(
            "fail",
            f"{len(blocking)} of {_count(len(gates), 'gate')} refuse{_s(blocking)} the model: "
            + "; ".join(gate["comparison"] for gate in blocking)
            + ".",
        )
    aside = f" {_count(warned, 'gate')} could not be measured, which the specs allow." if warned else ""
    return Verdict("pass", f"{len(gates) - warned} of {_count(len(gates), 'gate')} passed.{aside}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _s(subjects: list[Any]) -> str:
    return "s" if len(subjects) == 1 else ""


def _highlights(evidence: Evidence) -> Facts:
    """The winner, its first metrics on the last side there is, and its threshold."""
    winner = evidence["winner"]
    measured = evidence["metrics"][winner]
    side = next(name for name in ("test", "validation", "train") if name in measured)
    items: list[tuple[str, Inline]] = [("Winner", winner)]
    items += [(f"{metric} · {side}", metric_text(value)) for metric, value in measured[side].items()][:MOST_HIGHLIGHTS]
    if evidence.get("threshold"):
        items.append(("Threshold", number_text(evidence["threshold"]["value"])))
    return Facts(tuple(items))


def _notes(context: ReportContext) -> tuple[Section, ...]:
    return (Section("Notes", tuple(Paragraph(note) for note in context.notes)),) if context.notes else ()
