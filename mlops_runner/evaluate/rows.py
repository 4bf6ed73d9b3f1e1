"""The rows of a side as they are looked at here: in memory, or on the disk, where looking reads them."""

from typing import Any, Protocol, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray


class Rows(Protocol):
    """What a polars.DataFrame and stored rows have in common."""

    @property
    def height(self) -> int: ...  # noqa: D102
    @property
    def columns(self) -> list[str]: ...  # noqa: D102
    @property
    def schema(self) -> pl.Schema: ...  # noqa: D102
    @overload
    def __getitem__(self, key: str, /) -> pl.Series: ...
    @overload
    def __getitem__(self, key: NDArray[np.int64], /) -> pl.DataFrame: ...
    def select(self, columns: Any, /) -> pl.DataFrame: ...  # noqa: D102
    def head(self, rows: int, /) -> pl.DataFrame: ...  # noqa: D102
