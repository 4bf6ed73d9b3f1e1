"""The steps as a graph: text, Mermaid, DOT, JSON."""

from collections.abc import Iterator
from typing import Any

from mlops_runner.plan.model import SYMBOLS, Plan, PlannedStep


def render_graph(plan: Plan, form: str) -> str:
    """Render the graph as text, mermaid or dot."""
    return "\n".join({"text": _text, "mermaid": _mermaid, "dot": _dot}[form](plan))


def graph_json(plan: Plan) -> dict[str, Any]:
    """Return nodes and edges as a JSON value."""
    nodes = [{"name": p.name, "kind": p.step.kind, "action": p.action} for p in plan.steps if p.step]
    return {"pipeline": plan.pipeline, "nodes": nodes, "edges": [list(edge) for edge in edges(plan)]}


def edges(plan: Plan) -> list[tuple[str, str]]:
    """Return (producer, consumer) pairs, each once, in order."""
    pairs = ((i.producer or i.path, p.name) for p in plan.steps if p.step for i in p.step.inputs)
    return list(dict.fromkeys(pairs))


def _text(plan: Plan) -> Iterator[str]:
    for planned in plan.steps:
        reads = [one for one, other in edges(plan) if other == planned.name]
        source = f"   ← {', '.join(reads)}" if reads else ""
        yield f"{SYMBOLS[planned.action]} {planned.name}{source}"


def _mermaid(plan: Plan) -> Iterator[str]:
    yield "flowchart LR"
    names = {name: f"n{i}" for i, name in enumerate(_names(plan))}
    for name, node in names.items():
        yield f'  {node}["{_escape(name)}"]'
    for one, other in edges(plan):
        yield f"  {names[one]} --> {names[other]}"


def _dot(plan: Plan) -> Iterator[str]:
    yield "digraph pipeline {"
    yield "  rankdir=LR;"
    for name in _names(plan):
        yield f'  "{_quote(name)}";'
    for one, other in edges(plan):
        yield f'  "{_quote(one)}" -> "{_quote(other)}";'
    yield "}"


def _names(plan: Plan) -> list[str]:
    steps: list[PlannedStep] = [planned for planned in plan.steps if planned.step]
    return list(dict.fromkeys([*(one for one, _ in edges(plan)), *(planned.name for planned in steps)]))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
