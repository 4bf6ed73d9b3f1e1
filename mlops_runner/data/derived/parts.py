"""Parts of the calendar: each row is looked at by itself."""

import polars as pl


def part_of(moments: pl.Series, part: str) -> pl.Series:
    """Return a `CalendarPart` of dates or times as whole numbers, in UTC; missing where the moment is."""
    times = moments.cast(pl.Datetime("us")).dt
    found = {
        "year": times.year, "month": times.month, "day": times.day, "weekday": times.weekday,
        "day_of_year": times.ordinal_day, "hour": times.hour, "minute": times.minute,
    }[part]()  # fmt: skip
    return found.cast(pl.Int64)
