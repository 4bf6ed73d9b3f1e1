"""How dates and times may be written: the directives of strftime that have one meaning, and the texts each takes."""

import re
from dataclasses import dataclass

ONE_OR_TWO, TWO, NAME = r"\d{1,2}", r"\d{2}", "[A-Za-z]{3,9}"
DATE = {
    "%Y": r"\d{4}", "%y": TWO, "%m": ONE_OR_TWO, "%d": ONE_OR_TWO, "%j": r"\d{3}",
    "%b": NAME, "%B": NAME, "%a": NAME, "%A": NAME, "%F": r"\d{4}-\d{2}-\d{2}",
}  # fmt: skip
TIME = {
    "%H": ONE_OR_TWO, "%I": ONE_OR_TWO, "%M": TWO, "%S": TWO, "%.f": r"\.\d{1,9}",
    "%p": "(?i:am|pm)", "%T": r"\d{2}:\d{2}:\d{2}", "%R": r"\d{2}:\d{2}",
}  # fmt: skip
ZONE = {"%z": r"(?:Z|[+-]\d{2}:?\d{2})"}
# What a day is said by, and a time of day.
DAYS = (
    {"%F"},
    {"%j", "%Y"},
    {"%j", "%y"},
    *({year, month, "%d"} for year in ("%Y", "%y") for month in ("%m", "%b", "%B")),
)
HOURS = ({"%T"}, {"%R"}, {"%H", "%M"}, {"%I", "%M", "%p"})
TEXTS = {**DATE, **TIME, **ZONE, "%%": "%"}
DIRECTIVE = re.compile(r"%\.f|%.?")


@dataclass(frozen=True, slots=True)
class DateForm:
    """One form, as strftime writes it; a fraction of a second is `.%f` or `%.f`."""

    given: str

    @property
    def text(self) -> str:
        """The form in the spelling of the parser, which takes the point before a fraction as part of it."""
        return self.given.replace(".%f", "%.f")

    @property
    def directives(self) -> tuple[str, ...]:
        """The directives in their order."""
        return tuple(DIRECTIVE.findall(self.text))

    def fault(self, kind: str) -> str | None:
        """Say why a column of dates (or of datetimes) cannot be written like this."""
        if unknown := [one for one in self.directives if one not in TEXTS]:
            return f"{unknown[0]} is not known"
        found = set(self.directives)
        if not any(day <= found for day in DAYS):
            return "it says no full day"
        if kind == "date" and (self.has_time or self.has_zone):
            return "a date has no time of day; the type datetime has"
        if (self.has_time or self.has_zone) and not any(time <= found for time in HOURS):
            return "it says no hour and minute"
        return None

    @property
    def has_time(self) -> bool:
        """Whether it says a time of day."""
        return any(one in TIME for one in self.directives)

    @property
    def has_zone(self) -> bool:
        """Whether it says an offset from UTC."""
        return any(one in ZONE for one in self.directives)

    @property
    def pattern(self) -> str:
        """Regular expression of the texts it takes: the parser is laxer. Which of them are dates is another matter."""
        literals = [re.escape(part) for part in DIRECTIVE.split(self.text)]
        taken = [TEXTS[one] for one in self.directives]
        return "^" + "".join(part for pair in zip(literals, [*taken, ""], strict=True) for part in pair) + "$"
