"""From the bytes of a file to UTF-8 text, or the reason why they are not text."""

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data_sources import CsvSource

UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def decode(raw: bytes, source: CsvSource) -> bytes | Diagnostic:
    """Return the file's text as UTF-8 without byte order mark; refuse UTF-16, NUL, wrong bytes and emptiness."""
    if raw.startswith(UTF16_MARKS):
        return _refuse(source, "encoding", "is UTF-16 text", "save it as UTF-8")
    text = raw.removeprefix(UTF8_MARK)
    if not text.strip():
        return _refuse(source, "empty-file", "is empty", "a header and at least one row are needed")
    if (position := text.find(b"\0")) >= 0:
        return _refuse(source, "encoding", f"holds a NUL byte in line {_line(text, position)}", "is it a text file?")
    if source.encoding == "latin-1" and not text.isascii():
        return text.decode("latin-1").encode()
    return _valid(text, source)


def _valid(text: bytes, source: CsvSource) -> bytes | Diagnostic:
    try:
        if not text.isascii():
            text.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = text[error.start]
        what = f"holds the byte 0x{byte:02x} in line {_line(text, error.start)}, which is not UTF-8"
        return _refuse(source, "encoding", what, "set encoding: latin-1, or save the file as UTF-8")
    return text


def _line(text: bytes, position: int) -> int:
    return text.count(b"\n", 0, position) + 1


def _refuse(source: CsvSource, code: str, what: str, hint: str) -> Diagnostic:
    return Diagnostic(code, f"{source.path}: the file {what}", hint=hint)
