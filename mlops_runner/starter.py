"""The project that `mlops init` writes: small, commented, and running at once."""

import re
from importlib import resources
from pathlib import Path

from mlops_runner.durable import write_text

FILES = ("pipeline.yaml", "specs/data.yaml", "specs/training.yaml", "specs/evaluation.yaml", ".gitignore")


def write_starter(folder: Path, name: str) -> list[Path]:
    """Write the files that are not there yet and return them. `name` is made to fit."""
    fitting = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-") or "pipeline"
    fitting = fitting if fitting[0].isalpha() else f"p-{fitting}"
    source = resources.files("mlops_runner") / "templates" / "starter"
    written = []
    for file in FILES:
        target = folder / file
        if not target.exists():
            text = (source / file.replace("/", "_").lstrip(".")).read_text(encoding="utf-8")
            write_text(target, text.replace("NAME", fitting[:60]))
            written.append(target)
    return written
