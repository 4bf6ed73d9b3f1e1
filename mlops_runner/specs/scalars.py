"""What an unquoted YAML scalar means: YAML 1.2 core, or a doubt where YAML 1.1 reads it otherwise."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

Value: TypeAlias = Any  # None | bool | int | float | str | tuple[Value, ...] | dict[str, Value]

MAX_DIGITS = 400


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a scalar is refused."""

    code: str
    message: str
    hint: str


def read_plain(text: str) -> Value | Doubt:
    """Read an unquoted scalar: None, a bool, a number, text, or a Doubt."""
    first = text[:1]
    if first not in SPECIAL_FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if first not in _NUMBER_FIRST:
        return text
    for pattern, read in _NUMBERS:
        if pattern.fullmatch(text):
            return _number(text, read)
    for pattern, seen_as in _AMBIGUOUS:
        if pattern.fullmatch(text):
            return _doubt(text, seen_as)
    return text


def _number(text: str, read: Callable[[str], int | float]) -> int | float | Doubt:
    if len(text) > MAX_DIGITS:
        return Doubt("yaml-number", f"a number of {len(text)} digits is too long", "quote it if it is text")
    value = read(text)
    if isinstance(value, float) and math.isinf(value) and "n" not in text.lower():
        return Doubt("yaml-number", f"{text} is too large for a number", "quote it if it is text; infinity is .inf")
    return value


def _doubt(text: str, seen_as: str) -> Doubt:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    return Doubt("yaml-ambiguous", f"{shown} is read as {seen_as} by some YAML readers", f'quote it: "{shown}"')


def _cases(*words: str) -> list[str]:
    return [form for word in words for form in (word, word.capitalize(), word.upper())]


_WORDS: dict[str, Value | Doubt] = {
    **dict.fromkeys(["", "~", *_cases("null")], None),
    **dict.fromkeys(_cases("true"), True),
    **dict.fromkeys(_cases("false"), False),
    **{word: _doubt(word, "true") for word in _cases("yes", "on")},
    **{word: _doubt(word, "false") for word in _cases("no", "off")},
    "=": _doubt("=", "a special value"),
    "<<": _doubt("<<", "a merge of keys"),
}

_NUMBER_FIRST = frozenset("0123456789+-.")

# Most scalars are names: one look at the first character spares them all patterns.
SPECIAL_FIRST = frozenset({*(word[:1] for word in _WORDS), *_NUMBER_FIRST})

_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...] = (
    (re.compile(r"[-+]?(?:0|[1-9][0-9]*)"), int),
    (re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"), float),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(?:nan|NaN|NAN)"), lambda _: math.nan),
)

_AMBIGUOUS = (
    (re.compile(r"[-+]?0[0-7_]+|0o[0-7]+"), "an octal number"),
    (re.compile(r"[-+]?0x[0-9a-fA-F_]+"), "a hexadecimal number"),
    (re.compile(r"[-+]?0b[01_]+"), "a binary number"),
    (re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"), "a number in base 60"),
    (re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"), "a number"),
    (
        re.compile(
            r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
            r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)?"
        ),
        "a date",
    ),
)
