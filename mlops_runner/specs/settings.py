"""Settings: values given beside the documents (`training.seed=3`), and the edits that bring a document to others."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mlops_runner.errors import Diagnostic, InvalidInput, UsageFailure
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.edit import Edit, Insert, Remove, SetValue
from mlops_runner.specs.locations import Document, Path, Value, load_yaml

DOCUMENTS = ("pipeline", "data", "training", "evaluation")
EXAMPLE = "for example: training.candidates.boosted.params.max_depth=6"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value for one place of one document. `path` is as it was written, with dots."""

    document: str
    path: str
    value: Value

    def __str__(self) -> str:
        return f"{self.document}.{self.path}={self.value}"


def parse_setting(text: str) -> Setting:
    """Read `document.path=value`; the value is YAML. Raises UsageFailure."""
    name, equals, written = text.partition("=")
    document, dot, path = name.strip().partition(".")
    if not equals or not dot or not path:
        raise UsageFailure(Diagnostic("invalid-setting", f'"{text}" is not a setting', hint=EXAMPLE))
    if document not in DOCUMENTS:
        hint = nearest(document, DOCUMENTS) or f"one of: {', '.join(DOCUMENTS)}"
        raise UsageFailure(Diagnostic("invalid-setting", f'"{document}" is not a document of the pipeline', hint=hint))
    return Setting(document, path, _value(text, written))


def _value(text: str, written: str) -> Value:
    try:
        found = load_yaml(f"value: {written}".encode(), "--set").value
    except InvalidInput as error:
        raise UsageFailure(Diagnostic("invalid-setting", f'"{text}": {error.diagnostics[0].message}')) from None
    assert isinstance(found, dict)
    return found["value"]


def edits_of(document: Document, settings: Iterable[Setting]) -> list[Edit]:
    """Return the edits that settings of one document ask for. Raises UsageFailure for a path that leads nowhere."""
    return [_edit(document, setting) for setting in settings]


def _edit(document: Document, setting: Setting) -> Edit:
    value, path, rest = document.value, list[str | int](), setting.path.split(".")
    while rest:
        known = _known(value, rest)
        if known is None:
            break
        key, count = known
        path.append(key)
        value, rest = value[key], rest[count:]
    if not rest:
        return SetValue(tuple(path), setting.value)
    if not isinstance(value, dict):
        where = ".".join(map(str, path)) or document.file
        message = f'{setting.document}.{setting.path} leads nowhere: {where} has no "{rest[0]}"'
        raise UsageFailure(Diagnostic("invalid-setting", message, document.place(tuple(path)), EXAMPLE))
    added = setting.value
    for part in reversed(rest[1:]):
        added = {part: added}
    return Insert((*path, rest[0]), added)


def _known(value: Value, parts: list[str]) -> tuple[str | int, int] | None:
    """Return the key that the first parts name, and how many they are: a key may itself hold dots."""
    if isinstance(value, dict):
        for count in range(len(parts), 0, -1):
            if (key := ".".join(parts[:count])) in value:
                return key, count
    elif isinstance(value, tuple) and parts[0].isdigit() and int(parts[0]) < len(value):
        return int(parts[0]), 1
    return None


def edits_between(present: Value, wanted: Value, path: Path = ()) -> Iterator[Edit]:
    """Yield the edits that turn one value into another, as deep down as they differ; lists are replaced whole."""
    if not isinstance(present, dict) or not isinstance(wanted, Mapping):
        if present != wanted or type(present) is not type(wanted):
            yield SetValue(path, wanted)
        return
    for key in present.keys() - wanted.keys():
        yield Remove((*path, key))
    for key, value in wanted.items():
        if key in present:
            yield from edits_between(present[key], value, (*path, key))
        else:
            yield Insert((*path, key), value)
