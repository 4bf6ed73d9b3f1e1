"""Trees as nodes: XGBoost's and scikit-learn's histogram boosting, written from what they split on.

Converters of others leave out native categories and dropped trees, name their graphs by chance, or round thresholds.
XGBoost compares float32 with float32, as it trains; histogram trees compare float64 with float64.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from onnx import numpy_helper

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.train.onnx.graph import DOUBLE, FLOAT, ML, Graph

Link = Literal["identity", "logistic", "exp", "softmax"]

LINKS: dict[str, Link] = {
    "binary:logistic": "logistic",
    "multi:softprob": "softmax",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
    **dict.fromkeys(("reg:squarederror", "reg:absoluteerror", "reg:squaredlogerror"), "identity"),
    **dict.fromkeys(("reg:pseudohubererror", "reg:quantileerror"), "identity"),
    **dict.fromkeys(("rank:ndcg", "rank:map", "rank:pairwise"), "identity"),
}


@dataclass(slots=True)
class Nodes:
    """The nodes of all trees. member: the sets that categorical splits ask for; such a split is true inside the set."""

    rows: list[tuple[int, int, int, float, str, int, int, int]] = field(default_factory=list)
    leaves: list[tuple[int, int, int, float]] = field(default_factory=list)
    sets: dict[tuple[int, tuple[int, ...]], int] = field(default_factory=dict)

    def split(self, tree: int, node: int, feature: int, value: float, mode: str, ways: tuple[int, int, bool]) -> None:
        """Add a split. ways: the nodes for true and false, and whether missing counts as true."""
        self.rows.append((tree, node, feature, value, mode, ways[0], ways[1], int(ways[2])))

    def leaf(self, tree: int, node: int, target: int, weight: float) -> None:
        """Add a leaf that gives its weight to one of the targets."""
        self.rows.append((tree, node, 0, 0.0, "LEAF", 0, 0, 0))
        self.leaves.append((tree, node, target, weight))

    def member(self, feature: int, among: Iterable[int], width: int) -> int:
        """Return the column, beside the `width` features, that is 1 where a category is in the set."""
        key = (feature, tuple(sorted(among)))
        return self.sets.setdefault(key, width + len(self.sets))


def booster(graph: Graph, model: Any, x: str) -> str:
    """Return the predictions of an XGBoost booster. x: float64, (rows, columns). Raises StepFailed."""
    learner = json.loads(bytes(model.save_raw("json")))["learner"]
    objective = learner["objective"]["name"]
    link = LINKS.get(objective)
    if link is None:
        raise _refused(f"boosters with the objective {objective}")
    trees, weights, targets = _trees_of(learner["gradient_booster"])
    nodes, width = Nodes(), model.num_features()
    for at, (tree, weight) in enumerate(zip(trees, weights, strict=True)):
        _tree_of_booster(nodes, at, tree, weight, targets[at], width)
    single = graph.cast(x, FLOAT)
    if nodes.sets:
        single = graph.columns([single, _members(graph, single, nodes)])
    base = [_margin(float(value), link) for value in json.loads(learner["learner_model_param"]["base_score"])]
    classes = max(1, int(learner["learner_model_param"]["num_class"]))
    margins = _ensemble(graph, nodes, single, base * classes if len(base) == 1 else base, np.float32)
    return linked(graph, graph.cast(margins, DOUBLE), link)


def histogram(graph: Graph, model: Any, x: str, link: Link) -> str:
    """Return the predictions of scikit-learn's histogram gradient boosting. Raises StepFailed."""
    nodes = Nodes()
    trees = [(tree.nodes, target) for step in model._predictors for target, tree in enumerate(step)]
    for at, (tree, target) in enumerate(trees):
        _tree_of_histogram(nodes, at, tree, target)
    base = np.asarray(model._baseline_prediction, dtype=np.float64).ravel()
    return linked(graph, graph.cast(_ensemble(graph, nodes, x, base.tolist(), np.float64), DOUBLE), link)


def linked(graph: Graph, margins: str, link: Link) -> str:
    """Turn margins into what the model predicts."""
    match link:
        case "identity":
            return margins
        case "logistic":
            return graph.add("Sigmoid", margins)
        case "exp":
            return graph.add("Exp", margins)
        case "softmax":
            return graph.add("Softmax", margins, axis=1)


