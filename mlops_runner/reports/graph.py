"""The steps as a graph: text, Mermaid, DOT, SVG, HTML, JSON."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_runner.plan.model import SYMBOLS, Action, Plan
from mlops_runner.plan.select import base_of
from mlops_runner.reports.plan_groups import entry, grouped, instances_of, told

MOST_INSTANCES = 8  # more instances of a step are drawn as one node
MOST_FILES = 3  # more files that are read by the same nodes are drawn as one
WORST: Sequence[Action] = ("unresolved", "add", "rerun", "unknown", "rename", "unchanged")


@dataclass(frozen=True, slots=True)
class Node:
    """A step, instances of one, or files that no step writes (`action` is None). layer: steps that come before it."""

    label: str
    action: Action | None
    lines: tuple[str, ...]
    layer: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn: nodes in the order of the plan, edges as pairs of their numbers; of the steps how many do what."""

    pipeline: str
    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]
    counts: Mapping[Action, int]


def render_graph(plan: Plan, form: str, *, everything: bool = False) -> str:
    """Render the graph in a form; `everything`: each instance by itself, however many there are."""
    drawing = drawn(plan, everything=everything)
    match form:
        case "svg" | "html":
            from mlops_runner.reports.graph_page import render_page, render_svg

            return render_page(drawing) if form == "html" else render_svg(drawing)
        case _:
            return "\n".join({"text": _text, "mermaid": _mermaid, "dot": _dot}[form](drawing))


def graph_json(plan: Plan) -> dict[str, Any]:
    """Return all nodes and edges as a JSON value."""
    nodes = [{"name": p.name, "kind": p.step.kind, "action": p.action} for p in plan.steps if p.step]
    return {"pipeline": plan.pipeline, "nodes": nodes, "edges": [list(edge) for edge in edges(plan)]}


def edges(plan: Plan) -> list[tuple[str, str]]:
    """Return (producer, consumer) pairs, each once, in order."""
    pairs = ((i.producer or i.path, p.name) for p in plan.steps if p.step for i in p.step.inputs)
    return list(dict.fromkeys(pairs))


def drawn(plan: Plan, *, everything: bool = False) -> Drawing:
    """Fold what is many and alike into nodes, unless everything is asked for."""
    planned = [p for p in plan.steps if p.step]
    counts = instances_of(planned)
    folded = {base for base, count in counts.items() if count > MOST_INSTANCES and not everything}
    steps = {p.name: base_of(p.name) if base_of(p.name) in folded else p.name for p in planned}
    pairs = edges(plan)
    outside = _files(pairs, steps, everything=everything)
    layers = _layers(pairs, steps)
    members: dict[str, list[str]] = {}
    for name, node in [*outside.items(), *((f"step {name}", f"step {node}") for name, node in steps.items())]:
        members.setdefault(node, []).append(name)
    number = {node: at for at, node in enumerate(members)}
    by_name = {p.name: p for p in planned}
    nodes = []
    for node, names in members.items():
        if not node.startswith("step "):
            label = names[0] if len(names) == 1 else f"{names[0]} … ({len(names)} files)"
            nodes.append(Node(label, None, tuple(names) if len(names) > 1 else (), 0))
            continue
        these = [by_name[name.removeprefix("step ")] for name in names]
        label = these[0].name if len(these) == 1 else f"{base_of(these[0].name)}@… ({len(these)})"
        worst = min((p.action for p in these), key=WORST.index)
        shown = grouped([entry(p, None) for p in these])
        lines = [line.strip() for found in shown for line in told(found, counts)]
        nodes.append(Node(label, worst, tuple(lines), max(layers[p.name] for p in these)))
    ends = {**outside, **{name: f"step {node}" for name, node in steps.items()}}
    joined = dict.fromkeys((number[_end(one, outside, ends)], number[ends[other]]) for one, other in pairs)
    kept = tuple(edge for edge in joined if edge[0] != edge[1])
    return Drawing(plan.pipeline, tuple(nodes), kept, Counter(p.action for p in planned))


def _end(name: str, outside: Mapping[str, str], ends: Mapping[str, str]) -> str:
    return outside[name] if name in outside else ends[name]


def _files(pairs: Sequence[tuple[str, str]], steps: Mapping[str, str], *, everything: bool) -> dict[str, str]:
    """Return the files that no step writes, and the node of each: one for many that are read by the same nodes."""
    readers: dict[str, dict[str, None]] = {}
    for one, other in pairs:
        if one not in steps:
            readers.setdefault(one, {})[steps[other]] = None
    alike = Counter(tuple(found) for found in readers.values())
    first: dict[tuple[str, ...], str] = {}
    nodes = {}
    for path, found in readers.items():
        many = alike[tuple(found)] > MOST_FILES and not everything
        nodes[path] = f"file {first.setdefault(tuple(found), path)}" if many else f"file {path}"
    return nodes


def _layers(pairs: Sequence[tuple[str, str]], steps: Mapping[str, str]) -> dict[str, int]:
    """Return how many steps lie on the longest way to each, itself included. steps: in the order of the plan."""
    reads: dict[str, list[str]] = {}
    for one, other in pairs:
        reads.setdefault(other, []).append(one)
    layers: dict[str, int] = {}
    for name in steps:
        layers[name] = 1 + max((layers.get(one, 0) for one in reads.get(name, ())), default=0)
    return layers


def _text(drawing: Drawing) -> Iterator[str]:
    reads: dict[int, list[str]] = {}
    for one, other in drawing.edges:
        reads.setdefault(other, []).append(drawing.nodes[one].label)
    for at, node in enumerate(drawing.nodes):
        if node.action is not None:
            source = f"   ← {', '.join(reads[at])}" if at in reads else ""
            yield f"{SYMBOLS[node.action]} {node.label}{source}"


def _mermaid(drawing: Drawing) -> Iterator[str]:
    yield "flowchart LR"
    for at, node in enumerate(drawing.nodes):
        yield f'  n{at}["{_escape(node.label)}"]'
    for one, other in drawing.edges:
        yield f"  n{one} --> n{other}"


def _dot(drawing: Drawing) -> Iterator[str]:
    yield "digraph pipeline {"
    yield "  rankdir=LR;"
    for node in drawing.nodes:
        yield f'  "{_quote(node.label)}";'
    for one, other in drawing.edges:
        yield f'  "{_quote(drawing.nodes[one].label)}" -> "{_quote(drawing.nodes[other].label)}";'
    yield "}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
