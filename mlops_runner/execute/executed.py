"""The executed notebook as a file: the same bytes whenever its cells say the same.

Nothing in it tells of when and where it ran: no times, no random names, no paths of the step's own folder.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from mlops_runner.plan.notebook import INJECTED, PARAMETERS, Cell

FAILED = "failed.ipynb"  # in the folder of a step: its notebook as far as it came
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}
KEPT_METADATA = frozenset({"tags", "jupyter", "slideshow", "editable"})  # what authors set, and no execution does
LIVE = "application/vnd.jupyter.widget-view+json"  # names an object of the kernel, which is gone
TEXTS = frozenset({"application/javascript", "image/svg+xml"})
STREAMS = ("stdout", "stderr")

Document = dict[str, Any]
Prepared = list[tuple[Document, Cell | None]]


def prepared(cells: Sequence[Cell], params: Mapping[str, Any]) -> Prepared:
    """Return the cells to execute, each with that of the notebook: with none for the one that sets the params."""
    found: Prepared = [(_cell(cell), cell) for cell in cells if INJECTED not in cell.tags]
    if params:
        tagged = (number for number, (_, cell) in enumerate(found, 1) if cell and PARAMETERS in cell.tags)
        text = "\n".join(["# Parameters", *(f"{name} = {value!r}" for name, value in sorted(params.items()))])
        found.insert(next(tagged, 0), (_code(text, {"tags": [INJECTED]}), None))
    for number, (document, _) in enumerate(found, 1):
        document["id"] = f"cell-{number}"
    return found


def _cell(cell: Cell) -> Document:
    metadata = {name: value for name, value in cell.metadata.items() if name in KEPT_METADATA}
    if cell.kind == "code":
        return _code(cell.source, metadata)
    attachments = {"attachments": dict(cell.attachments)} if cell.attachments else {}
    return {"cell_type": cell.kind, "metadata": metadata, "source": cell.source, **attachments}


def _code(text: str, metadata: Mapping[str, Any]) -> Document:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": dict(metadata),
        "outputs": list[Document](),
        "source": text,
    }


def notebook_of(cells: Sequence[Document]) -> Document:
    """Return a whole notebook."""
    return {
        "cells": list(cells),
        "metadata": {"kernelspec": KERNEL, "language_info": LANGUAGE},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def written(cells: Sequence[Mapping[str, Any]], work: Path, project: Path) -> str:
    """Return the text of an executed notebook. project: the folder in `work` that stands for the project."""
    relative = relative_to(work, project)
    return (
        json.dumps(
            notebook_of([_settled(cell, relative) for cell in cells]), indent=1, sort_keys=True, ensure_ascii=False
        )
        + "\n"
    )


def _settled(cell: Mapping[str, Any], relative: Callable[[str], str]) -> Document:
    if cell["cell_type"] != "code":
        return {**cell, "source": _split(cell["source"])}
    outputs = [_plain(output, relative) for output in _merged(cell["outputs"])]
    return {**cell, "source": _split(cell["source"]), "metadata": dict(cell["metadata"]), "outputs": outputs}


def _merged(outputs: Sequence[Mapping[str, Any]]) -> list[Document]:
    """Put together what the streams said between two displays: in which pieces it comes, and which first, is chance."""
    found: list[Document] = []
    for streams, group in groupby(outputs, lambda output: output["output_type"] == "stream"):
        members = [dict(output) for output in group]
        if not streams:
            found += members
            continue
        for name in STREAMS:
            text = "".join(output["text"] for output in members if output["name"] == name)
            if text:
                drawn = "\n".join(map(_last_drawn, text.split("\n")))
                found.append({"output_type": "stream", "name": name, "text": drawn})
    return found


def _last_drawn(line: str) -> str:
    """Return what is left of a line that a progress bar has drawn again and again."""
    return line[line.rstrip("\r").rfind("\r") + 1 :]


def _plain(output: Document, relative: Callable[[str], str]) -> Document:
    if "data" in output:
        data = {kind: value for kind, value in output["data"].items() if kind != LIVE}
        shown = {kind: _written_as(kind, _mapped(value, relative)) for kind, value in data.items()}
        return {**output, "data": shown, "metadata": dict(output["metadata"])}
    if "text" in output:
        return {**output, "text": _split(relative(output["text"]))}
    return {name: _mapped(value, relative) for name, value in output.items()}


def _mapped(value: Any, relative: Callable[[str], str]) -> Any:
    match value:
        case str():
            return relative(value)
        case Mapping():
            return {key: _mapped(inner, relative) for key, inner in value.items()}
        case list():
            return [_mapped(inner, relative) for inner in value]
    return value


def _written_as(kind: str, value: Any) -> Any:
    """Write a text in lines, and what stands for bytes as it is: as Jupyter does."""
    return _split(value) if isinstance(value, str) and (kind.startswith("text/") or kind in TEXTS) else value


def _split(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def relative_to(work: Path, project: Path) -> Callable[[str], str]:
    """Return what takes the step's own folder out of a text: paths become those of the project."""
    inner = project.relative_to(work).as_posix()
    heads = "|".join(re.escape(str(folder)) for folder in [*sorted({work, work.resolve()}), Path("~")])
    compiled = re.compile(rf"(?:{heads})/ipykernel_\d+/\d+\.py")
    within = re.compile(rf"(?:{heads})/{re.escape(inner)}(?:/|(?![\w.-]))")
    return lambda text: within.sub(lambda found: "" if found[0].endswith("/") else ".", compiled.sub("<cell>", text))


def same_outputs(one: bytes, other: bytes) -> bool:
    """Say whether two executed notebooks show the same. Texts and comments may differ: they are in no key."""
    try:
        return _shown(one) == _shown(other)
    except (ValueError, KeyError, TypeError):
        return False


def _shown(data: bytes) -> list[Any]:
    cells = [cell["outputs"] for cell in json.loads(data)["cells"] if cell["cell_type"] == "code"]
    # A traceback quotes the code around the line, with its comments.
    return [[{**output, "traceback": None} for output in outputs] for outputs in cells]
