"""The tasks a model can have, and what follows from them. Free of heavy imports, because the names of metrics are."""

from typing import Literal

Task = Literal["binary", "multiclass", "regression", "ranking", "forecasting"]

# These have classes: probabilities, decisions, weights of classes. The others give one number a row.
CLASSIFYING: frozenset[Task] = frozenset({"binary", "multiclass"})
# Names the query of a ranking: rows of one query are ranked among themselves.
QUERY_ROLE = "group"
