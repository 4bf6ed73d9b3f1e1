"""The command table and the one place where an error becomes an exit code.

Only click and the standard library are imported here: a command's module is imported when the command is used.
"""

import contextlib
import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import click

from mlops_runner import __version__
from mlops_runner.cli.console import Settings, common_options, say, show_diagnostics
from mlops_runner.errors import (
    EXIT_BUG,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_USAGE,
    Diagnostic,
    MlopsError,
)

# command → module, function, what the list of commands says about it
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("author", "init", "Start a project: a pipeline that runs, to be edited."),
    "validate": ("author", "validate", "Check every document; report all problems with file, line and column."),
    "schema": ("author", "schema", "Print or export the JSON Schema of a kind of document."),
    "doctor": ("author", "doctor", "Look for what would keep the runner from working here."),
    "plan": ("run", "plan", "Say what a run would do, and why. Writes nothing."),
    "why": ("run", "why", "Explain one step: what it reads, and why it would run."),
    "graph": ("run", "graph", "Draw the steps and what flows between them."),
    "run": ("run", "run", "Execute what changed, write pipeline.lock, and answer by the gates."),
    "logs": ("logs", "logs", "Print what a step has said; with --follow, while it runs."),
    "verify": ("verify", "verify", "Check lock, artifacts and chain; with --rerun, execute again and compare."),
    "gate": ("results", "gate", "Answer by the gates of the last run: exit 0 or 3."),
    "report": ("results", "report", "Write the report of the last run."),
    "diff": ("results", "diff", "Compare what two revisions resolved to."),
    "exp": ("experiments", "experiments", "Look at what was tried: list, compare, keep."),
    "data": ("data", "data", "Look after the data: fetch anew, compare versions."),
    "model": ("model", "model", "Look at the packaged model: show, card, export."),
    "gc": ("store", "gc", "Say what nothing names any more in the cache; with --yes, remove it."),
    "lock": ("locks", "lock", "Mend pipeline.lock: resolve a conflict, accept a change, prune."),
}

# how the list of commands is divided; a test holds that each stands in it once
SECTIONS: dict[str, tuple[str, ...]] = {
    "Set up": ("init", "validate", "schema", "doctor"),
    "Look ahead": ("plan", "why", "graph"),
    "Run and judge": ("run", "logs", "verify", "gate", "report"),
    "Look back": ("diff", "exp", "data", "model"),
    "Clean up": ("lock", "gc"),
}


class Commands(click.Group):
    """A group that knows its commands by name and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of a model's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command and return it."""
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"mlops_runner.cli.{module}"), name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Suggest the nearest command for a mistyped one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f' Did you mean "{close[0]}"?' if close else " See: mlops --help"
            raise click.UsageError(f'There is no command "{args[0]}".{hint}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<8}", COMMANDS[name][2]) for name in names])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@common_options
@click.version_option(__version__, prog_name="mlops")
def cli(settings: Settings) -> None:
    """GitOps for machine learning: plan, run, lock and verify models from versioned YAML.

    \b
    Examples:
      mlops plan                 what would happen, and why
      mlops run                  do it, and write pipeline.lock
      mlops run --all-pipelines  do it for the pipelines below this one, too
      mlops verify --rerun 2     train twice more and compare every byte
      mlops diff main..HEAD      what this branch changes
    """


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code. Expected failures print one message each and no traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    _open_missing_streams()
    # click has left its own context, and forgotten the colours, when an error is shown
    with click.Context(cli, color=False if "--no-color" in arguments else None).scope(cleanup=False):
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    try:
        code = cli.main(list(arguments), prog_name="mlops", standalone_mode=False)
        sys.stdout.flush()
        return int(code or EXIT_OK)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        return _usage(error)
    except (KeyboardInterrupt, click.Abort):
        say("interrupted; what had finished is kept, and the next run goes on from there")
        return EXIT_INTERRUPTED
    except MlopsError as error:
        show_diagnostics(error.diagnostics)
        return error.exit_code
    except BrokenPipeError:
        _forget_stdout()
        return EXIT_FAILED
    except OSError as error:
        return _system(error)
    except Exception:
        return _bug()


def _open_missing_streams() -> None:
    """Put the empty device where a standard stream is closed: else the next file opened would take its number."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if descriptor == 0 else "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message())
        return EXIT_USAGE
    hint = f"see: {context.command_path} --help" if context else "see: mlops --help"
    show_diagnostics([Diagnostic("usage", error.format_message(), hint=hint)])
    return EXIT_USAGE


def _system(error: OSError) -> int:
    hints = {
        errno.ENOSPC: "free some space and run again; what had finished is kept",
        errno.EDQUOT: "free some space and run again; what had finished is kept",
        errno.EROFS: "the file system is read-only",
        errno.EACCES: "check the permissions of the project's folder",
        errno.EMFILE: "raise the limit of open files (ulimit -n)",
    }
    file = f" {error.filename}" if error.filename else ""
    what = error.strerror or str(error)
    show_diagnostics([Diagnostic("system", f"{what}:{file}" if file else what, hint=hints.get(error.errno or 0))])
    _forget_stdout()
    return EXIT_FAILED


def _bug() -> int:
    import traceback

    traceback.print_exc()
    hint = "please report it with the lines above; no finished work is lost"
    show_diagnostics([Diagnostic("bug", "this is a bug in mlops_runner", hint=hint)])
    return EXIT_BUG


def _forget_stdout() -> None:
    """Keep the interpreter from failing a second time when it flushes at exit."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
