"""Sections made of figures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops_runner.reports.builders.text import metric_text, threshold_text
from mlops_runner.reports.context import ReportContext
from mlops_runner.reports.document import Block, Cell, Column, Figure, Inline, Section, Table, threshold_word
from mlops_runner.reports.evidence import Evidence
from mlops_runner.reports.figures.binary import draw_calibration, draw_costs, draw_pr, draw_scores
from mlops_runner.reports.figures.classes import draw_confusion, draw_roc
from mlops_runner.reports.figures.forecast import draw_errors_over_time, draw_path
from mlops_runner.reports.figures.importance import draw_importance
from mlops_runner.reports.figures.labels import draw_label_curves
from mlops_runner.reports.figures.ranking import draw_ndcg, draw_queries
from mlops_runner.reports.figures.regression import draw_predicted, draw_residuals

MOST_FEATURES = 20
MOST_CLASSES = 40
MOST_NAMED = 5


def plots_section(evidence: Evidence) -> Section:
    """The figures of the task; a curve that could not be computed has none."""
    curves = evidence["curves"]
    if not curves:
        return Section("Figures", ())
    where = f"{curves['side']} side, {curves['rows']:,} rows"
    match evidence["task"]:
        case "binary":
            blocks: tuple[Block, ...] = tuple(_binary(evidence, curves, where))
        case "multiclass":
            blocks = (*_multiclass(evidence, curves, where), _per_class(curves["per_class"], evidence["classes"]))
        case "multilabel":
            blocks = tuple(_labels(evidence, curves, where))
        case "regression":
            blocks = (draw_predicted(curves["predicted"], where), draw_residuals(curves["residuals"], where))
            blocks += (_coverage(curves["coverage"]),) if "coverage" in curves else ()
        case "forecasting":
            blocks = tuple(_forecast(curves, where))
        case "ranking":
            winner, at = evidence["winner"], f"{curves['side']} side, {curves['queries']:,} queries"
            blocks = (draw_ndcg(curves["ndcg"], winner, at), draw_queries(curves["spread"], winner, at))
        case unknown:
            raise ValueError(f"evidence of an unknown task: {unknown}")
    return Section("Figures", blocks)


def _forecast(curves: Mapping[str, Any], where: str) -> Iterator[Block]:
    for at, path in enumerate(curves.get("paths", ()), 1):
        yield draw_path(at, path, where)
    if "over_time" in curves:
        yield draw_errors_over_time(curves["over_time"], where)
    yield draw_predicted(curves["predicted"], where)
    yield draw_residuals(curves["residuals"], where)
    if curves.get("by_series", {}).get("count", 0) > 1:
        yield _per_series(curves["by_series"])


def _per_series(found: Mapping[str, Any]) -> Table:
    models = list(found["worst"][0]["mae"])
    columns = (Column("Series"), Column("Rows", "right"), *(Column(f"MAE {name}", "right") for name in models))
    rows: tuple[tuple[Inline, ...], ...] = tuple(
        (Cell(row["series"]), f"{row['rows']:,}", *(metric_text(row["mae"][name]) for name in models))
        for row in found["worst"]
    )
    left = found["count"] - len(rows)
    return Table(columns, rows, f"{left} more series, with smaller errors, are not shown." if left else "")


def _binary(evidence: Evidence, curves: Mapping[str, Any], where: str) -> Iterator[Figure]:
    winner, threshold = evidence["winner"], evidence["threshold"]["value"]
    if "roc" in curves:
        yield draw_roc(curves["roc"], winner, where)
        yield draw_pr(curves["pr"], winner, curves["positive_rate"], where)
    at = f"{winner} at threshold {threshold_word(threshold)}, {where}"
    yield draw_confusion(curves["confusion"][winner], evidence["classes"], at)
    yield draw_scores(curves["histogram"], evidence["classes"], threshold, where)
    if "calibration" in curves:
        yield draw_calibration(curves["calibration"], curves["histogram"], where)
    if "cost" in curves:
        yield draw_costs(curves["cost"])


def _multiclass(evidence: Evidence, curves: Mapping[str, Any], where: str) -> Iterator[Figure]:
    winner = evidence["winner"]
    if "confusion" in curves:
        yield draw_confusion(curves["confusion"][winner], evidence["classes"], f"{winner}, {where}")
    if curves["roc"]:
        yield draw_roc(curves["roc"], None, f"each class against the rest, {where}")


def _coverage(found: Mapping[str, Any]) -> Table:
    """How many targets lie where a predicted quantile promises."""
    columns = (Column("Model"), Column("Targets not above the prediction", "right"))
    rows = tuple((model, f"{100 * share:.1f} %") for model, share in found["shares"].items())
    promised = " or ".join(f"{100 * quantile:g} %" for quantile in found["quantiles"])
    return Table(columns, rows, f"A model of the quantile promises {promised}.")


def _labels(evidence: Evidence, curves: Mapping[str, Any], where: str) -> Iterator[Block]:
    if curves["pr"]:
        yield draw_label_curves(curves["pr"], evidence["winner"], where)
    yield _per_label(curves["per_label"], curves["unordered"])


def _per_label(found: Sequence[Mapping[str, Any]], unordered: Sequence[str]) -> Table:
    names = ("precision", "recall", "f1", "roc_auc", "average_precision")
    columns = (Column("Label"), *(Column(name, "right") for name in ("Rows with it", "Decided", "Threshold", *names)))
    shown = list(found)
    if len(shown) > MOST_CLASSES:
        shown.sort(key=lambda of: 2.0 if of["f1"] is None else of["f1"])
    rows: tuple[tuple[Inline, ...], ...] = tuple(
        (
            Cell(of["label"]),
            f"{of['with']:,}",
            f"{of['decided']:,}",
            threshold_text(of["threshold"]),
            *(metric_text(of[name]) for name in names),
        )
        for of in shown[:MOST_CLASSES]
    )
    left = len(shown) - len(rows)
    notes = [f"{left} more labels, with at least this f1, are not shown."] if left else []
    if unordered:
        named = ", ".join(unordered[:MOST_NAMED]) + (", …" if len(unordered) > MOST_NAMED else "")
        notes.append(
            f"All rows of the side have {named}, or none has: left out of the means of roc_auc and average_precision."
        )
    return Table(columns, rows, " ".join(notes))


def _per_class(found: Mapping[str, Any], classes: Sequence[str]) -> Table:
    columns = (Column("Class"), Column("Rows", "right"), Column("Recall", "right"), Column("Precision", "right"))
    order = {name: at for at, name in enumerate(classes)}
    shown = sorted(found.items(), key=lambda item: order.get(item[0], len(order)))
    if len(shown) > MOST_CLASSES:
        shown.sort(key=lambda item: 2.0 if item[1]["recall"] is None else item[1]["recall"])
    rows = tuple(
        (name, f"{of['rows']:,}", metric_text(of["recall"]), metric_text(of["precision"]))
        for name, of in shown[:MOST_CLASSES]
    )
    left = len(shown) - len(rows)
    return Table(columns, rows, f"{left} more classes, with at least this recall, are not shown." if left else "")


def importance_section(context: ReportContext) -> Section:
    """What the winner relies on: a figure of the measured features, and their numbers."""
    known = [(name, drop, std or 0.0) for name, drop, std in context.importance if drop is not None]
    if not known:
        return Section("Feature importance", ())
    columns = (Column("Feature"), Column(f"Loss of {context.importance_metric}", "right"), Column("± std", "right"))
    rows = tuple((Cell(name), metric_text(drop), metric_text(std)) for name, drop, std in known[:MOST_FEATURES])
    left = len(context.importance) - len(rows)
    note = f"{left} more features are not shown." if left else ""
    return Section(
        "Feature importance", (draw_importance(known, context.importance_metric), Table(columns, rows, note))
    )
