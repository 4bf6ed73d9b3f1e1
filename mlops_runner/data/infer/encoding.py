"""What a file is, by its bytes: Parquet, delimited text in one of four encodings, or something that is no table."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from mlops_runner.errors import Diagnostic, InvalidInput

Encoding = Literal["utf-8", "utf-16", "latin-1", "windows-1252"]

HEAD = 1 << 20
CHUNK = 1 << 22
PARQUET = b"PAR1"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# No printable character of windows-1252 has these bytes; those of latin-1 between 0x80 and 0x9f are all controls.
UNUSED_IN_1252 = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))
CONTROLS_OF_LATIN_1 = bytes(range(0x80, 0xA0))
OTHER_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "unpack it, or save the sheet as CSV"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it with gunzip"),
    (b"BZh", "compressed with bzip2", "unpack it with bunzip2"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with unzstd"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (b"SQLite format 3", "a SQLite database", "export a table as CSV, or declare a source of kind sql"),
    (b"ARROW1", "an Arrow file", "save it as Parquet"),
    (b"%PDF", "a PDF document", "a table in CSV or Parquet is needed"),
    (b"\x80\x04\x95", "a Python pickle", "save the table as Parquet"),
)


def head_of(path: Path) -> bytes:
    """Return the first MiB of a file. Raises InvalidInput when it cannot be read, is empty, or is no table."""
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError as error:
        message = f"{path.name} cannot be read: {error.strerror}"
        raise InvalidInput(Diagnostic("unreadable-file", message, hint="check its permissions")) from None
    if not head.strip():
        hint = "a header and at least some rows are needed"
        raise InvalidInput(Diagnostic("empty-file", f"{path.name} is empty", hint=hint))
    for magic, kind, hint in OTHER_KINDS:
        if head.startswith(magic):
            raise InvalidInput(Diagnostic("not-a-table", f"{path.name} is {kind}", hint=hint))
    return head


def is_parquet(head: bytes) -> bool:
    """Whether a file starts as Parquet does."""
    return head.startswith(PARQUET)


def encoding_of(path: Path, head: bytes) -> Encoding:
    """Find the encoding of a text file; all of its bytes are looked at. Raises InvalidInput for a binary file."""
    if head.startswith(UTF16_MARKS):
        return "utf-16"
    if b"\0" in head:
        line = head[: head.index(b"\0")].count(b"\n") + 1
        message = f"{path.name} holds a NUL byte in line {line}: it is no text file"
        raise InvalidInput(Diagnostic("not-a-table", message, hint="a table in CSV or Parquet is needed"))
    if _is_utf8(path):
        return "utf-8"
    high = set().union(*(chunk.translate(None, bytes(range(0x80))) for chunk in _chunks(path)))
    if not high & set(CONTROLS_OF_LATIN_1):
        return "latin-1"
    return "latin-1" if high & set(UNUSED_IN_1252) else "windows-1252"


def text_of(head: bytes, encoding: Encoding) -> str:
    """Decode the head of a file; a character cut at its end is left out."""
    name = {"utf-8": "utf-8-sig", "windows-1252": "cp1252"}.get(encoding, encoding)
    return codecs.getincrementaldecoder(name)("strict").decode(head)


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        for chunk in _chunks(path):
            if not chunk.isascii() or decoder.getstate()[0]:
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk
