"""What differs between two locks, for people and programs."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mlops_runner.evaluate.metrics.names import METRICS
from mlops_runner.lock.compare import Change
from mlops_runner.reports.weighting import reweighted_between

if TYPE_CHECKING:
    from mlops_runner.data.compare import Difference

NOTHING = "nothing differs"


def render_diff(changes: Sequence[Change], form: str, data: "Difference | None" = None, absent: str = "") -> str:
    """Render changes as text or markdown, with what happened to the data; `absent` says why that is not known."""
    if not changes:
        return NOTHING
    of_data = _data_lines(data) if data is not None else [absent] if absent else []
    note = reweighted_between(changes)
    lines = list(_text(changes, note) if form == "text" else _markdown(changes, note))
    if of_data:
        head = ["data, row by row" if data is not None and data.basis == "rows" else "data, by profile"]
        lines += [*head, *(f"  {line}" for line in of_data)] if form == "text" else _bullets(head[0], of_data)
    return "\n".join(lines)


def _data_lines(data: "Difference") -> list[str]:
    from mlops_runner.reports.diff_data import data_lines

    return data_lines(data)


def _bullets(head: str, lines: Sequence[str]) -> list[str]:
    from mlops_runner.reports.formats.markdown import escape

    return ["", f"**{head.capitalize()}**", "", *(f"- {escape(line)}" for line in lines)]


def diff_json(changes: Sequence[Change], data: "Difference | None" = None) -> dict[str, Any]:
    """Return changes, and what happened to the data, as a JSON value; `data` is null where that is not known."""
    note = reweighted_between(changes)
    listed = [
        {
            "stage": c.stage,
            "part": c.part,
            "name": c.name,
            "old": c.old,
            "new": c.new,
            "verdict": _verdict(c, note) or None,
        }
        for c in changes
    ]
    return {"changes": listed, "data": None if data is None else _data_json(data)}


def _data_json(data: "Difference") -> dict[str, Any]:
    from mlops_runner.reports.diff_data import data_json

    return data_json(data)


def _text(changes: Sequence[Change], note: str) -> Iterator[str]:
    stage = None
    for change in changes:
        if change.stage != stage:
            stage = change.stage
            yield f"{stage or 'environment'}"
        yield f"  {_line(change, note)}"
    if note:
        yield note


def _line(change: Change, note: str) -> str:
    if change.part == "stage":
        return "new" if change.old is None else "removed"
    verdict = _verdict(change, note)
    delta = f"  ({change.delta:+.6g}{', ' + verdict if verdict else ''})" if change.delta is not None else ""
    return f"{change.part:<9} {change.name}: {_short(change.old)} → {_short(change.new)}{delta}"


def _markdown(changes: Sequence[Change], note: str) -> Iterator[str]:
    yield "| stage | what | name | old | new | |"
    yield "|---|---|---|--:|--:|---|"
    for change in changes:
        cells = (change.stage, change.part, change.name, _short(change.old), _short(change.new), _verdict(change, note))
        yield f"| {' | '.join(_escape(str(cell)) for cell in cells)} |"
    if note:
        yield from ("", _escape(f"{note[0].upper()}{note[1:]}."))


def _verdict(change: Change, note: str) -> str:
    """Say whether a metric got better, if its better direction is known. note: why no metric can be compared."""
    metric = METRICS.get(change.name.rpartition(".")[2]) if change.part == "metrics" else None
    if note or metric is None or not change.delta:
        return ""
    return "better" if (change.delta > 0) == (metric.better == "higher") else "worse"


def _short(value: object) -> str:
    """Digests are shown by their first digits, an absent side as a dash."""
    if value is None:
        return "–"
    text = str(value)
    prefix, colon, digits = text.rpartition(":")
    if len(digits) >= 32 and all(c in "0123456789abcdef" for c in digits):
        return f"{prefix}{colon}{digits[:8]}"
    return text


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
