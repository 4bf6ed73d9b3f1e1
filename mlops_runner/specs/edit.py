"""Edits of YAML that a person wrote: text in, text out, and nothing changes but what is addressed.

Comments, order, quotes, indentation, brackets and line ends stay. A comment belongs to the key it stands behind or
directly above, and goes when that key is removed; what stands inside a replaced collection goes with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.locations import Document, Path, Value, load_yaml
from mlops_runner.specs.page import Page, style_of
from mlops_runner.specs.splice import insert, remove, replace
from mlops_runner.specs.yaml_text import Style, block_lines

BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class SetValue:
    """Give a key or an item that exists another value."""

    path: Path
    value: Value
    kind: Literal["set"] = "set"


@dataclass(frozen=True, slots=True)
class Insert:
    """Add a key to a mapping, or an item to the end of a list: its index is the list's length."""

    path: Path
    value: Value
    kind: Literal["insert"] = "insert"


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a key or an item. The last one leaves `{}` or `[]`."""

    path: Path
    kind: Literal["remove"] = "remove"


Edit: TypeAlias = SetValue | Insert | Remove


class EditFailed(RuntimeError):
    """A bug: the edited text does not say what the edit asked for."""


def apply(document: Document | tuple[bytes, str], edits: Iterable[Edit]) -> str:
    """Apply edits one after the other, each to the result of those before, and return the text.

    A byte order mark is kept when bytes are given. Raises InvalidInput for a document that cannot be read and a path
    that does not exist (or exists already, to insert); EditFailed when the result is not what was asked for.
    """
    if isinstance(document, Document):
        mark, current = "", document
    else:
        data, file = document
        mark, current = BYTE_ORDER_MARK * data.startswith(BYTE_ORDER_MARK.encode()), load_yaml(data, file)
    # Learnt once, from what the author wrote: the order of edits must not show in the result.
    style = style_of(current)
    for edit in edits:
        current = _apply(current, edit, style)
    return mark + current.text


def _apply(document: Document, edit: Edit, style: Style) -> Document:
    wanted = _model(document, edit)
    if _same(wanted, document.value):
        return document
    text = _write(Page(document, style), edit)
    try:
        edited = load_yaml(text.encode(), document.file)
    except (InvalidInput, UnicodeEncodeError) as error:
        raise EditFailed(f"{edit} makes {document.file} unreadable: {error}") from error
    if not _same(edited.value, wanted):
        raise EditFailed(f"{edit} of {document.file} made {edited.value!r} instead of {wanted!r}")
    return edited


def _same(one: Value, other: Value) -> bool:
    # Not ==, for which 1, 1.0 and true are the same, and .nan is not.
    return repr(one) == repr(other)


def _write(page: Page, edit: Edit) -> str:
    match edit:
        case SetValue(value=value) if not page.document.marks:
            return _fill(page, _frozen(value))
        case SetValue(path=path, value=value):
            return replace(page, path, _frozen(value))
        case Insert(path=path, value=value):
            return insert(page, path, _frozen(value))
        case Remove(path=path):
            return remove(page, path)
        case _:
            assert_never(edit)


def _fill(page: Page, value: Value) -> str:
    """Write a value into a document that holds nothing, or comments only."""
    newline = page.style.newline
    gap = newline if page.text and not page.text.endswith(newline) else ""
    return page.text + gap + newline.join(block_lines(value, page.style)) + newline


def _frozen(value: Value) -> Value:
    match value:
        case Mapping():
            return {str(key): _frozen(item) for key, item in value.items()}
        case tuple() | list():
            return tuple(_frozen(item) for item in value)
        case _:
            return value


def _model(document: Document, edit: Edit) -> Value:
    """Return the document's value with the edit applied. Raises InvalidInput for a path that does not fit."""
    if not edit.path:
        if isinstance(edit, SetValue):
            return _frozen(edit.value)
        raise _refusal(document, (), f"{document.file} as a whole cannot take {edit.kind}", "address a key in it")
    owner = document.value
    for depth, part in enumerate(edit.path[:-1]):
        if not _holds(owner, part):
            raise _unknown(document, edit.path[: depth + 1], owner)
        owner = owner[part]
    return _rebuilt(document.value, edit.path, _changed(document, owner, edit))


def _changed(document: Document, owner: Value, edit: Edit) -> Value:
    part = edit.path[-1]
    if isinstance(edit, Insert):
        return _with(document, owner, edit.path, _frozen(edit.value))
    if not _holds(owner, part):
        raise _unknown(document, edit.path, owner)
    kept = owner if isinstance(owner, dict) else dict(enumerate(owner))
    if isinstance(edit, SetValue):
        changed = {**kept, part: _frozen(edit.value)}
    else:
        changed = {key: item for key, item in kept.items() if key != part}
    return changed if isinstance(owner, dict) else tuple(changed.values())


def _with(document: Document, owner: Value, path: Path, value: Value) -> Value:
    part = path[-1]
    if isinstance(owner, dict) and isinstance(part, str) and part not in owner:
        return {**owner, part: value}
    if isinstance(owner, tuple) and part == len(owner):
        return (*owner, value)
    if _holds(owner, part):
        raise _refusal(document, path, f"{_dotted(path)} is there already", "set its value instead")
    expected = f"the list has {len(owner)} items" if isinstance(owner, tuple) else "write it as a mapping or a list"
    raise _refusal(document, path, f"nothing can be added at {_dotted(path)}", expected)


def _rebuilt(value: Value, path: Path, changed: Value) -> Value:
    """Return a value in which the owner of a path's last part is another."""
    if len(path) == 1:
        return changed
    kept = value if isinstance(value, dict) else dict(enumerate(value))
    rebuilt = {**kept, path[0]: _rebuilt(value[path[0]], path[1:], changed)}
    return rebuilt if isinstance(value, dict) else tuple(rebuilt.values())


def _holds(owner: Value, part: str | int) -> bool:
    if isinstance(owner, dict):
        return part in owner
    return isinstance(owner, tuple) and isinstance(part, int) and 0 <= part < len(owner)


def _unknown(document: Document, path: Path, owner: Value) -> InvalidInput:
    hint = None
    if isinstance(owner, dict):
        hint = nearest(str(path[-1]), owner) or f"known keys: {', '.join(owner) or 'none'}"
    elif isinstance(owner, tuple):
        hint = f"the list has {len(owner)} items, counted from 0"
    return _refusal(document, path, f"there is no {_dotted(path)}", hint or "it is not a mapping or a list")


def _refusal(document: Document, path: Path, message: str, hint: str) -> InvalidInput:
    return InvalidInput(Diagnostic("unknown-path", message, document.place(path), hint))


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)
