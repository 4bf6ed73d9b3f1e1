"""lock resolve | accept | prune, and what git calls to merge two locks."""

from pathlib import Path

import click

from mlops_runner.cli.console import Settings, common_options, emit_json, say
from mlops_runner.errors import EXIT_FAILED, EXIT_OK, Diagnostic, InvalidInput, UsageFailure


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@common_options
def lock(settings: Settings) -> None:
    """Mend pipeline.lock without executing anything.

    \b
    Examples:
      mlops lock resolve                     after a merge conflict
      mlops lock accept train.boosted --reason "renamed a variable"
      mlops lock prune
    """


@lock.command()
@common_options
def resolve(settings: Settings) -> int:
    """Take both sides of a merge conflict, keep what the merged specs still prove, leave out the rest.

    What is left out runs at the next `mlops run`; known results then come back from the cache.

    \b
    Examples:
      git merge main; mlops lock resolve && mlops run
    """
    from mlops_runner.plan.resolve import describe
    from mlops_runner.plan.resolve import resolve as mend

    project = settings.project()
    with project.alone():
        mended = mend(project.compiled().steps, *project.locked.sides(), project.facts())
        project.locked.write(mended.lock)
    if settings.as_json:
        emit_json({"kept": dict(mended.kept), "to_run": list(mended.to_run)})
    else:
        for line in describe(mended):
            say(line)
        say("next: mlops run" if mended.to_run else "nothing left to run; next: git add pipeline.lock")
    return EXIT_OK


@lock.command()
@common_options
@click.argument("steps", nargs=-1, required=True)
@click.option(
    "--reason", required=True, help="Why the outputs are still right; it stands in the lock for the reviewer."
)
def accept(settings: Settings, steps: tuple[str, ...], reason: str) -> int:
    """Declare that steps need not run although their key changed: their locked outputs are still right.

    \b
    Examples:
      mlops lock accept train.boosted --reason "renamed a variable"
    """
    from mlops_runner.plan.resolve import accept as accepted

    if not reason.strip():
        raise UsageFailure(
            Diagnostic("empty-reason", "the reason is empty", hint="say why the outputs are still right")
        )
    project = settings.project()
    with project.alone():
        lock = accepted(project.compiled().steps, project.lock(), project.facts(), steps, reason.strip())
        project.locked.write(lock)
    if settings.as_json:
        emit_json({"accepted": list(steps), "reason": reason.strip()})
    else:
        say(f"accepted {', '.join(steps)}: {reason.strip()}")
    return EXIT_OK


@lock.command()
@common_options
def prune(settings: Settings) -> int:
    """Drop the stages that nothing asks for any more, with their pointers and unchanged files.

    \b
    Examples:
      mlops lock prune
    """
    gone = settings.project().prune(say)
    if settings.as_json:
        emit_json({"pruned": list(gone)})
    else:
        say(f"pruned {', '.join(gone)}" if gone else "nothing to prune")
    return EXIT_OK


@lock.command("merge-driver", hidden=True)
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
def merge_driver(base: Path, ours: Path, theirs: Path) -> int:
    """Merge two locks stage by stage into OURS: exit 0, or 1 with a conflict. Git calls it; see `mlops doctor --fix`.

    No document is read: while git merges, those of the merge are not there yet.
    """
    from mlops_runner.durable import write_text
    from mlops_runner.lock.three_way import merge

    try:
        merged = merge(*(path.read_bytes().decode() for path in (base, ours, theirs)))
    except (InvalidInput, UnicodeDecodeError):
        from mlops_runner.gitops.merging import merge_text

        merge_text(ours, base, theirs)
        say("one side of pipeline.lock is damaged: it was merged as text; take one of them from git")
        return EXIT_FAILED
    write_text(ours, merged.text)
    if merged.conflicts:
        say(f"both sides changed {', '.join(merged.conflicts)}; when the documents are merged, run: mlops lock resolve")
    return EXIT_FAILED if merged.conflicts else EXIT_OK
