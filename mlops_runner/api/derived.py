"""Derived columns for rows that no pipeline has seen: what a model needs to forecast."""

from pathlib import Path
from typing import TYPE_CHECKING

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data_derived_kinds import Calendar
from mlops_runner.specs.load import folder_reader, load_core

if TYPE_CHECKING:
    from polars import DataFrame


def derive_rows(root: Path, rows: "DataFrame") -> "DataFrame":
    """Return the rows under their declared types, with the derived columns; none is dropped. Raises InvalidInput.

    rows: the past of each series as far back as lags and windows reach, and the rows to forecast, whose target is
    missing.
    """
    from polars import DataFrame

    from mlops_runner.data.derived.derive import derive, needed
    from mlops_runner.data.table import Table
    from mlops_runner.data.types import convert

    spec = load_core(folder_reader(root)).data.spec
    if not spec.derived:
        message = "the Data document derives no columns"
        raise InvalidInput(Diagnostic("nothing-derived", message, hint="the model reads the rows as they are"))
    if absent := [name for name in spec.columns if name in needed(spec) and name not in rows.columns]:
        raise InvalidInput(
            Diagnostic("missing-column", f'the rows have no column "{name}"', hint=nearest(name, rows.columns))
            for name in absent
        )
    typed, problems, _ = convert(Table(rows, "the rows"), spec.columns)
    kept = tuple(
        step if isinstance(step, Calendar) else step.model_copy(update={"missing": "keep"}) for step in spec.derived
    )
    found = derive(spec.model_copy(update={"derived": kept}), typed)
    if errors := [*problems, *(one for one in found.said if one.severity == "error")]:
        raise InvalidInput(errors)
    assert isinstance(found.table.data, DataFrame)
    return found.table.data
