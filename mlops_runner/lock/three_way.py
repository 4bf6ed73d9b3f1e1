"""A merge of two locks that come from one: stage by stage, not line by line, and quick where little has changed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.lock.codec import emit, parse
from mlops_runner.lock.merge import has_conflicts, without_conflicts
from mlops_runner.lock.model import FILE_NAME, VERSION
from mlops_runner.lock.text import HEADER, unquoted

_VERSION = f"lock_version: {VERSION}"
_PART = re.compile(r"^(?=(?:  )?\S)", re.MULTILINE)
_IGNORED = re.compile(r"^(?:#.*)?\n", re.MULTILINE)
_SECTIONS = ("environments", "stages")
_ROOT = {"": "", _VERSION: "", **{f"{section}:": section for section in _SECTIONS}}  # line → the section it opens

Blocks = dict[tuple[str, str], str]  # section and name → the lines of that entry


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged text, with both versions between markers of what could not be merged, and the names of those."""

    text: str
    conflicts: tuple[str, ...]


def merge(base: str, ours: str, theirs: str) -> Merged:
    """Merge the texts of two locks. An entry that both sides changed, not in the same way, is a conflict.

    A base that cannot be read counts as empty: what differs then is a conflict, and nothing is taken for removed.
    What one side renamed and the other changed gets both. Raises InvalidInput when one of the sides is damaged.
    """
    base, ours, theirs = (text.replace("\r\n", "\n") for text in (base, ours, theirs))
    before, one, other = _base(base), _side(ours), _side(theirs)
    same = {key for key, block in one.items() if other.get(key) == block and before.get(key) == block}
    merged = {key: one[key] for key in same}
    before = _readable(before, same)
    one, other = _normal(one, same), _normal(other, same)
    _follow(before, one, other)
    _follow(before, other, one)
    conflicts = []
    for key in one.keys() | other.keys() | before.keys():
        was, here, there = before.get(key, ""), one.get(key, ""), other.get(key, "")
        if here in (there, was) or there == was:
            merged[key] = there if here == was else here
        else:
            merged[key] = f"<<<<<<< ours\n{here}=======\n{there}>>>>>>> theirs\n"
            conflicts.append(key)
    return Merged(_text(merged), tuple(name for _, name in sorted(conflicts)))


def _base(text: str) -> Blocks:
    try:
        # where histories cross, the base is itself the result of a merge, with its conflicts in it
        return dict(_entries(without_conflicts(text) if has_conflicts(text) else text))
    except InvalidInput:
        return {}


def _side(text: str) -> Blocks:
    if f"\n{_VERSION}\n" not in text:
        raise _damaged("the lock does not say its lock_version")
    return dict(_entries(text))


def _entries(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Take a lock apart, without reading what stands in its entries. Raises InvalidInput."""
    section = ""
    seen = set()
    for part in _PART.split(_IGNORED.sub("", text if text.endswith("\n") else f"{text}\n")):
        first, _, rest = part.partition("\n")
        if first.startswith("  ") and section:
            key = (section, unquoted(first.strip().removesuffix(":")))
            if key in seen:
                raise _damaged(f'"{key[1]}" is given twice')
            seen.add(key)
            yield key, part
        elif rest or first not in _ROOT:
            raise _damaged(f'"{first[:40]}" is no part of a lock')
        else:
            section = _ROOT[first]


def _normal(blocks: Blocks, same: set[tuple[str, str]]) -> Blocks:
    """Return the entries that are not the same everywhere, read and written anew. Raises InvalidInput."""
    rest = {key: block for key, block in blocks.items() if key not in same}
    return dict(_entries(emit(parse(_text(rest))))) if rest else {}


def _readable(blocks: Blocks, same: set[tuple[str, str]]) -> Blocks:
    try:
        return _normal(blocks, same)
    except InvalidInput:
        return {}


def _follow(before: Blocks, one: Blocks, other: Blocks) -> None:
    """Give what one side has under another name, and otherwise as it was, that name in the base and the other side."""
    gone = {_body(block): key for key, block in before.items() if key not in one and key in other}
    for key in sorted(one.keys() - before.keys() - other.keys()):
        was = gone.pop(_body(one[key]), None)
        if was is not None:
            before.pop(was)
            before[key] = one[key]
            other[key] = one[key].partition("\n")[0] + "\n" + _body(other.pop(was))


def _body(block: str) -> str:
    return block.partition("\n")[2]


def _text(blocks: Blocks) -> str:
    found = [f"{HEADER}{_VERSION}\n"]
    for section in _SECTIONS:
        names = sorted(name for of, name in blocks if of == section)
        if entries := "".join(blocks[section, name] for name in names):
            found += [f"{section}:\n", entries]
    return "".join(found)


def _damaged(message: str) -> InvalidInput:
    return InvalidInput(Diagnostic("lock-syntax", message, Place(FILE_NAME), "take the file from git"))
