"""The sheet every figure is drawn on: colours that become CSS variables, and SVG text that is the same every time.

A figure is drawn in sentinel colours. In the SVG they are replaced by `var(--name, fallback)`, so that one file suits a
light page, a dark page and a printer.
"""

import io
import re
import unicodedata
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.rcsetup import cycler

# name of the CSS variable -> (sentinel in the drawing, fallback where no page defines the variable)
PALETTE = {
    "ink": ("#010203", "#1c2128"),
    "muted": ("#010204", "#5d6673"),
    "line": ("#010205", "#dfe3e8"),
    "paper": ("#010206", "#ffffff"),
    # The series are Okabe and Ito's colours, told apart with every common colour blindness.
    "series-1": ("#010207", "#0072b2"),
    "series-2": ("#010208", "#d55e00"),
    "series-3": ("#010209", "#009e73"),
    "series-4": ("#01020a", "#cc79a7"),
    "series-5": ("#01020b", "#b07800"),
    "series-6": ("#01020c", "#3d95cc"),
}
INK, MUTED, LINE, PAPER = (PALETTE[name][0] for name in ("ink", "muted", "line", "paper"))
SERIES = tuple(PALETTE[f"series-{number}"][0] for number in range(1, 7))
DASHES = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)), (0, (8, 3)), (0, (3, 1, 1, 1, 1, 1)))

WIDTH, HEIGHT = 4.6, 3.45
STYLE: Any = {
    "svg.hashsalt": "report",
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    # Names of columns and classes may hold dollar signs, which are no formulas.
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=SERIES),
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 8,
    # A legend that lies over curves stays readable.
    "legend.frameon": True,
    "legend.fancybox": False,
    "legend.facecolor": PAPER,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.8,
    "legend.handlelength": 2.4,
}
NOTHING = {"Date": None, "Creator": None, "Format": None, "Type": None}


def draw(name: str, paint: Callable[[Sheet], None], width: float = WIDTH, height: float = HEIGHT) -> str:
    """Draw on a new sheet (inches) and return one <svg> element; `name` makes its ids unique within a page."""
    stream = io.StringIO()
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # The page's fonts draw the text; a glyph that is missing in ours only makes a width a guess.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        sheet = Sheet(figsize=(width, height), layout="constrained")
        paint(sheet)
        sheet.savefig(stream, format="svg", metadata=NOTHING)
    return _embeddable(stream.getvalue(), name)


def label(text: str, longest: int = 28) -> str:
    """Make foreign text fit for a drawing: one line, no characters that XML forbids, not too long."""
    plain = "".join("\ufffd" if unicodedata.category(char) in {"Cc", "Cs", "Cn", "Co"} else char for char in text)
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def titled(axes: Axes, x: str, y: str) -> Axes:
    """Name the axes."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return axes


def _embeddable(svg: str, name: str) -> str:
    """Strip what belongs to a file of its own, follow the page's colours and fonts, and keep ids to the figure."""
    body = svg[svg.index("<svg") :].rstrip()
    body = re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img">', body, count=1)
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    body = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", body)
    for variable, (sentinel, fallback) in PALETTE.items():
        body = body.replace(sentinel, f"var(--{variable}, {fallback})")
    return _own_ids(body.replace("xlink:href", "href"), name)


def _own_ids(svg: str, name: str) -> str:
    """Prefix the ids that are referred to and drop the others. Only attributes match: text escapes its quotes."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", svg)
    return re.sub(r'(href="#|url\(#)', lambda found: f"{found[1]}{name}-", svg)
