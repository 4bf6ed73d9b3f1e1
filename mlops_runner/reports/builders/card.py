"""The model card: what a model is, what it is for, how good it is for whom, and what is not known about it.

The sections are those of Mitchell et al., Model Cards for Model Reporting, FAT* 2019 (doi:10.1145/3287560.3287596).
Nothing in it depends on the time or the machine: the same lock and the same documents give the same card.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mlops_runner.reports.builders.background import lineage_section, repeat_section
from mlops_runner.reports.builders.card_data import evaluation_data_section, training_data_section
from mlops_runner.reports.builders.card_limits import caveats_section, ethics_section
from mlops_runner.reports.builders.errors import found_slices_section
from mlops_runner.reports.builders.evaluation import highlights_of, verdict_of_gates
from mlops_runner.reports.builders.figures import plots_section
from mlops_runner.reports.builders.numbers import gates_section, metrics_section, slices_section
from mlops_runner.reports.builders.queries import queries_section
from mlops_runner.reports.builders.refits import stability_section
from mlops_runner.reports.builders.spread import comparison_section
from mlops_runner.reports.builders.text import digest_text, value_text
from mlops_runner.reports.card_context import CardContext
from mlops_runner.reports.document import Cell, Code, Column, Facts, Inline, Paragraph, Report, Section, Table
from mlops_runner.reports.evidence import Evidence
from mlops_runner.reports.signature import signature_cells, threshold_words
from mlops_runner.specs.evaluation import Slice
from mlops_runner.specs.evaluation_gates import FairnessGate

SOURCE = (
    "The sections of this card are those of Mitchell et al., Model Cards for Model Reporting, FAT* 2019 "
    "(doi:10.1145/3287560.3287596). It is made from pipeline.lock, the evidence that the lock names, and the documents "
    "of the pipeline; the same ones give the same card."
)
MOST_COLUMNS = 60


def build_card(evidence: Evidence, context: CardContext) -> Report:
    """Build the card from the JSON form of an assessment. Sections without content are left out."""
    sections = [
        _details(context),
        _use(context),
        _inputs(context),
        _factors(context),
        _metrics(evidence, context),
        training_data_section(context),
        evaluation_data_section(evidence, context),
        *_analyses(evidence),
        ethics_section(evidence, context),
        caveats_section(evidence, context),
        _reproducibility(context),
        lineage_section(context.report),
    ]
    kept = tuple(section for section in sections if section.blocks)
    pipeline = context.core.pipeline.spec
    verdict, highlights = verdict_of_gates(evidence), highlights_of(evidence)
    return Report(pipeline.name, pipeline.description, verdict, kept, highlights, kind="Model card")


def _details(context: CardContext) -> Section:
    bundle, candidate = context.bundle, context.candidate
    facts: list[tuple[str, Inline]] = [
        ("Model", context.origin.candidate),
        ("Type", Cell(candidate.family, mono=True)),
        ("Task", bundle.task),
        ("Predicts", bundle.target),
    ]
    if bundle.classes and bundle.task != "multilabel":
        facts.append(("Classes", ", ".join(value_text(one) for one in bundle.classes)))
    if bundle.threshold is not None:
        facts.append(("Decision", threshold_words(bundle)))
    if candidate.calibration is not None:
        facts.append(("Calibration", candidate.calibration.kind))
    facts += [
        ("Version (key)", digest_text(context.origin.key)),
        ("Bundle", digest_text(f"sha256:{context.origin.bundle}")),
    ]
    facts += [(f"Trained, {name}", value_text(value)) for name, value in sorted(candidate.metrics.items())]
    params = sorted(candidate.params.items())
    rows = tuple((Cell(name, mono=True), Cell(value_text(value), mono=True)) for name, value in params)
    table = Table((Column("Parameter"), Column("Value")), rows)
    return Section("Model details", (Facts(tuple(facts)), *((table,) if rows else ())))


def _use(context: CardContext) -> Section:
    """What the documents say the model is for."""
    core = context.core
    told = [(kind, one.spec.description) for kind, one in _documents(core) if one.spec.description]
    blocks = [Paragraph(text if kind == "" else f"{kind}: {text}") for kind, text in told]
    if not core.pipeline.spec.description:
        text = (
            "The pipeline does not say what the model is for, and for whom: write it as description in pipeline.yaml."
        )
        blocks.insert(0, Paragraph(text))
    return Section("Intended use", tuple(blocks))


def _documents(core: Any) -> Iterator[tuple[str, Any]]:
    yield from (("", core.pipeline), ("Data", core.data), ("Training", core.training), ("Evaluation", core.evaluation))


def _inputs(context: CardContext) -> Section:
    """What the model reads, in its order, and what the training rows held."""
    order = [feature.name for feature in context.candidate.signature.features]
    heads = tuple(Column(name) for name in ("Column", "Type", "Missing", "Allowed", "Seen in training"))
    shown = order[:MOST_COLUMNS]
    rows = tuple((Cell(name, mono=True), *signature_cells(context.bundle.columns[name])) for name in shown)
    left = len(order) - len(shown)
    return Section("Inputs", (Table(heads, rows, f"{left} more columns are not shown." if left else ""),))


def _factors(context: CardContext) -> Section:
    """The groups and slices that somebody thought of."""
    evaluation = context.core.evaluation.spec
    rows: list[tuple[Inline, ...]] = [
        (Cell(name, strong=True), "slice", _words(part), f"{part.min_rows} rows")
        for name, part in evaluation.slices.items()
    ]
    rows += [
        (Cell(name, strong=True), "groups that must be treated alike", gate.column, f"{gate.min_rows} rows a group")
        for name, gate in evaluation.gates.items()
        if isinstance(gate, FairnessGate)
    ]
    if not rows:
        text = "No slices and no groups are declared: nobody asked whether the model is equally good for all."
        return Section("Factors", (Paragraph(text),))
    heads = (Column("Name"), Column("Kind"), Column("Rows"), Column("Measured from"))
    return Section("Factors", (Table(heads, tuple(rows)),))


def _words(part: Slice) -> str:
    if part.equals is not None:
        return f"{part.column} is {value_text(part.equals)}"
    limits = [f"{part.min:g} ≤ "] if part.min is not None else [""]
    return f"{limits[0]}{part.column}{'' if part.max is None else f' < {part.max:g}'}"


def _metrics(evidence: Evidence, context: CardContext) -> Section:
    """What is measured and how it is decided, and what was demanded; the groups have a section of their own."""
    spec, select = context.core.evaluation.spec, evidence["select"]
    facts: list[tuple[str, Inline]] = [
        ("Winner chosen by", f"{select['metric']}, {select['split']} side, {select['direction']}d"),
    ]
    if evidence.get("weight"):
        facts.append(("Weighted by", Cell(evidence["weight"], mono=True)))
    if threshold := evidence.get("threshold"):
        facts.append(("Threshold rule", threshold["rule"]))
    if spec.intervals is not None:
        facts.append(("Intervals", f"bootstrap, {100 * spec.intervals.level:g} %"))
    measured = Paragraph(f"Measured are {', '.join(spec.metrics)}.")
    return Section("Metrics", (measured, Facts(tuple(facts)), *gates_section(evidence).blocks[:1]))


def _analyses(evidence: Evidence) -> Iterator[Section]:
    """Quantitative analyses: all rows, slices, and where the model is weak."""
    yield replace(metrics_section(evidence), title="Quantitative analyses")
    yield comparison_section(evidence)
    yield stability_section(evidence)
    yield queries_section(evidence)
    yield plots_section(evidence)
    yield slices_section(evidence)
    yield found_slices_section(evidence)


def _reproducibility(context: CardContext) -> Section:
    found = repeat_section(context.report)
    facts = [item for block in found.blocks if isinstance(block, Facts) for item in block.items]
    facts += [(name, Cell(version, mono=True)) for name, version in context.versions.items()]
    load = f"load_model({context.folder!r}, check=True, sha256={context.origin.bundle!r})"
    code = f"from mlops_runner import load_model\nmodel = {load}"
    others = tuple(block for block in found.blocks if not isinstance(block, Facts))
    return Section("Reproducibility", (Facts(tuple(facts)), *others, Code(code, "python"), Paragraph(SOURCE)))
