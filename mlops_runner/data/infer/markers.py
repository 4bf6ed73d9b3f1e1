"""Texts that mean "missing": sure ones, and those that stand where otherwise all is numbers or dates."""

import polars as pl

from mlops_runner.data.infer.dialect import looks_like_data
from mlops_runner.data.table import POSITION, Table

# Nobody means anything else by these.
SURE = frozenset({"?", "N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan", "\\N", "<NA>", "NA", "#NA"})
# These may be a category as well; between numbers they are none.
DOUBTFUL = frozenset({"-", "--", ".", "None", "none", "NONE", "nil", "na", "missing", "Missing", "unknown", "Unknown"})
MARKERS = tuple(sorted(SURE | DOUBTFUL))
SAMPLE = 500
SAMPLED_CELLS = 1_000_000
FEWEST_SAMPLED = 100
COUNTRY = r"^[A-Z]{2}$"
COUNTRIES = 20


def null_values(table: Table) -> tuple[str, ...]:
    """Return the texts of a text table that mean missing; the empty one always does."""
    marked = table.select(pl.all().is_in(MARKERS).any())
    names = [name for name in table.names if marked[name].item()]
    found: dict[str, set[str]] = {name: _markers(table, name) for name in names}
    breaking = {marker for name, texts in found.items() if _is_data(table, name) for marker in texts}
    sure = {marker for texts in found.values() for marker in texts & SURE}
    if "NA" in sure - breaking and any(_are_countries(table, name) for name in names if "NA" in found[name]):
        sure.discard("NA")
    return ("", *sorted(sure | breaking))


def sample_of(table: Table, names: list[str], size: int = SAMPLE, cells: int = SAMPLED_CELLS) -> pl.DataFrame:
    """Return rows spread evenly over the table, the last one included; fewer of a wide table."""
    size = max(min(size, cells // max(len(names), 1)), FEWEST_SAMPLED)
    step = max(table.height // size, 1)
    rows = table.lazy.select(names)
    if step > 1:
        # One mask over the rows: to gather from every column by itself is slow where there are thousands.
        wanted = pl.col(POSITION) % step == (table.height - 1) % step
        rows = rows.with_row_index(POSITION).filter(wanted).drop(POSITION)
    return rows.collect(engine="streaming")


def _markers(table: Table, name: str) -> set[str]:
    column = pl.col(name)
    return set(table.select(column.filter(column.is_in(MARKERS)).unique())[name])


def _is_data(table: Table, name: str) -> bool:
    """Whether nearly all that is no marker in a column is a number or a date."""
    column = pl.col(name)
    others = table.select(column.filter(column.is_in(MARKERS).not_() & (column != "")).head(20 * SAMPLE))[name]
    values = others.gather_every(max(len(others) // SAMPLE, 1)).to_list()
    return bool(values) and sum(map(looks_like_data, values)) > 0.99 * len(values)


def _are_countries(table: Table, name: str) -> bool:
    """Whether a column holds codes of two capitals, among which NA is Namibia."""
    known = pl.col(name).drop_nulls()
    share, distinct = table.select(known.str.contains(COUNTRY).mean().alias("a"), known.n_unique().alias("b")).row(0)
    return bool(share == 1 and distinct > COUNTRIES)
