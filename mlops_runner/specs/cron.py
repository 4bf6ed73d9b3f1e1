"""Cron expressions: five fields of text in, the sets of minutes, hours, days, months and weekdays out."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator

from mlops_runner.specs.base import Words, complaint

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five fields: its name, its smallest and largest number, and the names of its values."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("weekday", 0, 7, WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """When something happens. Weekdays count from Sunday = 0. `days` and `weekdays` are None when written as *."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None

    def matches(self, moment: datetime) -> bool:
        """Say whether this is one of the minutes. With days and weekdays given, either of them is enough (POSIX)."""
        clock = moment.minute in self.minutes and moment.hour in self.hours and moment.month in self.months
        return clock and self._matches_day(moment.day, moment.isoweekday() % 7)

    def _matches_day(self, day: int, weekday: int) -> bool:
        if self.days is None or self.weekdays is None:
            return (self.days is None or day in self.days) and (self.weekdays is None or weekday in self.weekdays)
        return day in self.days or weekday in self.weekdays


def parse_cron(text: str) -> Cron:
    """Read "minute hour day month weekday" with *, lists, ranges, steps and English names. Raises ValueError."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"it has {len(parts)} fields, not 5")
    minutes, hours, days, months, weekdays = (_read(part, kind) for part, kind in zip(parts, _FIELDS, strict=True))
    weekdays = frozenset(day % 7 for day in weekdays)
    if parts[4] == "*" and not any(min(days) <= LONGEST_MONTH[month - 1] for month in months):
        raise ValueError(f"day {min(days)} does not exist in the months it names")
    return Cron(minutes, hours, None if parts[2] == "*" else days, months, None if parts[4] == "*" else weekdays)


def _read(text: str, field: _Field) -> frozenset[int]:
    return frozenset(number for item in text.split(",") for number in _item(item, field))


def _item(text: str, field: _Field) -> range:
    body, slash, step_text = text.partition("/")
    step = _number(step_text, field, "step") if slash else 1
    if step < 1:
        raise ValueError(f"the {field.name} has the step {step}; the smallest is 1")
    if body == "*":
        return range(field.low, field.high + (field.name != "weekday"), step)
    first, dash, last = body.partition("-")
    low = _value(first, field)
    high = _value(last, field) if dash else (field.high if slash else low)
    if low > high:
        raise ValueError(f'the {field.name} range "{body}" runs backwards')
    return range(low, high + 1, step)


def _value(text: str, field: _Field) -> int:
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.low
    value = _number(text, field, "value")
    if not field.low <= value <= field.high:
        raise ValueError(f"the {field.name} {value} is outside {field.low} to {field.high}")
    return value


def _number(text: str, field: _Field, what: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise ValueError(f'the {field.name} has the {what} "{text}"')
    return int(text)


def _valid_cron(text: str) -> str:
    try:
        parse_cron(text)
    except ValueError as error:
        raise complaint(
            "invalid-cron",
            '"{given}" is not a cron expression: {why}',
            'minute hour day month weekday, for example: "0 17 * * 5"',
            given=text,
            why=str(error),
        ) from None
    return text


CronText = Annotated[str, AfterValidator(_valid_cron), Words("a cron expression of five fields")]
