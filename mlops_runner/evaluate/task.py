"""The tasks a model can have. Free of heavy imports, because the names of metrics are."""

from typing import Literal

Task = Literal["binary", "multiclass", "regression"]
