"""A graph in the making: nodes and constants, each value with a name that no feature has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

ML = "ai.onnx.ml"
INT64, DOUBLE, FLOAT = onnx.TensorProto.INT64, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT


@dataclass(slots=True)
class Graph:
    """Nodes in their order. features: the names that values must not take."""

    features: tuple[str, ...]
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    _count: int = 0

    def name(self) -> str:
        """Return a new name."""
        self._count += 1
        return self.free(f"v{self._count}")

    def free(self, name: str) -> str:
        """Return the name, or one like it that no feature has."""
        while name in self.features:
            name += "_"
        return name

    def add(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node and return its output."""
        output = self.name()
        self.nodes.append(helper.make_node(op, inputs, [output], output, domain=domain, **attributes))
        return output

    def constant(self, values: Any, kind: Any = np.float64) -> str:
        """Add a constant: numbers of one kind, or texts."""
        name = self.name()
        array: NDArray[Any] = np.asarray(values, dtype=kind)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def cast(self, value: str, kind: int) -> str:
        """Change the type of the elements."""
        return self.add("Cast", value, to=kind)

    def columns(self, values: Sequence[str]) -> str:
        """Put columns side by side."""
        return values[0] if len(values) == 1 else self.add("Concat", *values, axis=1)

    def chosen(self, value: str, columns: Iterable[int]) -> str:
        """Take some columns."""
        return self.add("Gather", value, self.constant(list(columns), np.int64), axis=1)

    def flat(self, value: str) -> str:
        """Make a column a vector."""
        return self.add("Reshape", value, self.constant([-1], np.int64))

    def column(self, value: str) -> str:
        """Make a vector a column."""
        return self.add("Reshape", value, self.constant([-1, 1], np.int64))
