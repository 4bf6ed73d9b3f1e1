"""model show | card | export: what was packaged, for people, reviewers and other runtimes."""

from pathlib import Path
from typing import Any

import click

from mlops_runner.cli.console import Settings, common_options, emit, emit_json, say
from mlops_runner.errors import EXIT_OK


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@common_options
def model(settings: Settings) -> None:
    """Look at the packaged model: show, card, export.

    \b
    Examples:
      mlops model show
      mlops model card --format markdown --out MODEL_CARD.md
      mlops model export --format onnx
    """


@model.command()
@common_options
@click.option("--check", is_flag=True, help="Predict the rows of the probe, and compare with what is recorded.")
def show(settings: Settings, check: bool) -> int:
    """Print the signature: columns with types and ranges, classes, threshold, and where the model comes from.

    \b
    Examples:
      mlops model show
      mlops model show --check
    """
    from mlops_runner.api.models import load_model
    from mlops_runner.reports.signature import Origin, signature_json, signature_text

    project = settings.project()
    found = load_model(project.root, project_code=True, check=check)
    stage = project.lock().stages["package"]
    digests = {path.rpartition("/")[2]: output.sha256 for path, output in stage.outputs.items()}
    origin = Origin(str(stage.metrics.get("winner", "")), stage.key, digests["bundle.json"])
    if settings.as_json:
        emit_json(signature_json(found, origin))
    else:
        emit(signature_text(found, origin))
        if check and not settings.quiet:
            say(f"the model answers all {len(found.record.probe.rows)} rows of its probe as recorded")
    return EXIT_OK


@model.command()
@common_options
@click.option(
    "--format", "form", type=click.Choice(["html", "markdown", "text", "json"]), default="html", show_default=True,
    help="What to write.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False), help="File to write.  [default: .mlops/model-card.html, or stdout]"
)
def card(settings: Settings, form: Any, out: str | None) -> int:
    """Write the model card: purpose, data, training, metrics, slices, limits, and how to verify all of it.

    \b
    The same lock and documents give the same card, byte for byte: as Markdown it can be kept in git and reviewed.

    \b
    Examples:
      mlops model card
      mlops model card --format markdown --out MODEL_CARD.md
    """
    from mlops_runner.api.models import model_card
    from mlops_runner.durable import write_text
    from mlops_runner.reports.render import Format, render

    project = settings.project()
    chosen: Format = "json" if settings.as_json else form
    text = render(model_card(project), chosen)
    if out is None and chosen != "html":
        emit(text.removesuffix("\n"))
        return EXIT_OK
    path = Path(out) if out else project.layout.state / "model-card.html"
    write_text(path, text)
    emit(str(path if out else path.relative_to(project.root)))
    return EXIT_OK


@model.command()
@common_options
@click.option("--format", "form", type=click.Choice(["onnx"]), default="onnx", show_default=True, help="What to write.")
@click.option("--out", type=click.Path(dir_okay=False), help="File to write.  [default: .mlops/model.onnx]")
@click.option("--opset", type=int, metavar="N", help="Version of the ONNX operators.  [default: 18]")
def export(settings: Settings, out: str | None, opset: int | None, **_: str) -> int:
    """Write the model for another runtime, preprocessing, calibration and threshold included.

    \b
    The file is compared with the bundle on the rows of the probe and of the test side, and written only if no
    prediction differs by more than float32 explains (0.00001, for values of the largest one). What ONNX cannot express
    is refused by name.

    \b
    Examples:
      mlops model export --format onnx
      mlops model export --format onnx --out churn.onnx --opset 21
    """
    from mlops_runner.api.models import export_onnx

    project = settings.project()
    done = export_onnx(project, Path(out) if out else project.layout.state / "model.onnx", opset)
    shown = str(done.path.relative_to(project.root)) if out is None else str(done.path)
    if settings.as_json:
        facts: dict[str, Any] = {"rows": done.parity.rows, "worst": done.parity.worst, "labels": done.parity.labels}
        emit_json({"written": shown, "size": done.size, "opset": done.opset, "sides": list(done.sides), **facts})
        return EXIT_OK
    emit(shown)
    if not settings.quiet:
        where = " and of the ".join(("probe", *(f"{side} side" for side in done.sides)))
        otherwise = "" if done.parity.labels is None else f", {done.parity.labels} are decided otherwise"
        agreed = f"{done.parity.rows:,} rows of the {where} agree with the bundle"
        say(f"{agreed}; the largest difference is {done.parity.worst:.1e}{otherwise}")
    return EXIT_OK
