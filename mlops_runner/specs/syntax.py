"""What the YAML parser says about a file it cannot read, in the words of somebody who writes specs."""

from typing import Any, NamedTuple

import yaml

from mlops_runner.errors import Diagnostic, Place
from mlops_runner.specs.marks import LINE_BREAK


class _Meaning(NamedTuple):
    said: str
    message: str
    hint: str
    # Point at what was opened, not at where the parser gave up.
    at_opening: bool = False


_MEANINGS = (
    _Meaning("end of stream", "these quotes are not closed", "close the quotes", at_opening=True),
    _Meaning("unexpected document indicator", "these quotes are not closed", "close the quotes", at_opening=True),
    _Meaning("expected ':'", "a line without a colon among keys", "write key: value, or indent the line", True),
    _Meaning("expected ',' or ']'", "the list that opens at {opening} is not closed before this", "add , or ]"),
    _Meaning("expected ',' or '}'", "the mapping that opens at {opening} is not closed before this", "add , or }"),
    _Meaning("mapping values are not", "this colon does not fit here", "quote the text, or check the indentation"),
    _Meaning("cannot start any token", "this character cannot start a value", "quote the value"),
    _Meaning("expected key", "this does not fit the lines above", "check indentation and quotes here"),
    _Meaning("expected '-' indicator", "this is not an item of the list above", "check the indentation"),
    _Meaning("block sequence entries are not", "a list cannot start here", "put the - on a line of its own"),
    _Meaning("mapping keys are not allowed", "this question mark does not fit here", "quote the value"),
    _Meaning("expected node content", "a value is missing here", "give a value, or remove the comma"),
    _Meaning("unknown escape character", "this escape is not known", "double the backslash, or use single quotes"),
    _Meaning("invalid Unicode character", "this escape is not a character", 'write it itself, or as "\\U0001F600"'),
    _Meaning("alphabetic or numeric", "anchors (&) and aliases (*) are not allowed", "quote the value if it is text"),
    _Meaning("tag", "tags (!) are not allowed", "quote the value if it is text"),
    _Meaning("directive", "directives (%) are not understood", "remove the line, or quote the value"),
    _Meaning("incompatible YAML", "this version of YAML is not understood", "remove the line"),
    _Meaning("document start", "the document ended before this line", "check indentation and brackets"),
)


def explain(error: yaml.MarkedYAMLError, text: str, file: str) -> Diagnostic:
    """Turn the parser's error into a diagnostic at the place that has to be mended."""
    said = str(error.problem or error.context or "not valid YAML")
    opening: Any = error.context_mark or error.problem_mark
    mark: Any = error.problem_mark or opening
    meaning = next((known for known in _MEANINGS if known.said in said), None)
    meaning = meaning or _Meaning(said, said, "check indentation, quotes and colons here")
    lines = LINE_BREAK.split(text)
    place = _within(mark, lines, file)
    line = lines[place.line - 1]
    if line[: place.column].lstrip(" ").startswith("\t"):
        meaning = _Meaning(said, "a tab is used for indentation", "indent with spaces, not tabs")
    if meaning.at_opening:
        place = Place(file, opening.line + 1, opening.column + 1)
    message = meaning.message.replace("{opening}", f"{opening.line + 1}:{opening.column + 1}")
    return Diagnostic("yaml-syntax", f"cannot read YAML: {message}", place, meaning.hint)


def _within(mark: Any, lines: list[str], file: str) -> Place:
    # At the end of a file without a final newline the parser is one line further than there are lines.
    if mark.line >= len(lines):
        return Place(file, len(lines), len(lines[-1]) + 1)
    return Place(file, mark.line + 1, mark.column + 1)
