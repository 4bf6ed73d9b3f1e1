"""The family of sources: what each leaf must offer, and the table that finds the leaf for a kind."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from mlops_runner.data.table import Reading
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.data import Data

# Leaves are named, not imported: scikit-learn alone takes a second to import, and a CSV file does not need it.
SOURCES: Mapping[str, str] = {
    "csv": "mlops_runner.data.sources.csv",
    "parquet": "mlops_runner.data.sources.parquet",
    "sklearn": "mlops_runner.data.sources.sklearn",
    "python": "mlops_runner.data.sources.python",
}


class Reader(Protocol):
    """Reads all rows of one kind of source. Values stay as they are found; types are the next room's work."""

    def __call__(self, spec: Data, project: Path, inputs: Mapping[str, Path], /) -> Reading:
        """Read the source that `spec` declares; `inputs` maps its logical input names to local paths."""
        ...


def read_source(spec: Data, project: Path, inputs: Mapping[str, Path]) -> Reading:
    """Read the declared source. Problems of the data come back in the result; StepFailed when user code raises."""
    if absent := [name for name, path in inputs.items() if not path.exists() or path.is_fifo()]:
        raise InvalidInput(
            Diagnostic("missing-input", f"input {name}: {inputs[name]} is not a file") for name in absent
        )
    leaf = import_module(SOURCES[spec.source.kind])
    return cast(Reader, leaf.read)(spec, project, inputs)
