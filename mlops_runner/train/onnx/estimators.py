"""Estimators of scikit-learn as nodes: histogram boosting by our own trees, the others by skl2onnx."""

import warnings
from typing import Any

from onnx import compose

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.train.onnx.graph import DOUBLE, FLOAT, Graph
from mlops_runner.train.onnx.trees import Link, histogram

# What skl2onnx writes for these reads float32 alone; the others keep float64, and with it all their digits.
SINGLE = frozenset(
    {
        *("AdaBoostClassifier", "AdaBoostRegressor", "BaggingClassifier", "BaggingRegressor"),
        *("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"),
        *("ExtraTreesClassifier", "ExtraTreesRegressor", "RandomForestClassifier", "RandomForestRegressor"),
        *("GradientBoostingClassifier", "GradientBoostingRegressor", "NuSVR", "SVR"),
    }
)
HISTOGRAM: dict[str, Link] = {"LogitLink": "logistic", "MultinomialLogit": "softmax", "LogLink": "exp"}
INPUT = "x"
HINT = "the bundle itself is read by mlops_runner.load_model"


def estimator(graph: Graph, model: Any, x: str, opset: int) -> str:
    """Return probabilities, (rows, classes), or values, (rows, 1). x: float64, (rows, columns). Raises StepFailed."""
    name = type(model).__name__
    if name.startswith("HistGradientBoosting"):
        return histogram(graph, model, x, HISTOGRAM.get(type(model._loss.link).__name__, "identity"))
    single = name in SINGLE
    source = graph.cast(x, FLOAT) if single else x
    converted = _converted(model, name, opset, single=single)
    renamed = compose.add_prefix(converted, f"{graph.name()}_").graph
    graph.nodes.extend(renamed.node)
    graph.constants.extend(renamed.initializer)
    for node in renamed.node:
        for at, value in enumerate(node.input):
            if value == renamed.input[0].name:
                node.input[at] = source
    return graph.cast(renamed.output[-1].name, DOUBLE)


def _converted(model: Any, name: str, opset: int, *, single: bool) -> Any:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    kind = FloatTensorType if single else DoubleTensorType
    options = {id(model): {"zipmap": False}} if hasattr(model, "classes_") else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return convert_sklearn(
                model, name="model", initial_types=[(INPUT, kind([None, model.n_features_in_]))], options=options,
                target_opset={"": opset, "ai.onnx.ml": 3},
            )  # fmt: skip
    except (MissingConverter, MissingShapeCalculator) as error:
        message = f"{name} cannot be expressed in ONNX: skl2onnx has no converter for it"
        raise StepFailed(Diagnostic("not-exportable", message, hint=HINT)) from error
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        message = f"{name} with its settings cannot be expressed in ONNX: {str(error).splitlines()[0][:200]}"
        raise StepFailed(Diagnostic("not-exportable", message, hint=HINT)) from error
