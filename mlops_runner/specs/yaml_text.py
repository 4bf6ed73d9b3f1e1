"""Values as YAML text that our strict loader and readers of YAML 1.1 understand alike."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_runner.specs.scalars import Value, read_plain

# YAML 1.1 knows more words for true and false than most of its readers.
_WORDS_OF_1_1 = frozenset("yYnN")

_PLAIN = re.compile(r"[\w/.][\w/.@+=%~^()?&;!<>:'\", -]*")
_PLAIN_IN_FLOW = re.compile(r"[\w/.][\w/.@+=%~^();&<> -]*")
_AFTER_WHICH_IT_ENDS = re.compile(r": | #|:$|\s$|  ")
_ESCAPED = re.compile("[\x7f-\x9f\xad\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Style:
    """How a document is laid out: its line break, the indentation of a mapping in a mapping, and of a list in one."""

    newline: str = "\n"
    step: int = 2
    dash: int = 2


def scalar_text(value: Value, *, quote: str = "", flow: bool = False) -> str:
    """Write a scalar; text in the given quotes, or in none where no reader can take it for something else."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float_text(value)
        case str():
            return _quoted(value, quote) if quote or not _is_plain(value, flow) else value
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written as YAML")


def flow_text(value: Value) -> str:
    """Write a value in one line, collections in brackets."""
    match value:
        case Mapping():
            pairs = (f"{scalar_text(key, flow=True)}: {flow_text(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case tuple() | list():
            return f"[{', '.join(flow_text(item) for item in value)}]"
        case _:
            return scalar_text(value, flow=True)


def block_lines(value: Value, style: Style) -> list[str]:
    """Write a value as lines without indentation, its collections as blocks."""
    match value:
        case Mapping() if value:
            return [line for key, item in value.items() for line in pair_lines(key, item, style)]
        case tuple() | list() if value:
            return [line for item in value for line in item_lines(item, style)]
        case Mapping() | tuple() | list():
            return [flow_text(value)]
        case _:
            return [scalar_text(value)]


def pair_lines(key: str, value: Value, style: Style) -> list[str]:
    """Write `key: value`; a collection goes below the key."""
    lines = block_lines(value, style)
    if not is_block(value):
        return [f"{scalar_text(key)}: {lines[0]}"]
    deeper = " " * below_key(value, style)
    return [f"{scalar_text(key)}:", *(deeper + line for line in lines)]


def item_lines(value: Value, style: Style) -> list[str]:
    """Write `- value`; a collection starts behind the dash."""
    first, *rest = block_lines(value, style)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def is_block(value: Value) -> bool:
    """Whether a value takes lines of its own."""
    return isinstance(value, Mapping | tuple | list) and bool(value)


def below_key(value: Value, style: Style) -> int:
    """Return how far a block is indented below its key."""
    return style.step if isinstance(value, Mapping) else style.dash


def _float_text(value: float) -> str:
    text = repr(value)
    if "n" in text:
        return f"{text[:-3]}.{text[-3:]}"
    # YAML 1.1 takes 1e-05 for text: it wants a dot.
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _is_plain(text: str, flow: bool) -> bool:
    shaped = (_PLAIN_IN_FLOW if flow else _PLAIN).fullmatch(text)
    safe = shaped is not None and not _AFTER_WHICH_IT_ENDS.search(text) and text not in _WORDS_OF_1_1
    return safe and text.isprintable() and read_plain(text) == text and not text.startswith(("---", "..."))


def _quoted(text: str, quote: str) -> str:
    if quote == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
