"""From a bundle to the bytes of an ONNX file, the same bytes each time.

Inputs: one for each feature, by its name, of shape (rows, 1): float64 for numbers (NaN when missing) and dates (days
since 1970-01-01, UTC), texts for texts and booleans ("true", "false", "(missing)"). Outputs: `label` (rows,) and
`probabilities` (rows, classes) of a task with classes, `value` (rows,) of the others.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import helper

from mlops_runner.errors import Diagnostic, StepFailed, UsageFailure
from mlops_runner.train.features import Schema
from mlops_runner.train.formats.base import BOOSTER, file_name
from mlops_runner.train.model import DEFAULT_THRESHOLD, Model
from mlops_runner.train.onnx.columns import preprocess, unsupported
from mlops_runner.train.onnx.estimators import HINT, estimator
from mlops_runner.train.onnx.graph import DOUBLE, ML, Graph
from mlops_runner.train.onnx.outcome import calibrated, kind_of, label_of_threshold, likeliest_label
from mlops_runner.train.onnx.trees import booster
from mlops_runner.train.preprocess import Fitted

OPSET, OPSETS, ML_OPSET = 18, range(18, 23), 3
TEXT_TYPES = ("string", "bool")


def export(model: Model, opset: int = OPSET) -> bytes:
    """Write a bundle as one graph. Raises UsageFailure for the opset, StepFailed for what ONNX cannot express."""
    if opset not in OPSETS:
        message = f"opset {opset} is not one of {OPSETS[0]} to {OPSETS[-1]}"
        raise UsageFailure(Diagnostic("unknown-opset", message, hint=f"leave it out for {OPSET}"))
    fitted = _fitted(model)
    schema = model.schema
    if schema.task == "multilabel":
        message = "a multilabel model has an answer for each label, and no graph is made of them"
        raise StepFailed(Diagnostic("not-exportable", message, hint="use the bundle itself: mlops_runner.load_model"))
    graph = Graph(tuple(feature.name for feature in schema.features))
    x = preprocess(graph, fitted, {feature.name: feature.type in TEXT_TYPES for feature in schema.features})
    outputs = list(_outputs(graph, model, _predicted(graph, model, x, opset)))
    inputs = [
        helper.make_tensor_value_info(f.name, onnx.TensorProto.STRING if f.type in TEXT_TYPES else DOUBLE, ["rows", 1])
        for f in schema.features
    ]
    made = helper.make_graph(graph.nodes, "model", inputs, outputs, graph.constants)
    versions = [helper.make_opsetid("", opset), helper.make_opsetid(ML, ML_OPSET)]
    found = helper.make_model(
        made, opset_imports=versions, producer_name="mlops_runner", doc_string=(__doc__ or "").partition("\n\n")[2],
        ir_version=helper.find_min_ir_version_for(versions, ignore_unknown=True),
    )  # fmt: skip
    helper.set_model_props(found, _facts(model))
    _refuse_invalid(found)
    return bytes(found.SerializeToString(deterministic=True))


def _fitted(model: Model) -> Fitted:
    """Return the preprocessing. Raises StepFailed for a model that does its own, or for columns without a graph."""
    record, fitted = model.candidate.record, model.candidate.preprocess
    if fitted is None:
        message = f"a model of a {record.trainer} trainer reads the columns with code of its own, not expressed in ONNX"
        hint = "train with sklearn or xgboost and declared preprocessing, or use the bundle: mlops_runner.load_model"
        raise StepFailed(Diagnostic("not-exportable", message, hint=hint))
    if names := unsupported(fitted):
        message = f'column "{names[0]}" is read as text (TF-IDF), which ONNX cannot express the same way'
        hint = "leave the column out of the model, or use the bundle: mlops_runner.load_model"
        raise StepFailed(Diagnostic("not-exportable", message, hint=hint))
    assert isinstance(fitted, Fitted)
    return fitted


def _predicted(graph: Graph, model: Model, x: str, opset: int) -> str:
    """Return what `predict` returns, as columns."""
    schema, value = model.schema, model.candidate.model
    boosted = file_name(value) == BOOSTER
    found = booster(graph, value, x) if boosted else estimator(graph, value, x, opset)
    if schema.task == "binary" and not boosted:
        found = _positive(graph, value, found)
    calibration = model.candidate.record.calibration
    width = len(schema.classes) if schema.task == "multiclass" else 1
    return found if calibration is None else calibrated(graph, calibration, found, width)


def _positive(graph: Graph, value: Any, found: str) -> str:
    # Our own trees give one column; a converter gives one for each class.
    own = type(value).__name__.startswith("HistGradientBoosting")
    return found if own else graph.chosen(found, [1])


def _outputs(graph: Graph, model: Model, found: str) -> Iterator[Any]:
    schema, record = model.schema, model.record
    match schema.task:
        case "binary":
            threshold = record.threshold if isinstance(record.threshold, float) else DEFAULT_THRESHOLD
            label = label_of_threshold(graph, found, threshold, schema.classes)
            rest = graph.add("Sub", graph.constant([[1.0]]), found)
            yield from _classes(graph, schema, label, graph.columns([rest, found]))
        case "multiclass":
            yield from _classes(graph, schema, likeliest_label(graph, found, schema.classes), found)
        case _:
            yield _output(graph, "value", graph.flat(found), DOUBLE, ["rows"])


def _classes(graph: Graph, schema: Schema, label: str, probabilities: str) -> Iterator[Any]:
    kind = kind_of(schema.classes)
    element = onnx.TensorProto.STRING if kind is np.str_ else helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    yield _output(graph, "label", label, element, ["rows"])
    yield _output(graph, "probabilities", probabilities, DOUBLE, ["rows", len(schema.classes)])


def _output(graph: Graph, name: str, value: str, element: int, shape: list[Any]) -> Any:
    free = graph.free(name)
    graph.nodes.append(helper.make_node("Identity", [value], [free], free))
    return helper.make_tensor_value_info(free, element, shape)


def _facts(model: Model) -> dict[str, str]:
    """Return what a reader of the file alone should know, as texts."""
    record = model.record
    facts = {
        "name": record.name,
        "task": record.task,
        "target": record.target,
        "classes": list(record.classes),
        "columns": {name: column.type for name, column in model.signature.columns.items()},
        "threshold": record.threshold,
        "candidate": record.files["candidate.json"].sha256,
    }
    return {f"mlops.{key}": value if isinstance(value, str) else json.dumps(value) for key, value in facts.items()}


def _refuse_invalid(found: Any) -> None:
    try:
        onnx.checker.check_model(found)
    except onnx.checker.ValidationError as error:
        message = f"the graph of this model is not valid ONNX: {str(error).splitlines()[0]}"
        raise StepFailed(Diagnostic("not-exportable", message, hint=HINT)) from error
