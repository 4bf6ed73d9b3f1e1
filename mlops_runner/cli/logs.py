"""logs: what a step has said, or says now."""

import sys
from collections.abc import Iterable, Iterator

import click

from mlops_runner.cli.console import Settings, common_options, emit, emit_json
from mlops_runner.cli.display import plain
from mlops_runner.errors import EXIT_INTERRUPTED, EXIT_OK, Diagnostic, UsageFailure


@click.command()
@common_options
@click.argument("step")
@click.option("--follow", "-f", is_flag=True, help="Go on while the step runs.")
def logs(settings: Settings, step: str, follow: bool) -> int:
    """Print what a step said in its last execution here. Secrets are hidden.

    \b
    Examples:
      mlops logs train.boosted
      mlops logs 'count@3' --follow     while another terminal runs it
    """
    if follow and settings.as_json:
        raise UsageFailure(
            Diagnostic("contradiction", "--json prints one value, and --follow goes on", hint="leave one")
        )
    said = settings.project().said(step, follow=follow)
    if settings.as_json:
        emit_json({"step": step, "lines": b"".join(said).decode("utf-8", "replace").splitlines()})
        return EXIT_OK
    try:
        if sys.stdout.isatty():
            for line in _lines(said):
                emit(plain(line))
        else:
            for data in said:
                click.echo(data, nl=False)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return EXIT_OK


def _lines(said: Iterable[bytes]) -> Iterator[str]:
    part = b""
    for data in said:
        *whole, part = (part + data).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole)
    if part:
        yield part.decode("utf-8", "replace")