def _trees_of(found: Mapping[str, Any]) -> tuple[list[Any], list[float], list[int]]:
    """Return trees, the weight of each and the target of each."""
    match found["name"]:
        case "gbtree":
            model = found["model"]
            weights = [1.0] * len(model["trees"])
        case "dart":
            model, weights = found["gbtree"]["model"], found["weight_drop"]
        case name:
            raise _refused(f"{name} boosters")
    return model["trees"], weights, model["tree_info"]


def _tree_of_booster(nodes: Nodes, at: int, tree: Mapping[str, Any], weight: float, target: int, width: int) -> None:
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise _refused("trees with several values in a leaf")
    sets = dict(_categories(tree))
    for node, (left, right) in enumerate(zip(tree["left_children"], tree["right_children"], strict=True)):
        value = tree["split_conditions"][node]
        feature, missing_left = tree["split_indices"][node], bool(tree["default_left"][node])
        if left == -1:
            nodes.leaf(at, node, target, float(np.float32(value) * np.float32(weight)))
        elif node in sets:  # a category of the set goes to the right
            column = nodes.member(feature, sets[node], width)
            nodes.split(at, node, column, 0.5, "BRANCH_LT", (left, right, missing_left))
        else:
            nodes.split(at, node, feature, float(np.float32(value)), "BRANCH_LT", (left, right, missing_left))


def _categories(tree: Mapping[str, Any]) -> Iterator[tuple[int, list[int]]]:
    for node, start, size in zip(
        tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
    ):
        yield node, tree["categories"][start : start + size]


def _members(graph: Graph, x: str, nodes: Nodes) -> str:
    """Return, for each set that is asked for, 1 where the category is in it, 0 where it is not, and NaN for missing."""
    columns = []
    for feature, among in nodes.sets:
        value = graph.chosen(x, [feature])
        keys, ones = [float(code) for code in among], [1.0] * len(among)
        inside = graph.add("LabelEncoder", value, domain=ML, keys_floats=keys, values_floats=ones, default_float=0.0)
        unknown = graph.constant([[math.nan]], np.float32)
        columns.append(graph.add("Where", graph.add("IsNaN", value), unknown, inside))
    return graph.columns(columns)


def _tree_of_histogram(nodes: Nodes, at: int, tree: Any, target: int) -> None:
    for node, one in enumerate(tree):
        if one["is_leaf"]:
            nodes.leaf(at, node, target, float(one["value"]))
        elif one["is_categorical"]:
            raise _refused("histogram boosting with categorical_features")
        else:
            ways = int(one["left"]), int(one["right"]), bool(one["missing_go_to_left"])
            nodes.split(at, node, int(one["feature_idx"]), float(one["num_threshold"]), "BRANCH_LEQ", ways)


def _ensemble(graph: Graph, nodes: Nodes, x: str, base: list[float], kind: Any) -> str:
    tree, node, feature, value, mode, yes, no, missing = (list(column) for column in zip(*nodes.rows, strict=True))
    weights = [list(column) for column in zip(*nodes.leaves, strict=True)]
    numbers: dict[str, Any]
    if kind is np.float64:
        numbers = {
            name: numpy_helper.from_array(np.asarray(values, dtype=np.float64), name)
            for name, values in (
                ("nodes_values_as_tensor", value),
                ("target_weights_as_tensor", weights[3]),
                ("base_values_as_tensor", base),
            )
        }
    else:
        numbers = {"nodes_values": value, "target_weights": weights[3], "base_values": base}
    return graph.add(
        "TreeEnsembleRegressor", x, domain=ML, n_targets=len(base), post_transform="NONE", aggregate_function="SUM",
        nodes_treeids=tree, nodes_nodeids=node, nodes_featureids=feature, nodes_modes=mode, nodes_truenodeids=yes,
        nodes_falsenodeids=no, nodes_missing_value_tracks_true=missing, target_treeids=weights[0],
        target_nodeids=weights[1], target_ids=weights[2], **numbers,
    )  # fmt: skip


def _margin(base: float, link: Link) -> float:
    """Return the base score, which is stored as a prediction, as a margin."""
    match link:
        case "logistic":
            return math.log(base / (1 - base))
        case "exp":
            return math.log(base)
        case "identity" | "softmax":
            return base


def _refused(what: str) -> StepFailed:
    hint = "the bundle itself is read by mlops_runner.load_model"
    return StepFailed(Diagnostic("not-exportable", f"{what} cannot be expressed in ONNX here", hint=hint))
