"""What a packaged model reads and gives, as text for people and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from mlops_runner.reports.document import Column, Inline, threshold_word
from mlops_runner.reports.formats.plain import facts_lines, table_lines
from mlops_runner.train.model import Model
from mlops_runner.train.signature import BundleRecord, ColumnSignature

MOST_VALUES = 6
TEMPORAL = ("date", "datetime")
SIDES = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model comes from: the candidate, the key of the step that packaged it, the sha256 of its bundle.json."""

    candidate: str
    key: str
    bundle: str


def signature_text(model: Model, origin: Origin) -> str:
    """Render the signature for people."""
    columns = model.signature.columns
    heads = tuple(Column(name) for name in ("Column", "Type", "Missing", "Allowed", "Seen in training"))
    rows = tuple((name, *signature_cells(column)) for name, column in columns.items())
    return "\n".join(
        [*facts_lines(tuple(_facts(model, origin))), "", *(line.rstrip() for line in table_lines(heads, rows))]
    )


def signature_json(model: Model, origin: Origin) -> dict[str, Any]:
    """Return the signature as a JSON value; the columns are a list, because their order counts."""
    record = model.record
    return {
        "name": record.name,
        "task": record.task,
        "target": record.target,
        "classes": list(record.classes),
        "positive": record.positive,
        "threshold": list(record.threshold) if isinstance(record.threshold, tuple) else record.threshold,
        "columns": [{"name": n, **column.model_dump(mode="json")} for n, column in model.signature.columns.items()],
        "metrics": dict(record.metrics),
        "probe": {"rows": len(record.probe.rows), "refused": list(record.probe.refused)},
        "origin": asdict(origin),
    }


def signature_cells(column: ColumnSignature) -> tuple[str, str, str, str]:
    """Return type, missing, allowed and seen of a column, in words."""
    return column.type, missing_word(column), _allowed(column), seen_word(column)


def threshold_words(record: BundleRecord) -> str:
    """Say from which probability on a row is positive, or has each label."""
    assert record.threshold is not None
    if isinstance(record.threshold, tuple):
        pairs = zip(record.classes, record.threshold, strict=True)
        return f"from a probability on: {', '.join(f'{label} {threshold_word(cut)}' for label, cut in pairs)}"
    return f"{record.target} is {record.positive} from a probability of {threshold_word(record.threshold)} on"


def missing_word(column: ColumnSignature) -> str:
    """Say which share may be missing and which was."""
    allowed = f"up to {100 * column.max_missing:g} %" if column.max_missing else "not allowed"
    return f"{allowed}, was {100 * column.seen.missing:.3g} %" if column.seen.missing else allowed


def seen_word(column: ColumnSignature) -> str:
    """Say what the training rows held: a range, or categories."""
    seen = column.seen
    if column.personal:
        return "personal data, not recorded"
    if seen.categories is not None:
        return _listed(seen.categories)
    if seen.min is None or seen.max is None:
        return "nothing" if seen.missing == 1 else "more values than are listed"
    if column.type in TEMPORAL:
        return f"{_day(seen.min)} … {_day(seen.max)}"
    return f"{seen.min:.6g} … {seen.max:.6g}"


def _allowed(column: ColumnSignature) -> str:
    if column.allowed is not None:
        return _listed([str(value) for value in column.allowed])
    if column.min is not None and column.max is not None:
        return f"{column.min:g} … {column.max:g}"
    if column.min is not None:
        return f"≥ {column.min:g}"
    return "" if column.max is None else f"≤ {column.max:g}"


def _listed(values: Any) -> str:
    shown = ", ".join(values[:MOST_VALUES])
    return f"{shown}, … ({len(values)})" if len(values) > MOST_VALUES else shown


def _day(days: float) -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)).date().isoformat()


def _facts(model: Model, origin: Origin) -> Iterator[tuple[str, Inline]]:
    record = model.record
    trained = model.candidate.record
    yield "Model", f"{record.name}: {origin.candidate} ({trained.family})"
    several = record.task == "multilabel"
    yield (
        "Task",
        f"{record.task}, {len(record.classes)} labels" if several else f"{record.task}, target {record.target}",
    )
    if record.classes:
        yield "Labels" if several else "Classes", _listed([str(one) for one in record.classes])
    if record.threshold is not None:
        yield "Decision", threshold_words(record)
    yield "Step", f"package, key {origin.key}"
    yield "Bundle", f"sha256:{origin.bundle}"
    if record.probe.refused:
        yield "Refuses", ", ".join(record.probe.refused)
    if model.reference is not None:
        counts = model.reference.rows
        yield "Rows", ", ".join(f"{side} {counts[side]:,}" for side in SIDES if side in counts)
