"""The code cells of a notebook as one source: what they mean, what they import, what cannot be told from reading them.

What cells show is a result, too: unlike in a module, texts that stand alone and a semicolon at the end count. Texts
for people, outputs, execution counts and metadata do not, but for the tags that decide what is run.
"""

import ast
import io
import re
import tokenize
from dataclasses import replace

from mlops_runner.digest import Json, canonical_json, digest_text
from mlops_runner.plan.notebook import MAY_FAIL, PARAMETERS, Cell, read_notebook
from mlops_runner.plan.source import Source, read_source

# Magics of a cell whose body is Python; the body of any other is for a program of its own.
PYTHON_BODIES = frozenset({"%%time", "%%timeit", "%%capture", "%%prun"})
COUNTING_TAGS = (PARAMETERS, MAY_FAIL)

_MAGIC = re.compile(r"(?P<head>\s*(?:[\w.,\s\[\]'\"]+=\s*)?)(?P<magic>[%!].*|\?{1,2}[\w.*]+.*)")
_HELP = re.compile(r"(?P<head>\s*)(?P<magic>%{0,2}[\w.*]+\?{1,2})\s*")


def read_cells(data: bytes, file: str) -> Source:
    """Read what a notebook runs. Raises InvalidInput for what is no notebook of Python."""
    cells = [cell for cell in read_notebook(data, file) if cell.runs]
    read = [(cell, *_read(cell)) for cell in cells]
    material: list[Json] = [
        [[*filter(cell.tags.__contains__, COUNTING_TAGS)], head, source.digest, quiet]
        for cell, head, source, quiet in read
    ]
    return Source(
        digest_text("a1", f"notebook:{canonical_json(material)}"),
        tuple(replace(found, line=cell.line(found.line)) for cell, _, source, _ in read for found in source.imports),
        tuple((cell.line(line), f"cell {cell.number} {d}") for cell, _, source, _ in read for line, d in source.doubts),
    )


def _read(cell: Cell) -> tuple[str, Source, bool]:
    """Return the magic of a cell, what the Python in it says, and whether a semicolon hides its value."""
    head, code = _divided(cell.source)
    if head and head.split()[0] not in PYTHON_BODIES:
        return cell.source, read_source(b"", docstrings=True), False
    python = plain(code)
    # The first line of a cell's magic is left blank: lines keep their numbers.
    return head, read_source(python.encode(), docstrings=True), _ends_quietly(python)


def _divided(text: str) -> tuple[str, str]:
    """Part a cell into its magic and its body."""
    before, mark, after = text.partition("%%")
    if not mark or before.strip():
        return "", text
    line, _, body = after.partition("\n")
    return f"%%{line.strip()}", f"{before}\n{body}"


def plain(text: str) -> str:
    """Return a cell as Python: lines that only a notebook understands become calls that keep their text."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "\n".join(_without_magics(text.split("\n")))
    return text


def _without_magics(lines: list[str]) -> list[str]:
    written, waiting = list[str](), iter(lines)
    for line in waiting:
        found = _MAGIC.fullmatch(line) or _HELP.fullmatch(line)
        if found is None or _is_open(written):
            written.append(line)
            continue
        magic, joined = found["magic"], 0
        while magic.endswith("\\") and (following := next(waiting, None)) is not None:
            magic, joined = f"{magic}\n{following}", joined + 1
        written += [f"{found['head']}__magic__({magic.rstrip()!r})", *[""] * joined]
    return written


def _is_open(lines: list[str]) -> bool:
    """Say whether lines end inside brackets or a text: what follows is no line of its own."""
    try:
        for _ in tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline):
            pass
    except tokenize.TokenError:
        return True
    except SyntaxError:
        return False
    return False


def _ends_quietly(text: str) -> bool:
    """Say whether the last thing in a cell is a semicolon: then its value is not shown."""
    if ";" not in text:
        return False
    between = {tokenize.ENDMARKER, tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.DEDENT}
    try:
        tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in between]
    except (tokenize.TokenError, SyntaxError):
        return text.rstrip().endswith(";")
    return bool(tokens) and tokens[-1].string == ";"
