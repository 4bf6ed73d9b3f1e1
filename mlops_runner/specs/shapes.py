"""The shapes of fields, read from the annotations of the models: what messages and the reference walk along.

A shape is a model, a list, a mapping, a choice of words, a plain value, or a union of those.
"""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag
from pydantic.fields import FieldInfo

Location: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """An annotation without its wrappers: what was wrapped around it, and the key that tells the members of a union."""

    annotation: Any
    metadata: tuple[Any, ...] = ()
    discriminator: str | None = None

    @property
    def model(self) -> type[BaseModel] | None:
        """The model, if the value is a mapping with declared keys."""
        found = self.annotation
        return found if isinstance(found, type) and issubclass(found, BaseModel) else None

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values of a closed choice, or nothing."""
        return get_args(self.annotation) if get_origin(self.annotation) is Literal else ()

    @property
    def item(self) -> "Shape | None":
        """The shape of a list's items."""
        return _unwrap(get_args(self.annotation)[0]) if get_origin(self.annotation) in {list, tuple} else None

    @property
    def value(self) -> "Shape | None":
        """The shape of a mapping's values."""
        mapping = get_origin(self.annotation) in {dict, Mapping}
        return _unwrap(get_args(self.annotation)[1]) if mapping else None

    @property
    def nullable(self) -> bool:
        """Whether null is allowed."""
        return any(member.annotation in {None, type(None)} for member in _members(self))

    @property
    def branches(self) -> "tuple[Shape, ...]":
        """The members of a union without null; of anything else, itself."""
        return tuple(member for member in _members(self) if member.annotation not in {None, type(None)})

    def tagged(self) -> "dict[str, Shape]":
        """Return the members of a discriminated union by tag; of anything else, nothing."""
        return {tag: member for member in self.branches for tag in _tags(member, self.discriminator)}

    def core(self) -> "Shape":
        """Return the shape without null around it."""
        only = self.branches[0]
        return self if len(self.branches) > 1 or only == self else only.core()


def field_shape(info: FieldInfo) -> Shape:
    """Return the shape of a model's field."""
    shape = _unwrap(info.annotation)
    return Shape(shape.annotation, (info, *info.metadata, *shape.metadata), _key(info, shape))


def _key(info: FieldInfo, shape: Shape) -> str | None:
    if any(isinstance(extra, Discriminator) for extra in info.metadata) or isinstance(
        info.discriminator, Discriminator
    ):
        return ""
    return info.discriminator if isinstance(info.discriminator, str) else shape.discriminator


def _unwrap(annotation: Any) -> Shape:
    """Take Annotated off, and remember what it said."""
    if get_origin(annotation) is not Annotated:
        return Shape(annotation)
    inner, *extras = get_args(annotation)
    within = _unwrap(inner)
    key = within.discriminator
    for extra in extras:
        if isinstance(extra, Discriminator):
            key = ""
        elif isinstance(extra, FieldInfo) and isinstance(extra.discriminator, str):
            key = extra.discriminator
    limits = [limit for extra in extras if isinstance(extra, FieldInfo) for limit in extra.metadata]
    return Shape(within.annotation, (*extras, *limits, *within.metadata), key)


def _members(shape: Shape) -> Iterator[Shape]:
    if get_origin(shape.annotation) not in {Union, types.UnionType}:
        yield shape
        return
    for argument in get_args(shape.annotation):
        member = _unwrap(argument)
        inner = tuple(_members(member))
        yield from inner if len(inner) > 1 and not member.metadata else (member,)


def _tags(member: Shape, key: str | None) -> Iterator[str]:
    if key is None:
        return
    named = [extra.tag for extra in member.metadata if isinstance(extra, Tag)]
    yield from named
    if not named and member.model and key in member.model.model_fields:
        yield from get_args(member.model.model_fields[key].annotation)


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a location of pydantic leads: the path in the document, the shape there, and where an open union was met.

    `union` is the length of the location up to the first union that no key decides, whose branches all complain.
    `siblings` are the other members of the last union that a key decided.
    """

    path: Location
    shape: Shape | None
    union: int | None = None
    union_shape: Shape | None = None
    siblings: tuple[tuple[str, Shape], ...] = ()
    on_key: bool = False


def trace(model: type[BaseModel], location: Location) -> Trace:
    """Follow a location from a model, dropping what is not in the document: tags and names of union members."""
    here: Shape | None = Shape(model)
    path: list[str | int] = []
    union, union_shape, on_key = None, None, False
    siblings: tuple[tuple[str, Shape], ...] = ()
    for position, part in enumerate(location):
        if here is None:
            break
        here = here.core()
        tags = here.tagged()
        if part in tags:
            siblings = tuple((tag, shape) for tag, shape in tags.items() if tag != part)
            here = tags[str(part)]
        elif len(here.branches) > 1 and not tags:
            if union is None:
                union, union_shape = position, here
            here = _labelled(here, str(part))
        elif part == "[key]":
            on_key = True
        else:
            path.append(part)
            here = _inside(here, part)
    return Trace(tuple(path), here, union, union_shape, siblings, on_key)


def _inside(shape: Shape, part: str | int) -> Shape | None:
    for branch in shape.branches:
        if branch.model and part in branch.model.model_fields:
            return field_shape(branch.model.model_fields[str(part)])
        if isinstance(part, int) and branch.item:
            return branch.item
        if isinstance(part, str) and branch.value:
            return branch.value
    return None


def _labelled(union: Shape, label: str) -> Shape:
    """Return the member of an open union that pydantic calls by this label, as far as it matters for walking on."""
    for branch in union.branches:
        if branch.model and branch.model.__name__ == label:
            return branch
        if (branch.item and label.startswith(("tuple", "list"))) or (branch.value and label.startswith("dict")):
            return branch
    plain = [branch for branch in union.branches if not (branch.model or branch.item or branch.value)]
    return plain[0] if plain else union.branches[0]


def known_keys(shape: Shape | None) -> set[str]:
    """Return the keys that a mapping of this shape may have."""
    return {name for branch in shape.branches if branch.model for name in branch.model.model_fields} if shape else set()
