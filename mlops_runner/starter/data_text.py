"""The Data document of a proposal."""

from typing import Any

from mlops_runner.data.infer.limits import round_down
from mlops_runner.data.infer.propose import repeated
from mlops_runner.data.infer.values import Guess, Proposal
from mlops_runner.specs.yaml_text import flow_text
from mlops_runner.starter.lines import WIDTH, commented, entry, mapping, pair

COLUMN_COMMENT_MOST = 64
CALENDAR_WHY = "the target is another from one to the next"


def data_text(name: str, proposal: Proposal) -> str:
    """Write the document; every line that was not plain says why."""
    lines = [
        *("apiVersion: mlops/v1", "kind: Data", f"name: {name}", "source:"),
        *mapping(proposal.source, proposal.source_why),
        "",
        *_columns(proposal),
        "",
        *_cleaning(proposal),
        *_derived(proposal),
        *_checks(proposal),
        "",
        *_split(proposal),
    ]
    return "\n".join(lines) + "\n"


def _columns(proposal: Proposal) -> list[str]:
    fields = {guess.name: _fields(guess) for guess in proposal.columns}
    lengths = [len(pair(key, value, 2)) for key, value in fields.items()]
    at = min(max((length for length in lengths if length <= COLUMN_COMMENT_MOST), default=0) + 1, COLUMN_COMMENT_MOST)
    lines = ["# Limits leave room above what the file holds today: narrow them where you know better.", "columns:"]
    for guess in proposal.columns:
        lines += entry(guess.name, fields[guess.name], comment_of(guess), at)
    if proposal.skipped:
        lines += [f"# {_safe(column)} is not declared: it {why}" for column, why in proposal.skipped.items()]
        lines += ["undeclared: ignore"]
    return lines


def comment_of(guess: Guess) -> str:
    """Say why a column has its role; and what its smallest value hints at."""
    if guess.min == -1 and guess.facts.whole and guess.role == "feature" and guess.facts.low == -1:
        return "; ".join(filter(None, (guess.why, "-1 seems to stand for none")))
    return guess.why


def _fields(guess: Guess) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": guess.facts.type}
    if guess.role != "feature":
        fields["role"] = guess.role
    optional: dict[str, Any] = {
        "format": list(guess.facts.typing.format),
        "tags": list(guess.tags),
        "min": guess.min,
        "max": guess.max,
        "allowed": None if guess.allowed is None else list(guess.allowed),
        "max_missing": guess.max_missing or None,
    }
    return fields | {key: value for key, value in optional.items() if value is not None and value != []}


def _cleaning(proposal: Proposal) -> list[str]:
    if not proposal.cleaning:
        return []
    lines = ["cleaning:"]
    for step, why in proposal.cleaning:
        lines += commented(f"- {flow_text(dict(step))}", why)
    return [*lines, ""]


def _derived(proposal: Proposal) -> list[str]:
    if not proposal.calendar:
        return []
    (time,) = proposal.with_role("time")
    step = {"kind": "calendar", "columns": [time.name], "parts": list(proposal.calendar)}
    return ["derived:", *commented(f"- {flow_text(step)}", CALENDAR_WHY), ""]


def _checks(proposal: Proposal) -> list[str]:
    rows = round_down(max(proposal.target.facts.known // 2, 1))
    lines = ["checks:", *commented(f"  rows: {{min: {rows}}}", f"the file has {proposal.rows}")]
    dropped = any(step["kind"] == "drop_duplicates" for step, _ in proposal.cleaning)
    if proposal.duplicates and not dropped:
        why = f"{repeated(proposal.duplicates)}: their columns hold too little to tell rows apart"
        lines += commented("  duplicate_rows: allow", why)
    if proposal.rules:
        lines += ["  rules:"]
        for rule, why in proposal.rules:
            lines += commented(f"  - {flow_text(dict(rule))}", why)
    return lines


def _split(proposal: Proposal) -> list[str]:
    why = _safe(proposal.split.why)
    return [f"# {why}"[:WIDTH], "split:", *mapping(proposal.split.fields, {"test": "held out until the end"})]


def _safe(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
