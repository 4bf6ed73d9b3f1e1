"""From the bytes of a file to UTF-8 text, or the reason why they are not text."""

import re

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data_sources import Dialect

UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
SINGLE_BYTE = {"latin-1": "iso-8859-1", "windows-1252": "cp1252"}
OTHER_FILES = {
    b"\x1f\x8b": ("a gzip archive", "unpack it"),
    b"PK\x03\x04": ("a zip archive or a workbook", "unpack it, or save the sheet as CSV"),
    b"PAR1": ("a Parquet file", "set kind: parquet"),
}


def decode(raw: bytes, dialect: Dialect, origin: str) -> bytes | Diagnostic:
    """Return the file's text as UTF-8 without byte order mark; refuse NUL, wrong bytes and emptiness."""
    for start, (what, hint) in OTHER_FILES.items():
        if raw.startswith(start):
            return _refuse(origin, f"is {what}", hint)
    text = _utf16(raw, origin) if dialect.encoding == "utf-16" else _marked(raw, dialect, origin)
    if isinstance(text, Diagnostic):
        return text
    if not text or text.isspace():
        message = f"{origin}: the file is empty"
        return Diagnostic("empty-file", message, hint="a header and at least one row are needed")
    if (position := text.find(b"\0")) >= 0:
        return _refuse(origin, f"holds a NUL byte in line {_line(text, position)}", "is it a text file?")
    return text


def _marked(raw: bytes, dialect: Dialect, origin: str) -> bytes | Diagnostic:
    """Decode encodings whose ASCII part is ASCII; a byte order mark says UTF-8, whatever was declared."""
    if raw.startswith(UTF16_MARKS):
        return _refuse(origin, "is UTF-16 text", "set encoding: utf-16, or save it as UTF-8")
    text = raw.removeprefix(UTF8_MARK)
    if text.isascii():
        return text
    encoding = "utf-8" if len(text) < len(raw) else SINGLE_BYTE.get(dialect.encoding, "utf-8")
    try:
        decoded = text.decode(encoding)
    except UnicodeDecodeError as error:
        byte, line = text[error.start], _line(text, error.start)
        name = "UTF-8" if encoding == "utf-8" else dialect.encoding
        return _refuse(origin, f"holds the byte 0x{byte:02x} in line {line}, which is not {name}", _other(encoding))
    return text if encoding == "utf-8" else decoded.encode()


def _other(encoding: str) -> str:
    if encoding == "utf-8":
        return "set encoding: windows-1252 (or latin-1), or save the file as UTF-8"
    return "set encoding: latin-1, or save the file as UTF-8"


def _utf16(raw: bytes, origin: str) -> bytes | Diagnostic:
    """Decode UTF-16; without a mark, the zero byte of the first character says which byte comes first."""
    order = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(raw[:2])
    start = 2 if order else 0
    if order is None and re.match(rb"[^\0]\0|\0[^\0]", raw[:2], re.DOTALL):
        order = "utf-16-be" if raw[0] == 0 else "utf-16-le"
    if order is None:
        hint = "set encoding: utf-8, or the one it was saved with"
        return _refuse(origin, "is not UTF-16 text: it has no byte order mark", hint) if raw else raw
    try:
        return raw[start:].decode(order).encode()
    except UnicodeDecodeError as error:
        line = raw[start : start + error.start].decode(order, errors="replace").count("\n") + 1
        return _refuse(origin, f"holds bytes in line {line} that are not UTF-16", "is the file complete?")


def _line(text: bytes, position: int) -> int:
    return text.count(b"\n", 0, position) + 1


def _refuse(origin: str, what: str, hint: str) -> Diagnostic:
    return Diagnostic("encoding", f"{origin}: the file {what}", hint=hint)
