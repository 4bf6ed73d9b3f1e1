"""The reference of every field, generated from the models: `python -m mlops_runner.specs.reference docs/reference`."""

import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mlops_runner.errors import InvalidInput
from mlops_runner.specs.base import Words
from mlops_runner.specs.locations import Value, load_yaml
from mlops_runner.specs.rule_texts import rule_texts
from mlops_runner.specs.schema import KINDS, example, model_of
from mlops_runner.specs.shapes import Shape, field_shape

PLAIN = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}
_NOUNS = {"a mapping", "a whole number", "a number", "a scalar", "a name"}
LIMITS = {
    "gt": "more than {}",
    "ge": "at least {}",
    "lt": "less than {}",
    "le": "at most {}",
    "multiple_of": "a multiple of {}",
}
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Section:
    """The fields of one model at one path, and which member of a union it is."""

    path: str
    model: type[BaseModel]
    tag: str = ""


def write_reference(folder: Path) -> list[Path]:
    """Write `<folder>/<kind>.md` for every kind and `index.md`, and return the paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"index": index(), **{kind.lower(): render(kind) for kind in KINDS}}
    written = [folder / f"{name}.md" for name in texts]
    for path, text in zip(written, texts.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return written


def index() -> str:
    """Return the page that lists the kinds."""
    rows = [f"| [{kind}]({kind.lower()}.md) | {_doc(model_of(kind))} |" for kind in KINDS]
    intro = (
        "Every document starts with `apiVersion: mlops/v1` and its `kind`; its fields follow at the top level. "
        "Unknown keys are errors. Generated from the models; do not edit."
    )
    return "\n".join(["# Reference", "", intro, "", "| kind | purpose |", "|---|---|", *rows, ""])


def render(kind: str) -> str:
    """Return the page of a kind as Markdown."""
    model, text = model_of(kind), example(kind)
    value = load_yaml(text.encode(), kind).value
    lines = [f"# {kind}", "", _doc(model), "", "Generated from the models; do not edit.", ""]
    lines += ["## Example", "", "```yaml", text.rstrip("\n"), "```", "", "## Fields", ""]
    for section in sections(model):
        lines += _section(section, value)
    lines += _rules(model)
    return "\n".join(lines)


def sections(model: type[BaseModel]) -> list[Section]:
    """Return the model and every part nested in it, with the path it stands at, outermost first."""
    return list(_nested(Section("", model)))


def _nested(section: Section) -> Iterator[Section]:
    yield section
    for name, info in section.model.model_fields.items():
        path = f"{section.path}.{name}" if section.path else name
        for part in _parts(path, field_shape(info).core()):
            yield from _nested(part)


def _doc(model: type[BaseModel]) -> str:
    return " ".join((inspect.getdoc(model) or "").split())


def _parts(path: str, shape: Shape) -> Iterator[Section]:
    """Find the models a field can hold: itself, each member of a union, the items of a list, the values of a map."""
    tags = {id(member.annotation): tag for tag, member in shape.tagged().items()}
    key = f"{shape.discriminator}: " if shape.discriminator else ""
    for branch in shape.branches:
        if branch.model:
            tag = tags.get(id(branch.annotation), "")
            yield Section(path, branch.model, f"{key}{tag}" if tag else "")
        elif branch.item:
            yield from _parts(f"{path}[]", branch.item.core())
        elif branch.value:
            yield from _parts(f"{path}.<name>", branch.value.core())


def _section(section: Section, value: Value) -> list[str]:
    title = f"`{section.path}`" if section.path else "The document"
    title += f" with `{section.tag}`" if section.tag else ""
    lines = [f"### {title}", ""]
    if section.path:
        lines += [_doc(section.model), ""]
    lines += ["| field | type | default | meaning | example |", "|---|---|---|---|---|"]
    for name, info in _fields(section):
        path = f"{section.path}.{name}" if section.path else name
        shown = _example(info, _found(value, section), name, path)
        cells = (f"`{path}`", words(field_shape(info)), _default(info), _meaning(section, name, info), shown)
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return [*lines, ""]


def _fields(section: Section) -> list[tuple[str, FieldInfo]]:
    """Return the fields of a model; those that are its own before what it has in common with other forms."""
    own = section.model.__annotations__ if section.tag else section.model.model_fields
    return sorted(section.model.model_fields.items(), key=lambda field: field[0] not in own)


def _cell(text: str) -> str:
    return text.replace("|", "\\|") if text.startswith("`") else text.replace("|", "\\|").replace("<", "&lt;")


def words(shape: Shape) -> str:
    """Say in words which values a shape takes."""
    if {bool, int, float, str} <= {branch.annotation for branch in shape.branches}:
        return "a scalar"
    text = " or ".join(dict.fromkeys(_branch_words(branch, shape) for branch in shape.branches))
    return f"{text} or null" if shape.nullable else text


def _branch_words(branch: Shape, whole: Shape) -> str:
    extras = (*branch.metadata, *(whole.metadata if len(whole.branches) == 1 else ()))
    named = next((extra.text for extra in extras if isinstance(extra, Words)), None)
    if branch.choices:
        return ", ".join(f"`{choice}`" for choice in branch.choices)
    if branch.model:
        return "a mapping"
    if branch.item:
        return f"a list of {_several(words(branch.item))}"
    if branch.value:
        return f"a mapping of names to {_several(words(branch.value))}"
    if len(branch.branches) > 1:
        return words(branch)
    text = named or PLAIN.get(branch.annotation, str(branch.annotation))
    limits = [LIMITS[key].format(value) for key, value in _limits(extras)]
    return f"{text}, {' and '.join(limits)}" if limits else text


def _several(text: str) -> str:
    """Turn "a number" into "numbers", as far as that is easy."""
    return {"text": "texts"}.get(text, f"{text.removeprefix('a ')}s" if text in _NOUNS else text)


def _limits(extras: tuple[Any, ...]) -> Iterator[tuple[str, float]]:
    seen = set()
    for extra in extras:
        for key in LIMITS:
            value = getattr(extra, key, None)
            if value is not None and (key, value) not in seen:
                seen.add((key, value))
                yield key, value


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    default = info.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, BaseModel) or (isinstance(default, tuple | dict) and _holds_models(default)):
        return "its defaults"
    return NOTHING if default is None else f"`{_yaml(default)}`"


def _holds_models(values: Any) -> bool:
    return any(isinstance(item, BaseModel) for item in (values.values() if isinstance(values, dict) else values))


def _yaml(value: Any) -> str:
    """Write a value on one line of YAML."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(_yaml(item) for item in value) + "]"
        case str() if re.fullmatch(r"[A-Za-z0-9][\w.@/ -]*(?::[\w./]+)*", value) and not _is_special(value):
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def _is_special(text: str) -> bool:
    """Say whether this text would be read as something else without quotes, by us or by other readers."""
    try:
        return bool(load_yaml(text.encode(), "").value != text)
    except InvalidInput:
        return True


