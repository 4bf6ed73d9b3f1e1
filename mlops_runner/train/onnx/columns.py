"""Preprocessing as nodes: the same arithmetic as `train.columns`, in float64 up to the model."""

import math
from collections.abc import Callable, Mapping
from typing import assert_never

import numpy as np

from mlops_runner.train.columns.categories import UNSEEN, Categories, Native, OneHot, Ordinal
from mlops_runner.train.columns.dates import CYCLES, DIGITS, Dates
from mlops_runner.train.columns.numbers import BOOLEANS, Numbers
from mlops_runner.train.columns.target_means import TargetMeans
from mlops_runner.train.columns.texts import Texts
from mlops_runner.train.features import MISSING
from mlops_runner.train.onnx.dates import Calendar
from mlops_runner.train.onnx.graph import DOUBLE, INT64, ML, Graph
from mlops_runner.train.preprocess import Columns, Fitted

NO_TEXT = "\0"


def preprocess(graph: Graph, fitted: Fitted, texts: Mapping[str, bool]) -> str:
    """Return the float64 columns that the trainer was given. texts: whether each input holds texts; else numbers."""
    parts = [found for part in fitted.parts if (found := _part(graph, part, texts)) is not None]
    return graph.columns(parts)


def unsupported(fitted: Fitted) -> list[str]:
    """Name the columns whose treatment a graph cannot express."""
    return [part.feature for part in fitted.parts if isinstance(part, Texts)]


def _part(graph: Graph, part: Columns, texts: Mapping[str, bool]) -> str | None:
    match part:
        case Numbers():
            return _numbers(graph, part, lambda name: _truth(graph, name) if texts[name] else name)
        case Dates():
            return _dates(graph, part)
        case OneHot():
            return _one_hot(graph, part, texts[part.categories.feature])
        case Ordinal():
            return graph.cast(_codes(graph, part.categories, texts[part.categories.feature]), DOUBLE)
        case Native():
            codes = _codes(graph, part.categories, texts[part.categories.feature])
            return graph.add("Where", _unseen(graph, codes), graph.constant([[math.nan]]), graph.cast(codes, DOUBLE))
        case TargetMeans():
            return _target_means(graph, part, texts[part.categories.feature])
        case Texts():
            raise ValueError("texts have no graph")
        case _:
            assert_never(part)


def _truth(graph: Graph, name: str) -> str:
    words, values = list(BOOLEANS), list(BOOLEANS.values())
    found = graph.add("LabelEncoder", name, domain=ML, keys_strings=words, values_floats=values, default_float=math.nan)
    return graph.cast(found, DOUBLE)


def _numbers(graph: Graph, part: Numbers, source: Callable[[str], str]) -> str | None:
    columns = part.columns
    if not columns:
        return None
    x = graph.columns([source(column.feature) for column in columns])
    missing = graph.add("IsNaN", x)
    if any(column.low is not None for column in columns):
        low = [-math.inf if column.low is None else column.low for column in columns]
        high = [math.inf if column.high is None else column.high for column in columns]
        x = graph.add("Min", graph.add("Max", x, graph.constant([low])), graph.constant([high]))
    fill = [math.nan if column.fill is None else column.fill for column in columns]
    x = graph.add("Where", missing, graph.constant([fill]), x)
    x = graph.add("Sub", x, graph.constant([[column.center for column in columns]]))
    x = graph.add("Div", x, graph.constant([[column.scale for column in columns]]))
    marks = [index for index, column in enumerate(columns) if column.indicator]
    return graph.columns([x, graph.cast(graph.chosen(missing, marks), DOUBLE)]) if marks else x


def _dates(graph: Graph, part: Dates) -> str | None:
    calendar = Calendar(graph, part.feature)
    numbers = _numbers(graph, part.numbers, calendar.part)
    made = [*([numbers] if numbers else []), *(_cycle(graph, calendar, name, part.fill) for name in part.cycles)]
    return graph.columns(made) if made else None


def _cycle(graph: Graph, calendar: Calendar, name: str, fill: bool) -> str:
    first, period = CYCLES[name]  # type: ignore[index]
    turn = [2 * math.pi * step / period for step in range(period)]
    circle = graph.constant([[round(math.sin(a), DIGITS), round(math.cos(a), DIGITS)] for a in turn])
    values = graph.add("Sub", calendar.part(name), graph.constant([[first]]))
    missing = graph.add("IsNaN", values)
    places = graph.cast(graph.add("Where", missing, graph.constant([[0.0]]), values), INT64)
    found = graph.add("Gather", circle, graph.flat(places), axis=0)
    return graph.add("Where", missing, graph.constant([[0.0 if fill else math.nan]]), found)


def _codes(graph: Graph, categories: Categories, text: bool) -> str:
    """Return the place of each row's category, -1 for an unseen one, as a column of int64."""
    places = [*range(len(categories.kept)), *(len(categories.kept) for _ in categories.rare)]
    by_name = dict(zip([*categories.kept, *categories.rare], places, strict=True)) or {NO_TEXT: UNSEEN}
    name = categories.feature
    if text:
        found = {"keys_strings": list(by_name), "values_int64s": list(by_name.values())}
        return graph.add("LabelEncoder", name, domain=ML, default_int64=UNSEEN, **found)
    of_missing = by_name.pop(MISSING, UNSEEN)
    by_name.pop(NO_TEXT, None)
    missing = graph.add("IsNaN", name)
    whole = graph.cast(graph.add("Where", missing, graph.constant([[0.0]]), name), INT64)
    numbers = {int(key): value for key, value in by_name.items()} or {0: UNSEEN}
    keys = {"keys_int64s": list(numbers), "values_int64s": list(numbers.values())}
    codes = graph.add("LabelEncoder", whole, domain=ML, default_int64=UNSEEN, **keys)
    return graph.add("Where", missing, graph.constant([[of_missing]], np.int64), codes)


def _unseen(graph: Graph, codes: str) -> str:
    return graph.add("Equal", codes, graph.constant([[UNSEEN]], np.int64))


def _one_hot(graph: Graph, part: OneHot, text: bool) -> str | None:
    width = len(part.categories.names)
    if not width:
        return None
    places = graph.constant([list(range(width))], np.int64)
    return graph.cast(graph.add("Equal", _codes(graph, part.categories, text), places), DOUBLE)


def _target_means(graph: Graph, part: TargetMeans, text: bool) -> str:
    # The overall mean stands last, where the place of an unseen category points.
    table = graph.constant(np.column_stack([np.array(part.means), np.array(part.overall)]).T)
    last = graph.constant([[len(part.means[0])]], np.int64)
    codes = _codes(graph, part.categories, text)
    return graph.add("Gather", table, graph.flat(graph.add("Where", _unseen(graph, codes), last, codes)), axis=0)
