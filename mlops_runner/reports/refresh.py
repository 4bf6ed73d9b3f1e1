"""What became of a pin: the digest, time and size before and after, in words and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pin:
    """What a Data document says of a remote source, and how much there is; None where that is not known."""

    digest: str | None = None
    as_of: str | None = None
    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The pin of the source in `file` before and after. A source of a kind that needs no pin has no `new` one."""

    file: str
    kind: str
    old: Pin = Pin()
    new: Pin | None = None

    @property
    def newer(self) -> bool:
        """Whether there is something else than what is pinned."""
        return self.new is not None and self.new.digest != self.old.digest

    @property
    def moved(self) -> bool:
        """Whether the document has to change."""
        return self.new is not None and (self.newer or self.new.as_of != self.old.as_of)


def refresh_json(done: Refreshed) -> dict[str, Any]:
    """Return the result as a JSON value."""
    return {**asdict(done), "newer": done.newer}


def refresh_text(done: Refreshed, *, check: bool) -> str:
    """Say what moved, old → new, and what to do next."""
    return "\n".join(_lines(done, check))


def _lines(done: Refreshed, check: bool) -> Iterator[str]:
    new, old = done.new, done.old
    if new is None:
        yield f"{done.file}: a {done.kind} source needs no refresh: pipeline.lock pins what it reads"
        yield "to see whether that changed: mlops plan"
        return
    if not done.moved:
        yield f"{done.file}: nothing newer: {_amount(new)}, {new.digest}"
        return
    yield f"{done.file}:"
    yield (
        f"  digest  {old.digest or 'not pinned'} → {new.digest}" if done.newer else f"  digest  {new.digest}, as before"
    )
    if new.as_of != old.as_of:
        yield f"  as_of   {old.as_of or 'none'} → {new.as_of}"
    before = f"{old.rows:,} rows → " if old.rows is not None else ""
    yield f"  fetched {before}{_amount(new)}"
    if check:
        yield "nothing was edited; to take it: mlops data refresh"
    else:
        yield f"next: git diff {done.file}, then mlops run"


def _amount(pin: Pin) -> str:
    rows = "" if pin.rows is None else f"{pin.rows:,} rows, "
    return f"{rows}{pin.bytes:,} bytes"
