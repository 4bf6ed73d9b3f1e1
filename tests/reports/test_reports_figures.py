import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import pytest

from mlops_runner.reports.figures.binary import draw_calibration, draw_costs, draw_pr, draw_scores
from mlops_runner.reports.figures.canvas import PALETTE, label
from mlops_runner.reports.figures.classes import draw_confusion, draw_roc, lines_to_draw, tile_opacity
from mlops_runner.reports.figures.forecast import draw_errors_over_time, draw_path
from mlops_runner.reports.figures.importance import draw_importance
from mlops_runner.reports.figures.regression import draw_predicted, draw_residuals

EVIL = "</text><script>alert(1)</script> $\\frac{ \"' \x07 阳性"
ROC = {"false_positive_rate": [0.0, 0.2, 1.0], "true_positive_rate": [0.0, 0.9, 1.0], "auc": 0.85}
PR = {"recall": [1.0, 0.5, 0.0], "precision": [0.4, 0.8, 1.0], "average_precision": 0.75}
HISTOGRAM = {"edges": [0.0, 0.5, 1.0], "counts": {"no": [5, 1], EVIL: [0, 4]}}
BINS = [{"low": 0, "high": 0.4, "mean_score": 0.2, "rate": 0.1, "rows": 5}]
COST = {
    "false_negative": 10.0,
    "false_positive": 1.0,
    "chosen_on": "validation",
    "threshold": 0.4,
    "sides": {"validation": {"threshold": [0.1, 0.4, 0.9], "cost_per_row": [0.5, 0.1, 2.0]}},
}
PATH = {"series": EVIL, "moments": ["2024-01-01", EVIL], "actual": [1.0, 2.0]}
FIGURES = {
    "path": lambda: draw_path(1, PATH | {"predicted": {"baseline": [1.0, 2.5], EVIL: [1.5, 2.0]}}, "test side"),
    "errors over time": lambda: draw_errors_over_time({"from": [EVIL], "mae": {EVIL: [0.5]}}, "test side"),
    "roc": lambda: draw_roc({"baseline": ROC, EVIL: ROC}, EVIL, "test side"),
    "roc of classes": lambda: draw_roc({"a": ROC, EVIL: ROC}, None, "test side"),
    "pr": lambda: draw_pr({"baseline": PR, EVIL: PR}, EVIL, 0.4, "test side"),
    "confusion": lambda: draw_confusion([[3, 1], [0, 0]], ["no", EVIL], "test side"),
    "confusion of many": lambda: draw_confusion([[1] * 40] * 40, [f"class {k}" for k in range(40)], "test side"),
    "scores": lambda: draw_scores(HISTOGRAM, ["no", EVIL], 0.5, "test side"),
    "calibration": lambda: draw_calibration(BINS, HISTOGRAM, "test side"),
    "cost": lambda: draw_costs(COST),
    "cost of nothing": lambda: draw_costs(
        COST | {"sides": {"validation": {"threshold": [0.1, 0.9], "cost_per_row": [0.0, 0.0]}}}
    ),
    "importance": lambda: draw_importance([(EVIL, 0.2, 0.1), ("b", -0.1, 0.0)], "roc_auc"),
    "predicted": lambda: draw_predicted({"actual": [1.0, 2.0], "predicted": [1.5, 1.5]}, "test side"),
    "residuals": lambda: draw_residuals({"edges": [-1.0, 0.0, 1.0], "counts": [3, 2]}, "test side"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_well_formed_and_harmless(name):
    figure = FIGURES[name]()
    ET.fromstring(figure.svg.replace(" href=", " data-href="))
    assert "<script" not in figure.svg
    assert "<style" not in figure.svg
    assert "http" not in figure.svg
    assert figure.alt


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_the_same_every_time(name):
    assert FIGURES[name]().svg == FIGURES[name]().svg


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_only_uses_the_colours_of_the_page(name):
    svg = FIGURES[name]().svg
    assert "var(--ink, #1c2128)" in svg
    assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) <= {fallback for _, fallback in PALETTE.values()}


def test_ids_of_two_figures_never_clash_and_all_resolve():
    svgs = [FIGURES[name]().svg for name in ("roc", "scores", "confusion", "calibration", "cost", "importance")]
    ids = [found for svg in svgs for found in re.findall(r' id="([^"]+)"', svg)]
    assert len(ids) == len(set(ids))
    used = {found for svg in svgs for found in re.findall(r'(?:href="#|url\(#)([^")]+)', svg)}
    assert used == set(ids)


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    before = dict(mpl.rcParams)
    draw_residuals({"edges": [-1.0, 0.0, 1.0], "counts": [3, 2]}, "test side")
    assert dict(mpl.rcParams) == before


def test_roc_writes_the_area_into_the_legend():
    assert "forest  0.8500" in draw_roc({"forest": ROC}, "forest", "test side").svg


def test_the_winner_is_thick_the_baseline_last_and_no_two_lines_look_alike_without_colour():
    lines = lines_to_draw(dict.fromkeys(["baseline", "a", "b", "c"]), "b")
    assert [name for name, _ in lines] == ["b", "a", "c", "baseline"]
    assert lines[0][1]["linewidth"] > lines[1][1]["linewidth"]
    assert len({str(style["linestyle"]) for _, style in lines}) == 4


def test_curves_that_do_not_fit_are_counted():
    classes = {f"c{k}": ROC | {"auc": 0.9 - k / 100} for k in range(9)}
    figure = draw_roc(classes, None, "test side")
    assert figure.caption.endswith("3 with a larger area are not drawn.")
    assert "c8 0.8200" in figure.alt
    assert "c0" not in figure.alt


@pytest.mark.parametrize(("text", "expected"), [("a\nb", "a\ufffdb"), ("x" * 30, "x" * 27 + "…"), ("näme", "näme")])
def test_labels_are_short_and_on_one_line(text, expected):
    assert label(text) == expected


def bins(*dots):
    return [{"mean_score": score, "rate": rate, "rows": rows} for score, rate, rows in dots]


@pytest.mark.parametrize(
    ("dots", "expected"),
    [
        ([(0.2, 0.1, 5)], "in 1 bin of 5 rows (equal scores share a bin)."),
        ([(0.2, 0.1, 5), (0.8, 0.9, 6)], "in 2 bins of 5 to 6 rows (equal scores share a bin)."),
        ([(0.2, 0.1, 5), (0.5, 0.5, 0), (0.8, 0.9, 5)], "in 2 bins of 5 rows (equal scores share a bin)."),
        (
            [(0.0, 0.0, 5), (0.001, 0.0, 5)],
            "in 2 bins of 5 rows (equal scores share a bin); 1 of the dots lies on others.",
        ),
    ],
)
def test_the_caption_of_calibration_counts_the_dots_that_can_be_seen(dots, expected):
    caption = draw_calibration(bins(*dots), HISTOGRAM, "test side").caption
    assert caption == f"Calibration, test side, {expected} Below, how the scores are spread."


def test_scores_keep_to_the_classes_although_their_names_sort_the_other_way():
    counts = {"bad": [0, 4], "good": [5, 1]}
    figure = draw_scores({"edges": [0.0, 0.5, 1.0], "counts": counts}, ["good", "bad"], 0.5, "test side")
    assert figure.caption.endswith("Right of the threshold is decided bad.")
    assert figure.alt == "Histogram of scores: 4 rows of bad above, 6 rows of good below"


def test_costs_show_the_side_the_threshold_was_chosen_on_first():
    points = COST["sides"]["validation"]
    svg = draw_costs(COST | {"sides": {"test": points, "validation": points}}).svg
    assert svg.index(">validation (chosen on)<") < svg.index(">test<")


@pytest.mark.parametrize("name", ["roc", "roc of classes", "pr"])
def test_chance_is_named_in_the_legend(name):
    assert ">chance" in FIGURES[name]().svg


def test_a_slope_in_a_roc_curve_is_explained():
    steps = {"false_positive_rate": [0.0, 0.0, 1.0], "true_positive_rate": [0.0, 1.0, 1.0], "auc": 1.0}
    assert "slopes" in draw_roc({"m": ROC}, "m", "test side").caption
    assert "slopes" not in draw_roc({"m": steps}, "m", "test side").caption


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.0), (0.001, 0.2), (1.0, 0.55)])
def test_a_tile_with_rows_is_tinted_so_that_it_can_be_seen(share, expected):
    assert tile_opacity(share) == pytest.approx(expected, abs=0.001)
