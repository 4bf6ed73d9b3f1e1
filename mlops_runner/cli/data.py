"""data refresh | diff: move the pin of a remote source; what happened to the data between two versions."""

import click

from mlops_runner.cli.console import Settings, common_options, emit, emit_json, say
from mlops_runner.errors import EXIT_CHANGES, EXIT_OK


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
