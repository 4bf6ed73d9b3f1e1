"""The report of an evaluation: verdict first, then gates, numbers, figures, and where everything comes from."""

from mlops_runner.reports.builders.background import data_section, lineage_section, parameters_section, repeat_section
from mlops_runner.reports.builders.errors import contributions_section, found_slices_section, worst_rows_section
from mlops_runner.reports.builders.figures import importance_section, plots_section
from mlops_runner.reports.builders.numbers import (
    gates_section,
    in_order,
    metrics_section,
    slices_section,
    unmeasured_section,
)
from mlops_runner.reports.builders.quality import quality_section
from mlops_runner.reports.builders.queries import queries_section, worst_queries_section
from mlops_runner.reports.builders.refits import learning_curve_section, stability_section
from mlops_runner.reports.builders.search import search_section
from mlops_runner.reports.builders.spread import comparison_section
from mlops_runner.reports.builders.text import interval_word, metric_text, thresholds_fact
from mlops_runner.reports.context import ReportContext
from mlops_runner.reports.document import Facts, Inline, Paragraph, Report, Section, Verdict
from mlops_runner.reports.evidence import Evidence

MOST_HIGHLIGHTS = 4


def build_evaluation_report(evidence: Evidence, context: ReportContext) -> Report:
    """Build the report from the JSON form of an assessment. Sections without content are left out."""
    sections = [
        gates_section(evidence),
        metrics_section(evidence),
        comparison_section(evidence),
        stability_section(evidence),
        learning_curve_section(evidence),
        queries_section(evidence),
        plots_section(evidence),
        slices_section(evidence),
        found_slices_section(evidence),
        importance_section(context),
        contributions_section(evidence),
        worst_rows_section(evidence),
        worst_queries_section(evidence),
        unmeasured_section(evidence),
        *(search_section(name, found) for name, found in context.searches.items()),
        parameters_section(context, str(evidence["winner"])),
        data_section(context),
        quality_section(context.quality),
        lineage_section(context),
        repeat_section(context),
    ]
    kept = tuple(section for section in sections if section.blocks)
    verdict, highlights = verdict_of_gates(evidence), highlights_of(evidence)
    return Report(context.name, context.description, verdict, _notes(context) + kept, highlights)


def verdict_of_gates(evidence: Evidence) -> Verdict:
    """Say in a sentence what came of the gates."""
    gates = evidence["gates"]
    if not gates:
        return Verdict("no-gates", "No gates are declared, so nothing was demanded of the model.")
    blocking = [gate["comparison"] for gate in gates if gate["blocks"]]
    if blocking:
        refuse = "refuses" if len(blocking) == 1 else "refuse"
        return Verdict("fail", f"{len(blocking)} of {_gates(len(gates))} {refuse} the model: {'; '.join(blocking)}.")
    passed = sum(gate["answer"] == "pass" for gate in gates)
    if passed == len(gates):
        return Verdict("pass", f"{'The gate' if passed == 1 else f'All {_gates(passed)}'} passed.")
    rest = f"{len(gates) - passed} could not be measured, which the specs allow"
    return Verdict("pass", f"{passed} of {_gates(len(gates))} passed; {rest}.")


def _gates(number: int) -> str:
    return "1 gate" if number == 1 else f"{number} gates"


def highlights_of(evidence: Evidence) -> Facts:
    """The winner, its first metrics on the last side there is, and its threshold."""
    winner = evidence["winner"]
    measured = evidence["metrics"][winner]
    side = next(name for name in ("test", "validation", "train") if name in measured)
    items: list[tuple[str, Inline]] = [("Winner", winner)]
    names = in_order(evidence, measured[side])[:MOST_HIGHLIGHTS]
    bounds = (evidence.get("intervals") or {}).get("metrics", {}).get(winner, {}).get(side, {})
    items += [
        (f"{metric} · {side}", metric_text(measured[side][metric], small=interval_word(bounds.get(metric))))
        for metric in names
    ]
    if evidence.get("threshold"):
        items.append(thresholds_fact("Threshold", evidence["threshold"]["value"]))
    return Facts(tuple(items))


def _notes(context: ReportContext) -> tuple[Section, ...]:
    return (Section("Notes", tuple(Paragraph(note) for note in context.notes)),) if context.notes else ()
