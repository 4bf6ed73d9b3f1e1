"""data diff: what happened to the data between two versions."""

import click

from mlops_runner.cli.console import Settings, common_options


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@common_options
def data(settings: Settings) -> None:
    """Look after the data: compare versions.

    \b
    Examples:
      mlops data diff main..HEAD
    """
