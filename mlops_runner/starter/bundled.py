"""The project that `mlops init` writes: small, commented, and running at once."""

import re
from importlib import resources
from pathlib import Path

from mlops_runner.durable import write_text

DOCUMENTS = ("pipeline.yaml", "specs/data.yaml", "specs/training.yaml", "specs/evaluation.yaml")
FOR_GIT = (".gitignore", ".gitattributes")


def write_starter(folder: Path, name: str) -> list[Path]:
    """Write the files that are not there yet and return them. `name` is made to fit."""
    return write_missing(folder, {file: template(file).replace("NAME", fitting_name(name)) for file in DOCUMENTS})


def write_missing(folder: Path, texts: dict[str, str]) -> list[Path]:
    """Write the files, and what git is to ignore and how it merges, where there is none yet; return those written."""
    written = []
    for file, text in {**texts, **{file: template(file) for file in FOR_GIT}}.items():
        target = folder / file
        if not target.exists():
            write_text(target, text)
            written.append(target)
    return written


def template(file: str) -> str:
    """Return the text of a file of the small pipeline."""
    source = resources.files("mlops_runner") / "templates" / "starter"
    return (source / file.replace("/", "_").lstrip(".")).read_text(encoding="utf-8")


def fitting_name(name: str) -> str:
    """Make a name of a pipeline from any text."""
    fitting = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-") or "pipeline"
    return (fitting if fitting[0].isalpha() else f"p-{fitting}")[:60]
