"""Sections of a model card about the rows a model was trained and measured on."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlops_runner.reports.builders.background import data_section
from mlops_runner.reports.builders.text import digest_text, value_text
from mlops_runner.reports.card_context import CardContext
from mlops_runner.reports.document import Cell, Facts, Inline, Paragraph, Section
from mlops_runner.reports.evidence import Evidence
from mlops_runner.specs.data import Data

TRAIN = "train"
# Fields of sources that say what is read; addresses and queries may be secret, and stand in the document.
SHOWN = ("path", "dataset", "callable", "as_of", "digest")
SPLITS = {
    "random": "drawn at random",
    "group": "whole groups, drawn at random",
    "hash": "by the digest of columns",
    "time": "by time: the latest rows are the test side",
    "predefined": "as a column says",
}


def training_data_section(context: CardContext) -> Section:
    """The source, how many rows, from when, and the columns that are no inputs: these have a section."""
    core, data = context.core, context.data
    facts = [*_source(core.data.spec), *_split(core.data.spec)]
    if rows := data.get("rows", {}).get(TRAIN):
        facts.append(("Rows", f"{rows:,}"))
    facts += _period(core.data.spec, data)
    facts += _preparation(context)
    others = {name: of for name, of in data.get("columns", {}).items() if name not in context.bundle.columns}
    found = data_section(replace(context.report, data={"columns": others}))
    return Section("Training data", (Facts(tuple(facts)), *found.blocks))


def evaluation_data_section(evidence: Evidence, context: CardContext) -> Section:
    """The sides that metrics are measured on, and which decisions each was used for."""
    spec = context.core.evaluation.spec
    select = evidence["select"]
    facts: list[tuple[str, Inline]] = [
        (f"Rows, {side}", f"{rows:,}") for side, rows in evidence["rows"].items() if side != TRAIN
    ]
    uses = [f"The winner was chosen on the {select['split']} side, by {select['metric']}."]
    threshold = evidence.get("threshold") or {}
    if "split" in threshold:
        uses.append(f"The threshold was chosen on the {threshold['split']} side, by the rule {threshold['rule']}.")
    if "test" in evidence["rows"]:
        uses.append("No choice was made on the test side.")
    if spec.description:
        uses.append(spec.description)
    return Section("Evaluation data", (Facts(tuple(facts)), Paragraph(" ".join(uses))))


def _source(spec: Data) -> Iterator[tuple[str, Inline]]:
    source = spec.source
    yield "Source", source.kind
    for name in SHOWN:
        value = getattr(source, name, None)
        if isinstance(value, str):
            yield (
                name.replace("_", " ").capitalize(),
                digest_text(value) if name == "digest" else Cell(value, mono=True),
            )


def _split(spec: Data) -> Iterator[tuple[str, Inline]]:
    split = spec.split
    yield "Split", SPLITS[split.kind]
    for name in ("group", "time", "column", "stratify", "seed"):
        value = getattr(split, name, None)
        if value is not None:
            yield f"Split, {name}", value_text(value)


def _period(spec: Data, data: Mapping[str, Any]) -> Iterator[tuple[str, Inline]]:
    times = [name for name, column in spec.columns.items() if column.type in {"date", "datetime"}]
    first = getattr(spec.split, "time", None) or next((n for n in times if spec.columns[n].role == "time"), None)
    found = data.get("columns", {}).get(first or (times[0] if len(times) == 1 else ""), {})
    if "min" in found:
        yield "Period", f"{found['min']} … {found['max']}"


def _preparation(context: CardContext) -> Iterator[tuple[str, Inline]]:
    steps = context.core.data.spec.cleaning
    if steps:
        yield "Cleaning", ", ".join(dict.fromkeys(step.kind for step in steps))
    if context.report.quality:
        checks = context.report.quality.get("checks", ())
        passed = sum(check["answer"] == "pass" for check in checks)
        yield "Checks", f"{passed} of {len(checks)} passed"
