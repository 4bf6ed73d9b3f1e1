"""What a run had different from an earlier one: settings, values of the documents, else the steps that ran again."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_runner.errors import InvalidInput
from mlops_runner.execute.tracking import Experiment
from mlops_runner.specs.edit import Edit, Insert, Remove
from mlops_runner.specs.locations import load_yaml
from mlops_runner.specs.settings import edits_between
from mlops_runner.specs.yaml_text import flow_text

MOST_LETTERS = 24


def changes(runs: Sequence[Experiment]) -> dict[int, list[str]]:
    """Say of each run what it changed, by number. runs: the whole log, the newest first."""
    found = {}
    for at, run in enumerate(runs):
        files = [earlier for earlier in runs[at + 1 :] if not earlier.settings]
        found[run.number] = _settings(run) or (_changed(run, files[0]) if files else [])
    return found


def _settings(run: Experiment) -> list[str]:
    return [text.partition(".")[2] for text in run.settings]


def _changed(run: Experiment, earlier: Experiment) -> list[str]:
    """Compare with the last run of the files as they were."""
    said = [text for name in run.documents for text in _edits(run.documents[name], earlier.documents.get(name, ""))]
    if said:
        return said
    ran = [name for name, step in run.steps.items() if step["how"] == "ran"]
    return [f"ran again: {', '.join(ran)}"] if ran else []


def _edits(present: str, before: str) -> list[str]:
    if present == before:
        return []
    try:
        new, old = (load_yaml(text.encode(), "").value for text in (present, before))
    except InvalidInput:
        return []
    return sorted((_told(edit, old) for edit in edits_between(old, new)), key=lambda text: (text[0] in "+-", text))


def _told(edit: Edit, old: Any) -> str:
    path = ".".join(map(str, edit.path))
    match edit:
        case Remove():
            return f"-{path}"
        case Insert():
            return f"+{path}" if isinstance(edit.value, Mapping) else f"+{path}={_text(edit.value)}"
        case _:
            for key in edit.path:
                old = old[key]
            return f"{path} {_text(old)} → {_text(edit.value)}"


def _text(value: Any) -> str:
    text = flow_text(value)
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"
