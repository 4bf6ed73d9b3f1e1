"""Where the nodes of a graph are drawn: in columns from left to right, ordered so that few edges cross.

Layers are given; a column that would be too long is continued in the next (Sugiyama, Tagawa and Toda 1981: dummy nodes
where an edge passes a column, and orders by the barycentre of neighbours).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST_ROWS = 40
MOST_DUMMIES = 4000  # beyond, edges run straight
SWEEPS = 8
ROW, GAP, DUMMY_ROW = 38.0, 64.0, 12.0


@dataclass(frozen=True, slots=True)
class Layout:
    """Centre of each node, points that each edge runs through between its ends, and the size of it all, in pixels."""

    centres: tuple[tuple[float, float], ...]
    ways: tuple[tuple[tuple[float, float], ...], ...]
    width: float
    height: float


def lay_out(layers: Sequence[int], edges: Sequence[tuple[int, int]], widths: Sequence[float]) -> Layout:
    """Place nodes. layers and widths: of each node; edges: pairs of their numbers, from left to right."""
    column = _columns(layers)
    ways, dummies = _dummies(column, edges)
    column = [*column, *dummies]
    order = _ordered(column, [pair for way in ways for pair in pairwise(way)])
    size = [*widths, *([0.0] * len(dummies))]
    rows = [*([ROW] * len(widths)), *([DUMMY_ROW] * len(dummies))]
    tall = max((sum(rows[node] for node in nodes) for nodes in order), default=0.0)
    centres: dict[int, tuple[float, float]] = {}
    x = 0.0
    for nodes in order:
        wide = max((size[node] for node in nodes), default=0.0)
        y = (tall - sum(rows[node] for node in nodes)) / 2
        for node in nodes:
            centres[node] = (x + wide / 2, y + rows[node] / 2)
            y += rows[node]
        x += wide + GAP
    through = tuple(tuple(centres[node] for node in way[1:-1]) for way in ways)
    return Layout(tuple(centres[node] for node in range(len(layers))), through, max(x - GAP, 0.0), tall)


def _columns(layers: Sequence[int]) -> list[int]:
    """Return the column of each node: its layer, with the columns that longer layers before it take up."""
    members: dict[int, list[int]] = {}
    for node, layer in enumerate(layers):
        members.setdefault(layer, []).append(node)
    column, first = [0] * len(layers), 0
    for layer in sorted(members):
        nodes = members[layer]
        for at, node in enumerate(nodes):
            column[node] = first + at // MOST_ROWS
        first += -(-len(nodes) // MOST_ROWS)
    return column


def _dummies(column: Sequence[int], edges: Sequence[tuple[int, int]]) -> tuple[list[list[int]], list[int]]:
    """Return each edge as the nodes it runs through, and the columns of the dummies that this takes."""
    between = sum(max(0, column[other] - column[one] - 1) for one, other in edges)
    ways, dummies = [], list[int]()
    for one, other in edges:
        passed = range(column[one] + 1, column[other]) if between <= MOST_DUMMIES else range(0)
        new = range(len(column) + len(dummies), len(column) + len(dummies) + len(passed))
        dummies += passed
        ways.append([one, *new, other])
    return ways, dummies


def _ordered(column: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Order each column by the mean place of its neighbours, to the left and to the right in turn."""
    order: list[list[int]] = [[] for _ in range(max(column, default=-1) + 1)]
    for node, at in enumerate(column):
        order[at].append(node)
    left: dict[int, list[int]] = {}
    right: dict[int, list[int]] = {}
    for one, other in pairs:
        left.setdefault(other, []).append(one)
        right.setdefault(one, []).append(other)
    place = {node: float(at) for nodes in order for at, node in enumerate(nodes)}
    for sweep in range(SWEEPS):
        for nodes in order if sweep % 2 == 0 else reversed(order):
            _sort(nodes, left if sweep % 2 == 0 else right, place)
    return order


def _sort(nodes: list[int], neighbours: Mapping[int, Sequence[int]], place: dict[int, float]) -> None:
    """Sort a column; a node without neighbours on that side stays about where it is. Places run from 0 to 1."""

    def mean(node: int) -> float:
        found = neighbours.get(node)
        return sum(place[other] for other in found) / len(found) if found else place[node]

    nodes.sort(key=mean)
    for at, node in enumerate(nodes):
        place[node] = (at + 0.5) / len(nodes)
