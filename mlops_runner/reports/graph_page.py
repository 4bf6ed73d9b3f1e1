"""The graph as SVG, and as one self-contained page: steps coloured by what happens to them, reasons beside them."""

from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path

from mlops_runner.reports.formats.safe import visible
from mlops_runner.reports.graph import WORST, Drawing, Node
from mlops_runner.reports.graph_layout import lay_out

STYLE = Path(__file__).parent / "templates" / "graph.css"
WORDS = {
    "unresolved": "cannot run", "add": "new", "rerun": "runs again", "unknown": "known later", "rename": "renamed",
    "unchanged": "unchanged",
}  # fmt: skip
MARGIN, HEIGHT, LONGEST, LETTER = 24.0, 26.0, 44, 7.0
MOST_TOLD = 12  # lines of a reason that a pointer shows


def render_svg(drawing: Drawing) -> str:
    """Return the graph as a file of its own, for light and dark."""
    return _svg(drawing, f"<style>{STYLE.read_text(encoding='utf-8').rstrip()}</style>\n", linked=False)


def render_page(drawing: Drawing) -> str:
    """Return a page with the graph and the reasons below it; a click on a step leads to its reasons. No scripts."""
    title = escape(_plain(drawing.pipeline))
    legend = " ".join(
        f'<span class="node {action}"><i></i>{drawing.counts[action]} {WORDS[action]}</span>'
        for action in WORST
        if drawing.counts.get(action)
    )
    details = "\n".join(_detail(at, node) for at, node in enumerate(drawing.nodes) if node.action)
    style = STYLE.read_text(encoding="utf-8").rstrip()
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}: steps</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{style}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{legend}</p>\n"
        f'<div class="sheet">\n{_svg(drawing, "", linked=True)}\n</div>\n<h2>Steps</h2>\n{details}\n</body>\n</html>'
    )


def _svg(drawing: Drawing, style: str, *, linked: bool) -> str:
    labels = [_label(node) for node in drawing.nodes]
    widths = [len(label) * LETTER + 20 for label in labels]
    place = lay_out(_layers(drawing), drawing.edges, widths)
    width, height = place.width + 2 * MARGIN, place.height + 2 * MARGIN
    size = f'width="{width:.0f}" height="{height:.0f}"'
    view = f'viewBox="{-MARGIN:.0f} {-MARGIN:.0f} {width:.0f} {height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} role="img">',
        f"<title>{escape(_plain(drawing.pipeline))}: steps and what flows between them</title>",
    ]
    for (one, other), way in zip(drawing.edges, place.ways, strict=True):
        start = (place.centres[one][0] + widths[one] / 2, place.centres[one][1])
        end = (place.centres[other][0] - widths[other] / 2, place.centres[other][1])
        lines.append(f'<path class="edge" d="{_curve([start, *way, end])}"/>')
    for at, node in enumerate(drawing.nodes):
        lines += _box(at, node, (labels[at], widths[at]), place.centres[at], linked=linked)
    return "\n".join([lines[0], style + lines[1], *lines[2:], "</svg>"])


def _layers(drawing: Drawing) -> list[int]:
    """Return the layer of each node; files stand just before the first that reads them."""
    layers = [node.layer for node in drawing.nodes]
    readers: dict[int, list[int]] = {}
    for one, other in drawing.edges:
        readers.setdefault(one, []).append(layers[other])
    return [layers[at] if node.action else min(readers.get(at, [1])) - 1 for at, node in enumerate(drawing.nodes)]


def _box(at: int, node: Node, label: tuple[str, float], centre: tuple[float, float], *, linked: bool) -> Iterator[str]:
    text, width = label
    x, y = centre
    told = [_plain(node.label), *node.lines[:MOST_TOLD], *(["…"] if len(node.lines) > MOST_TOLD else [])]
    inner = (
        f"<title>{escape(_plain(chr(10).join(told)))}</title>"
        f'<rect x="{x - width / 2:.1f}" y="{y - HEIGHT / 2:.1f}" width="{width:.1f}" height="{HEIGHT:.0f}" rx="6"/>'
        f'<text x="{x:.1f}" y="{y + 4:.1f}">{escape(text)}</text>'
    )
    if linked and node.action:
        inner = f'<a href="#step-{at}">{inner}</a>'
    yield f'<g class="node {node.action or "file"}">{inner}</g>'


def _curve(points: list[tuple[float, float]]) -> str:
    """Return a path that leaves and enters every point horizontally."""
    text = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (x + to_x) / 2
        text += f"C{middle:.1f},{y:.1f} {middle:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}"
    return text


def _detail(at: int, node: Node) -> str:
    lines = "".join(f"<li>{escape(_plain(line))}</li>" for line in node.lines[1:] or ("",) if line)
    title = f'<span class="node {node.action}"><i></i>{escape(_plain(node.label))}</span>'
    what = WORDS[node.action] if node.action else ""
    listed = f"<ul>{lines}</ul>" if lines else ""
    return f'<section id="step-{at}"><h3>{title} <small>{what}</small></h3>{listed}</section>'


def _label(node: Node) -> str:
    text = _plain(node.label)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2 - 1]}…{text[-LONGEST // 2 :]}"


def _plain(text: str) -> str:
    return visible(text, "\n")
