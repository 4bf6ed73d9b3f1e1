"""How git merges certain files here: the attributes that name a driver, and the command that stands for its name."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mlops_runner.durable import write_bytes
from mlops_runner.errors import Diagnostic, UsageFailure
from mlops_runner.gitops import git

FILE = ".gitattributes"
UNSPECIFIED = "unspecified"


def merge_text(ours: Path, base: Path, theirs: Path) -> bool:
    """Merge three files as git does without a driver, into the first one, and say whether there was no conflict."""
    labels = ("-L", "ours", "-L", "base", "-L", "theirs")
    paths = (str(path.absolute()) for path in (ours, base, theirs))
    return git.run(ours.parent, ["merge-file", *labels, "--", *paths]).returncode == 0


def attributes(project: Path, names: Sequence[str]) -> dict[str, str]:
    """Return for each file how it is to be merged: the value of its attribute `merge`."""
    found = git.run(project, ["check-attr", "-z", "merge", "--", *names]).stdout.decode().split("\0")
    return dict(zip(found[::3], found[2::3], strict=False))


def add_attributes(project: Path, wanted: Mapping[str, str]) -> None:
    """Add to the project's .gitattributes how files are merged; every byte that is there stays. Raises OSError."""
    file = project / FILE
    data = file.read_bytes() if file.exists() else b""
    if data and not data.endswith(b"\n"):
        data += b"\n"
    write_bytes(file, data + "".join(f"{name} merge={value}\n" for name, value in wanted.items()).encode())


def driver(project: Path, name: str) -> str | None:
    """Return the command of a merge driver, or None when it has none here."""
    done = git.run(project, ["config", "--get", f"merge.{name}.driver"])
    return done.stdout.decode().rstrip("\n") if done.returncode == 0 else None


def set_driver(project: Path, name: str, title: str, command: str) -> None:
    """Give a merge driver its command, for this clone of the repository. Raises UsageFailure when git refuses."""
    for key, value in (("name", title), ("driver", command)):
        done = git.run(project, ["config", "--local", "--replace-all", f"merge.{name}.{key}", value])
        if done.returncode:
            message = f"git config cannot be written: {done.stderr.decode('utf-8', 'replace').strip()}"
            raise UsageFailure(Diagnostic("git-config", message, hint="check the permissions of the repository"))
