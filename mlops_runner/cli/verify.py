"""verify."""

import functools
from typing import TYPE_CHECKING

import click

from mlops_runner.cli.console import Settings, common_options, say, show_diagnostics
from mlops_runner.cli.everywhere import Answer, all_pipelines_option, answer
from mlops_runner.errors import EXIT_NOT_VERIFIED, EXIT_OK, Diagnostic, NotVerified

if TYPE_CHECKING:
    from mlops_runner.api import Project
    from mlops_runner.execute.rerun import Agreement


@click.command()
@common_options
@click.option("--rerun", type=click.IntRange(min=1), metavar="N", help="Execute every step N times more and compare.")
@click.option("--allow-missing", is_flag=True, help="Accept artifacts that are not here (as in a fork's CI).")
@all_pipelines_option
def verify(settings: Settings, rerun: int | None, allow_missing: bool, everywhere: bool) -> int:
    """Check that lock, specs, artifacts and pointers fit together: exit 0 or 4. Trains nothing without --rerun.

    \b
    Examples:
      mlops verify
      mlops verify --rerun 2     every byte must come out again
      mlops verify -P            all pipelines of a repository
    """
    command = functools.partial(_verified, settings, rerun=rerun, allow_missing=allow_missing)
    return answer(settings, command, everywhere=everywhere)


def _verified(settings: Settings, folder: str, project: "Project", *, rerun: int | None, allow_missing: bool) -> Answer:
    from mlops_runner.api.below import shifted

    found = project.verify(allow_missing=allow_missing)
    if not found:
        if not settings.quiet:
            those = "every artifact that is here" if allow_missing else "every artifact"
            say(f"verified: {len(project.lock().stages)} stages, {those} is the locked one")
        found = _rerun(project, rerun, quiet=settings.quiet) if rerun else []
    told = shifted(folder, found)
    return Answer(
        EXIT_NOT_VERIFIED if found else EXIT_OK,
        lambda: show_diagnostics(told),
        lambda: [{"code": d.code, "message": d.message, "place": str(d.place or "")} for d in told],
        f"{len(found)} problems" if len(found) > 1 else "1 problem" if found else "verified",
    )


def _rerun(project: "Project", rounds: int, *, quiet: bool) -> list[Diagnostic]:
    """Execute every step again and return what came out differently."""
    tell = (lambda _: None) if quiet else _agreed
    try:
        project.rerun(rounds, tell, (lambda _: None) if quiet else say)
    except NotVerified as error:
        return list(error.diagnostics)
    if not quiet:
        say("reproduced once" if rounds == 1 else f"reproduced {rounds} times")
    return []


def _agreed(agreement: "Agreement") -> None:
    a = agreement
    say(f"  rerun {a.round}  {a.step:<24} equal by {a.by}  {a.seconds:.1f} s")