def _meaning(section: Section, name: str, info: FieldInfo) -> str:
    if info.description:
        return info.description
    return "Says which of the forms this is." if section.path else f"The {name} of document."


def _example(info: FieldInfo, parents: list[Value], name: str, path: str) -> str:
    """Prefer a short value of the example document at this place; else the field's own example, else its default."""
    written = [parent[name] for parent in parents if isinstance(parent, dict) and name in parent]
    simple = [value for value in written if not isinstance(value, dict | tuple) or len(_yaml(value)) <= 60]
    candidates = [*(value for value in simple if value is not None), *(info.examples or ())]
    if not candidates and isinstance(info.default, str | bool | int | float):
        candidates = [info.default]
    last = path.rsplit(".", 1)[-1]
    candidates = [*candidates, *field_shape(info).choices[:1]]
    return f"`{last}: {_yaml(candidates[0])}`" if candidates else NOTHING


def _found(value: Value, section: Section) -> list[Value]:
    """Return the values that stand in the example at a section's path, for the section's member of a union."""
    found = [value]
    for part in section.path.replace("[]", ".[]").split(".") if section.path else ():
        if part == "[]":
            found = [item for each in found if isinstance(each, tuple) for item in each]
        elif part == "<name>":
            found = [item for each in found if isinstance(each, dict) for item in each.values()]
        else:
            found = [each[part] for each in found if isinstance(each, dict) and part in each]
    key, _, tag = section.tag.partition(": ")
    return [each for each in found if not tag or (isinstance(each, dict) and each.get(key) == tag)]


def _rules(model: type[BaseModel]) -> list[str]:
    modules = dict.fromkeys(section.model.__module__ for section in sections(model))
    texts = rule_texts(name for name in modules if not name.endswith(".base"))
    if not texts:
        return []
    rows, before = [], ""
    for text in texts:
        sentence = "" if text.sentence == before else text.sentence
        rows.append(f"| {sentence} | `{text.code}` | {_cell(text.message)} | {_cell(text.hint)} |")
        before = text.sentence
    head = [
        "## Rules",
        "",
        "What holds beyond the types, and what is said when it does not (… stands for a value).",
        "",
    ]
    return [*head, "| rule | code | message | hint |", "|---|---|---|---|", *rows, ""]


if __name__ == "__main__":
    write_reference(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
