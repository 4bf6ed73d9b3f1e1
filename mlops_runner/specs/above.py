"""Which pipeline above a folder names it as one of its own. Documents that cannot be read name nothing."""

from collections.abc import Iterator
from pathlib import Path

from mlops_runner.errors import InvalidInput

PIPELINE_FILE = "pipeline.yaml"


def pipelines_above(folder: Path) -> Iterator[Path]:
    """Yield the folders above one that hold a pipeline, the nearest first, up to the top of the git repository."""
    for below, above in zip((folder, *folder.parents), folder.parents, strict=False):
        if (below / ".git").exists():
            return
        if (above / PIPELINE_FILE).is_file():
            yield above


def declared_by(folder: Path) -> Path | None:
    """Return the folder of the pipeline above that names a folder as one of its own, None if there is none."""
    return next((above for above in pipelines_above(folder) if folder in named_by(above)), None)


def named_by(top: Path) -> list[Path]:
    """Return the folders that the pipeline of a folder names as pipelines of their own, as far as it can be read."""
    from mlops_runner.specs.locations import load_yaml  # the parser, which a plan does without

    try:
        value = load_yaml((top / PIPELINE_FILE).read_bytes(), PIPELINE_FILE).value
    except (OSError, InvalidInput):
        return []
    found = value.get("pipelines") if isinstance(value, dict) else None
    names = [name for name in found if isinstance(name, str)] if isinstance(found, tuple) else []
    return [top / name for name in names if not name.startswith("/") and ".." not in name.split("/")]
