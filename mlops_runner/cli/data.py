"""data refresh | diff: move the pin of a remote source; what happened to the data between two versions."""

from pathlib import Path
from typing import Any

import click

from mlops_runner.cli.console import Settings, common_options, emit, emit_json, say
from mlops_runner.cli.results import revisions_of
from mlops_runner.errors import EXIT_CHANGES, EXIT_OK, Diagnostic, UsageFailure


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@common_options
def data(settings: Settings) -> None:
    """Look after the data: fetch anew, compare versions.

    \b
    Examples:
      mlops data refresh --as-of now
      mlops data diff main..HEAD
    """


@data.command()
@common_options
@click.option("--as-of", metavar="TIME", help="Move the query to this time: now, or like 2026-08-01T00:00:00Z.")
@click.option("--check", is_flag=True, help="Only look: exit 2 when there is something else than what is pinned.")
def refresh(settings: Settings, as_of: str | None, check: bool) -> int:
    """Fetch a database query or a file on the web anew, and pin what came in the Data document.

    \b
    Nothing but source.digest and source.as_of is edited. The snapshot stays in the local store: the next run need not
    fetch it again. Files need no refresh, pipeline.lock pins them.

    \b
    Examples:
      mlops data refresh
      mlops data refresh --as-of now
      mlops data refresh --check
    """
    from datetime import UTC, datetime

    from mlops_runner.reports.refresh import refresh_json, refresh_text

    if as_of == "now":
        as_of = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    tell = (lambda _: None) if settings.quiet else say
    done = settings.project().refresh(as_of, check=check, tell=tell)
    if settings.as_json:
        emit_json(refresh_json(done))
    else:
        emit(refresh_text(done, check=check))
    return EXIT_CHANGES if check and done.newer else EXIT_OK


@data.command()
@common_options
@click.argument("versions", nargs=-1, metavar="[A..B | OLD NEW]")
@click.option(
    "--key", multiple=True, metavar="COLUMN", help="Column that tells rows apart; may be given several times."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "markdown", "html", "json"]), default="text", show_default=True
)
@click.option("--out", type=click.Path(dir_okay=False), help="File to write.  [default: stdout]")
@click.option("--check", is_flag=True, help="Exit 2 when something differs.")
def diff(
    settings: Settings, versions: tuple[str, ...], key: tuple[str, ...], form: Any, out: str | None, check: bool
) -> int:
    """Say what happened to the data between two revisions (A..B, or A.. for the working tree) or two files.

    \b
    Rows added, removed and changed; columns that came, went or are called otherwise; missing values; distributions
    that shifted, with effect sizes. Rows are matched by --key, by the columns with the role id, or by their values.

    \b
    Examples:
      mlops data diff                           HEAD with the working tree
      mlops data diff main..HEAD --format markdown
      mlops data diff v1..v2 --format html --out data.html
      mlops data diff old.csv new.csv --key customer
    """
    from mlops_runner.api.data_versions import compare_files, compare_revisions
    from mlops_runner.durable import write_text
    from mlops_runner.reports.builders.data_diff import build_data_report
    from mlops_runner.reports.diff_data import data_json
    from mlops_runner.reports.render import render

    if len(versions) > 2:
        hint = "write A..B, or the paths of two files"
        raise UsageFailure(Diagnostic("usage", f"{len(versions)} versions cannot be compared", hint=hint))
    if len(versions) == 2:
        found = compare_files(*versions, Path(settings.directory), key)
    else:
        found = compare_revisions(settings.project(), *revisions_of(versions[0] if versions else "HEAD.."), key)
    if settings.as_json or form == "json":
        import json

        text = json.dumps(data_json(found), indent=2, sort_keys=True, ensure_ascii=False)
    else:
        text = render(build_data_report(found), form)
    if out is None:
        emit(text.removesuffix("\n"))
    else:
        write_text(Path(out), text.removesuffix("\n") + "\n")
        say(f"wrote {out}")
    return EXIT_CHANGES if check and found else EXIT_OK
