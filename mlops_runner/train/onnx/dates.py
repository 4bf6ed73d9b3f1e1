"""Parts of the calendar in arithmetic: the days since 1970-01-01 as year, month, day (Howard Hinnant, chrono, 2013)."""

from collections.abc import Callable

from mlops_runner.train.columns.dates import DAY_IN_MILLISECONDS
from mlops_runner.train.onnx.graph import Graph


class Calendar:
    """The parts of one column of days; what several parts need is computed once. Missing stays missing."""

    def __init__(self, graph: Graph, days: str) -> None:
        self._graph, self._days = graph, days
        self._made = {"days": days}
        self._how: dict[str, Callable[[], str]] = {
            "moment": self._moment, "date": self._date, "clock": self._clock, "era": self._era,
            "day_of_era": self._day_of_era, "year_of_era": self._year_of_era, "since_march": self._since_march,
            "months_since_march": self._months_since_march, "early": self._early, "leap": self._leap,
            "year": self._year, "month": self._month, "day": self._day, "weekday": self._weekday,
            "day_of_year": self._day_of_year, "hour": self._hour, "minute": self._minute,
        }  # fmt: skip

    def part(self, name: str) -> str:
        """Return a part: days, year, month, day, weekday, day_of_year, hour or minute."""
        if name not in self._made:
            self._made[name] = self._how[name]()
        return self._made[name]

    def _weekday(self) -> str:
        shifted = self._plus(self.part("date"), 3)  # 1970-01-01 was a Thursday
        return self._plus(self._modulo(shifted, 7), 1)

    def _hour(self) -> str:
        return self._whole(self.part("clock"), 3_600_000)

    def _minute(self) -> str:
        return self._minus(self._whole(self.part("clock"), 60_000), self._times(self.part("hour"), 60))

    def _date(self) -> str:
        return self._whole(self.part("moment"), DAY_IN_MILLISECONDS)

    def _clock(self) -> str:
        return self._modulo(self.part("moment"), DAY_IN_MILLISECONDS)

    def _moment(self) -> str:
        """Return milliseconds, rounded as `columns.dates` does."""
        return self._graph.add("Floor", self._plus(self._times(self._days, DAY_IN_MILLISECONDS), 0.5))

    def _era(self) -> str:
        return self._whole(self._plus(self.part("date"), 719_468), 146_097)

    def _day_of_era(self) -> str:
        return self._minus(self._plus(self.part("date"), 719_468), self._times(self.part("era"), 146_097))

    def _year_of_era(self) -> str:
        day = self.part("day_of_era")
        days = self._minus(day, self._whole(day, 1_460))
        days = self._minus(self._graph.add("Add", days, self._whole(day, 36_524)), self._whole(day, 146_096))
        return self._whole(days, 365)

    def _since_march(self) -> str:
        """Return the day of a year that begins in March, from 0."""
        year = self.part("year_of_era")
        days = self._graph.add("Add", self._times(year, 365), self._whole(year, 4))
        return self._minus(self.part("day_of_era"), self._minus(days, self._whole(year, 100)))

    def _months_since_march(self) -> str:
        return self._whole(self._plus(self._times(self.part("since_march"), 5), 2), 153)

    def _early(self) -> str:
        """Return 1 in January and February, otherwise 0."""
        return self._whole(self.part("months_since_march"), 10)

    def _year(self) -> str:
        years = self._graph.add("Add", self.part("year_of_era"), self._times(self.part("era"), 400))
        return self._graph.add("Add", years, self.part("early"))

    def _month(self) -> str:
        return self._minus(self._plus(self.part("months_since_march"), 3), self._times(self.part("early"), 12))

    def _day(self) -> str:
        first = self._whole(self._plus(self._times(self.part("months_since_march"), 153), 2), 5)
        return self._plus(self._minus(self.part("since_march"), first), 1)

    def _day_of_year(self) -> str:
        # From March on the day counts from 60, or 61 in a leap year; January begins 305 days after that.
        later = self._graph.add("Add", self._plus(self.part("since_march"), 60), self.part("leap"))
        back = self._graph.add("Mul", self.part("early"), self._plus(self.part("leap"), 365))
        return self._minus(later, back)

    def _leap(self) -> str:
        fourth, hundredth, fourhundredth = (self._divides(years) for years in (4, 100, 400))
        return self._graph.add("Add", self._minus(fourth, hundredth), fourhundredth)

    def _divides(self, years: int) -> str:
        """Return 1 where the year is a multiple, otherwise 0."""
        rest = self._modulo(self.part("year"), years)
        return self._minus(self._number(1), self._graph.add("Min", rest, self._number(1)))

    def _number(self, value: float) -> str:
        return self._graph.constant([[value]])

    def _plus(self, value: str, number: float) -> str:
        return self._graph.add("Add", value, self._number(number))

    def _times(self, value: str, number: float) -> str:
        return self._graph.add("Mul", value, self._number(number))

    def _minus(self, value: str, other: str) -> str:
        return self._graph.add("Sub", value, other)

    def _whole(self, value: str, number: float) -> str:
        return self._graph.add("Floor", self._graph.add("Div", value, self._number(number)))

    def _modulo(self, value: str, number: float) -> str:
        return self._minus(value, self._times(self._whole(value, number), number))
