"""What was decided and why, as a short table for people and as JSON for programs."""

from pathlib import Path
from typing import Any

from mlops_runner.data.infer.values import Guess, Proposal
from mlops_runner.data.sources.files import files_below
from mlops_runner.specs.yaml_text import flow_text, scalar_text
from mlops_runner.starter.data_text import CALENDAR_WHY, comment_of

MOST_COLUMNS = 30
MOST_CHARACTERS = 100
MOST_OF_A_NAME = 32
# What git still handles well.
SMALL = 5 * 2**20


def decisions_text(proposal: Proposal) -> str:
    """Lay out the source, the columns that need a word, the task, and the split."""
    source = {key: value for key, value in proposal.source.items() if key not in {"kind", "path"}}
    form = "".join(f", {key} {flow_text(value)}" for key, value in source.items())
    lines = [f"{proposal.source['path']}: {proposal.rows} rows, {len(proposal.columns)} columns{form}"]
    lines += _columns(proposal)
    task = proposal.task
    positive = f", positive {scalar_text(task.positive)}: {task.positive_why}" if task.task == "binary" else ""
    lines += [f"task      {task.task}: {task.why}{positive}"]
    lines += [f"split     {proposal.split.fields['kind']}: {proposal.split.why}"]
    if proposal.calendar:
        lines += [f"derived   {', '.join(proposal.calendar)} of {proposal.with_role('time')[0].name}: {CALENDAR_WHY}"]
    lines += [f"cleaning  {step['kind']}: {why}" for step, why in proposal.cleaning]
    lines += [f"left out  {name}: {why}" for name, why in proposal.skipped.items()]
    return "\n".join(lines)


def next_text(table: Path, proposal: Proposal) -> str:
    """Say what to do with the documents, and how the table itself is versioned: `init` tracks nothing."""
    files = files_below(table) if table.is_dir() else [table, *table.parent.glob(table.name)]
    size = sum(path.stat().st_size for path in {*files} if path.is_file())
    path = proposal.source["path"]
    keep = f"git add {path}" if size <= SMALL else f"dvc add {path}"
    return f"read specs/data.yaml, then mlops run; keep the table with: {keep}"


def decisions_json(proposal: Proposal) -> dict[str, Any]:
    """Return the decisions as a JSON value."""
    return {
        "source": dict(proposal.source),
        "rows": proposal.rows,
        "task": proposal.task.task,
        "positive": proposal.task.positive,
        "split": dict(proposal.split.fields),
        "columns": {
            g.name: {"type": g.facts.type, "role": g.role, "tags": list(g.tags), "why": comment_of(g)}
            for g in proposal.columns
        },
        "calendar": list(proposal.calendar),
        "cleaning": [dict(step) for step, _ in proposal.cleaning],
        "left_out": dict(proposal.skipped),
    }


def _columns(proposal: Proposal) -> list[str]:
    """Show the columns that are no plain features, and count the others."""
    special = [guess for guess in proposal.columns if guess.role != "feature" or comment_of(guess) or guess.tags]
    shown = special[:MOST_COLUMNS]
    names = min(max((len(guess.name) for guess in shown), default=0), MOST_OF_A_NAME)
    roles = max((len(_role(guess)) for guess in shown), default=0)
    lines = [_row(guess, names, roles) for guess in shown]
    rest = len(proposal.columns) - len(special)
    lines += [f"  … and {len(special) - len(shown)} more, see specs/data.yaml"] if len(special) > len(shown) else []
    return lines + ([f"  {'and ' if shown else ''}{rest} plain feature{'' if rest == 1 else 's'}"] if rest else [])


def _role(guess: Guess) -> str:
    return guess.role + (f" ({', '.join(guess.tags)})" if guess.tags else "")


def _row(guess: Guess, names: int, roles: int) -> str:
    why = comment_of(guess)
    why = why if len(why) <= MOST_CHARACTERS else why[: MOST_CHARACTERS - 1] + "…"
    return f"  {guess.name[:names]:<{names}}  {guess.facts.type:<8}  {_role(guess):<{roles}}  {why}".rstrip()
