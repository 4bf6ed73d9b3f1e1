"""The data sets that ship with scikit-learn: no file, no download."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from sklearn import datasets

from mlops_runner.data.columns import compare_columns
from mlops_runner.data.table import Reading, Table
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_sources import SklearnSource

LOADERS: Mapping[str, Callable[[], Any]] = {
    "breast_cancer": datasets.load_breast_cancer,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
}


def read(spec: Data, _project: Path, _inputs: Mapping[str, Path]) -> Reading:
    """Build the table of a bundled set: its feature names, and `target`; see `sources.base.Reader`."""
    source = spec.source
    assert isinstance(source, SklearnSource)
    bunch = LOADERS[source.dataset]()
    columns = {str(name): bunch.data[:, index] for index, name in enumerate(bunch.feature_names)}
    frame = pl.DataFrame(columns).with_columns(pl.Series("target", _target(bunch)))
    origin = f"sklearn {source.dataset}"
    return Reading(Table(frame, origin), tuple(compare_columns(frame.columns, spec, origin)))


def _target(bunch: Any) -> list[float] | list[str]:
    if "target_names" not in bunch:
        return [float(value) for value in bunch.target]
    # The class name, not its number: numbers invite treating classes as quantities.
    return [str(bunch.target_names[code]) for code in bunch.target]
