"""A report as a value: sections of blocks, without a word about HTML or Markdown. `formats` renders it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Answer = Literal["pass", "fail", "unmeasured"]
Outcome = Literal["pass", "fail", "no-gates", "same", "different"]

SMALLEST_SHOWN = 0.00005


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text. full: the whole value when `text` is a short form of it; mono: code or a digest.

    small: what stands beside it in lesser letters, such as an interval.
    """

    text: str
    full: str = ""
    mono: bool = False
    strong: bool = False
    small: str = ""


Inline: TypeAlias = str | Cell


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a table's column."""

    name: str
    align: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, each as long as `columns`. marked: indices of the rows that stand out."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Inline, ...], ...]
    note: str = ""
    marked: frozenset[int] = frozenset()
    kind: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing. svg: one <svg> element, trusted because only `figures` makes it; alt: what it shows, in words.

    wide: it needs the whole width of a page.
    """

    svg: str
    caption: str
    alt: str
    wide: bool = False
    kind: Literal["figure"] = "figure"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values."""

    items: tuple[tuple[str, Inline], ...]
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True, slots=True)
class Gate:
    """The verdict of one gate. blocks: whether it refuses the model."""

    name: str
    where: str
    answer: Answer
    comparison: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts of the gates."""

    gates: tuple[Gate, ...]
    kind: Literal["verdicts"] = "verdicts"


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied as it is. language: a name for highlighters, or nothing."""

    text: str
    language: str = ""
    kind: Literal["code"] = "code"


@dataclass(frozen=True, slots=True)
class Folded:
    """A table that few will want to see; pages show its summary and unfold it, plain text and paper leave it out."""

    summary: str
    table: Table
    kind: Literal["folded"] = "folded"


Block: TypeAlias = Paragraph | Table | Figure | Facts | Verdicts | Code | Folded


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part. weight: "detail" may be folded away where room is short."""

    title: str
    blocks: tuple[Block, ...]
    weight: Literal["main", "detail"] = "main"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of the whole report, in one word and one sentence."""

    answer: Outcome
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """A document. highlights: the few numbers to see first; kind: what it is, where the verdict does not say so."""

    title: str
    subtitle: str
    verdict: Verdict
    sections: tuple[Section, ...]
    highlights: Facts = Facts(())
    kind: str = ""

    @property
    def heading(self) -> str:
        """The title with what the document is."""
        return f"{self.kind}: {self.title}" if self.kind else self.title


def threshold_word(value: float) -> str:
    """Return a threshold with four digits after the point; rare classes are decided at 0.00002, which is not 0.0000."""
    return f"{value:.1e}" if 0 < abs(value) < SMALLEST_SHOWN else f"{value:.4f}"


def verdict_word(answer: Answer | Outcome) -> str:
    """Return the word for an answer; reports never rely on colour alone."""
    words: dict[Answer | Outcome, str] = {
        "pass": "PASS",
        "fail": "FAIL",
        "unmeasured": "NOT MEASURED",
        "no-gates": "NO GATES",
        "same": "NO DIFFERENCE",
        "different": "DIFFERENT",
    }
    return words[answer]
