"""The tasks a model can have, and what follows from them. Free of heavy imports, because the names of metrics are."""

from typing import Literal

Task = Literal[
    "binary",
    "multiclass",
    "multilabel",
    "multilabel",
    "multilabel",
    "multilabel",
    "multilabel",
    "regression",
    "ranking",
    "forecasting",
]

# These have classes: probabilities, decisions, weights of classes. The others give one number a row.
CLASSIFYING: frozenset[Task] = frozenset({"binary", "multiclass"})
# Those whose models give probabilities: of classes, or of each label.
PROBABILISTIC: frozenset[Task] = CLASSIFYING | {"multilabel"}
DECIDED_BY_THRESHOLD: frozenset[Task] = frozenset({"binary", "multilabel"})
# Names the query of a ranking: rows of one query are ranked among themselves.
QUERY_ROLE = "group"
