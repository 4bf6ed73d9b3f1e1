"""What comes after the model: calibration, the decision by the threshold, and the outputs of the file."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlops_runner.train.calibrate import EDGE, Calibration, Isotonic, Sigmoid
from mlops_runner.train.onnx.graph import INT64, Graph


def calibrated(graph: Graph, calibration: Calibration, found: str, classes: int) -> str:
    """Return calibrated probabilities: a column, or one of each class divided by their sum."""
    if classes == 1:
        return _mapped(graph, calibration, 0, found)
    columns = [_mapped(graph, calibration, at, graph.chosen(found, [at])) for at in range(classes)]
    mapped = graph.columns(columns)
    total = graph.add("ReduceSum", mapped, graph.constant([1], np.int64), keepdims=1)
    shares = graph.add("Div", mapped, total)
    # Where every class says 0, none is likelier than another.
    none = graph.add("Equal", total, graph.constant([[0.0]]))
    return graph.add("Where", none, graph.constant([[1 / classes] * classes]), shares)


def label_of_threshold(graph: Graph, p: str, threshold: float, classes: Sequence[Any]) -> str:
    """Return the class of each row: the second where its probability reaches the threshold."""
    reached = graph.cast(graph.add("GreaterOrEqual", p, graph.constant([[threshold]])), INT64)
    return _class_at(graph, graph.flat(reached), classes)


def likeliest_label(graph: Graph, probabilities: str, classes: Sequence[Any]) -> str:
    """Return the class of each row: the first with the highest probability."""
    return _class_at(graph, graph.add("ArgMax", probabilities, axis=1, keepdims=0), classes)


def kind_of(classes: Sequence[Any]) -> Any:
    """Return the type of the elements of the labels."""
    kinds = {type(one) for one in classes}
    if kinds == {bool}:
        return np.bool_
    if kinds == {int}:
        return np.int64
    return np.float64 if kinds <= {int, float} else np.str_


def _class_at(graph: Graph, places: str, classes: Sequence[Any]) -> str:
    kind = kind_of(classes)
    values = np.array([str(one) for one in classes], dtype=object) if kind is np.str_ else np.array(classes, dtype=kind)
    return graph.add("Gather", graph.constant(values, values.dtype), places, axis=0)


def _mapped(graph: Graph, calibration: Calibration, at: int, p: str) -> str:
    match calibration:
        case Sigmoid():
            return _sigmoid(graph, calibration.slopes[at], calibration.intercepts[at], p)
        case Isotonic():
            return _isotonic(graph, calibration.given[at], calibration.seen[at], p)


def _sigmoid(graph: Graph, slope: float, intercept: float, p: str) -> str:
    inside = graph.add("Min", graph.add("Max", p, graph.constant([[EDGE]])), graph.constant([[1 - EDGE]]))
    rest = graph.add("Sub", graph.constant([[1.0]]), inside)
    logit = graph.add("Sub", graph.add("Log", inside), graph.add("Log", rest))
    line = graph.add("Add", graph.add("Mul", logit, graph.constant([[slope]])), graph.constant([[intercept]]))
    return graph.add("Sigmoid", line)


def _isotonic(graph: Graph, given: Sequence[float], seen: Sequence[float], p: str) -> str:
    """Interpolate between the corners, flat outside of them."""
    if len(given) == 1:
        return graph.add("Add", graph.add("Mul", p, graph.constant([[0.0]])), graph.constant([[seen[0]]]))
    inside = graph.add("Min", graph.add("Max", p, graph.constant([[given[0]]])), graph.constant([[given[-1]]]))
    inner = graph.constant([list(given[1:-1])])
    passed = graph.cast(graph.add("GreaterOrEqual", inside, inner), INT64)
    place = graph.add("ReduceSum", passed, graph.constant([1], np.int64), keepdims=0)
    start, rise = np.array(given[:-1]), np.diff(seen) / np.diff(given)
    low = graph.column(graph.add("Gather", graph.constant(start), place, axis=0))
    steep = graph.column(graph.add("Gather", graph.constant(rise), place, axis=0))
    foot = graph.column(graph.add("Gather", graph.constant(np.array(seen[:-1])), place, axis=0))
    return graph.add("Add", foot, graph.add("Mul", graph.add("Sub", inside, low), steep))
