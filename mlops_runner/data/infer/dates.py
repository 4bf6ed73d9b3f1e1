"""In which formats dates and times are written."""

import re
from collections.abc import Sequence
from typing import Literal

import polars as pl

from mlops_runner.specs.date_forms import DateForm

DAYS = (
    *("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y"),
    *("%b %d, %Y", "%B %d, %Y"),
)
TIMES = ("%H:%M", "%H:%M:%S", "%H:%M:%S%.f", "%I:%M %p", "%I:%M:%S %p")
MOMENTS = tuple(f"{day}{gap}{time}" for day in DAYS for time in TIMES for gap in (" ", "T"))
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
ISO_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?")
MAYBE = re.compile(
    r"(\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}|[A-Za-z]{3,9} \d{1,2}, \d{4}).*"
)
MOST_FORMATS = 3


def formats_of(sample: Sequence[str]) -> tuple[Literal["date", "datetime"], tuple[str, ...]] | None:
    """Return the type and the formats that together read every text of a sample; () means ISO 8601."""
    texts = sorted(set(sample))
    if not texts or not all(MAYBE.fullmatch(text) for text in texts):
        return None
    if all(ISO_DAY.fullmatch(text) for text in texts):
        return "date", ()
    if all(ISO_MOMENT.fullmatch(text) for text in texts):
        return "datetime", ()
    for kind, forms in (("date", DAYS), ("datetime", MOMENTS)):
        if found := _cover(texts, forms):
            return ("date" if kind == "date" else "datetime"), found
    return None


def rivals(form: str) -> str:
    """Return the same format with day and month changed over, where both are numbers before the year."""
    if "%m" not in form or "%d" not in form or form.startswith("%Y"):
        return form
    return form.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def read(texts: pl.Series, form: str) -> pl.Series:
    """Read texts in one format, as microseconds since 1970; null where one is not of it."""
    kind: type[pl.Date] | type[pl.Datetime] = pl.Datetime if DateForm(form).has_time else pl.Date
    fitting = texts.set(~texts.str.contains(DateForm(form).pattern).fill_null(False), None)
    return fitting.str.strptime(kind, form, strict=False).cast(pl.Datetime("us")).to_physical()


def _cover(texts: Sequence[str], forms: Sequence[str]) -> tuple[str, ...]:
    """Take the format that reads most, then the one that reads most of the rest; in one order of day and month."""
    left = pl.Series("texts", texts, dtype=pl.String)
    chosen: list[str] = []
    while len(left) and len(chosen) < MOST_FORMATS:
        usable = [form for form in forms if re.search(DateForm(form).pattern, left[0])]
        usable = [form for form in usable if not any(_contradicts(form, other) for other in chosen)]
        counts = {form: int(read(left, form).is_not_null().sum()) for form in usable}
        best = max(counts, key=lambda form: counts[form], default=None)
        if best is None or not counts[best]:
            return ()
        chosen.append(best)
        left = left.filter(read(left, best).is_null())
    return tuple(chosen) if not len(left) else ()


def _contradicts(one: str, other: str) -> bool:
    """Whether two formats would read the same text with day and month changed over."""
    return one == rivals(other) and one != other
