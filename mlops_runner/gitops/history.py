"""What commits hold: every name and commit of a repository, and the files below them, read in few processes of git."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.errors import Diagnostic, MlopsError
from mlops_runner.gitops import git

PSEUDO_NAMES = ("HEAD", "ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD")


@dataclass(frozen=True, slots=True)
class Name:
    """A commit, and what it is called: a branch, a tag, a stash, or `commit ab12cd34 (3 days old)`."""

    called: str
    commit: str


@dataclass(frozen=True, slots=True)
class Dated:
    """A commit and the second it was made in."""

    commit: str
    time: int


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a commit: its path from the top of the repository, and the id of its content."""

    path: str
    id: str


class History:
    """Reads one repository. Raises MlopsError when git cannot tell: a question left open must not look like a no."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._id_bytes = 32 if self._git("rev-parse", "--show-object-format").strip() == b"sha256" else 20

    def names(self) -> list[Name]:
        """Return every branch, remote-tracking branch, tag, stash, other reference, and HEAD of all working trees."""
        found = []
        form = "%(refname) %(objecttype) %(objectname) %(*objecttype) %(*objectname)"  # a tag's own, and what it tags
        for line in self._lines("for-each-ref", f"--format={form}"):
            name, *objects = line.split(" ")
            commits = [objects[at + 1] for at in range(0, len(objects) - 1, 2) if objects[at] == "commit"]
            found += [Name(_called(name), commit) for commit in commits]
        found += [Name(f"stash@{{{n}}}", c) for n, c in enumerate(self._optional("rev-list", "-g", "refs/stash"))]
        stashed = [parent for name in found if name.called.startswith("stash") for parent in self._parents(name.commit)]
        found += [Name("stash", commit) for commit in stashed]
        for tree in self.working_trees():
            for pseudo in PSEUDO_NAMES:
                commits = self._optional("-C", str(tree), "rev-parse", "--verify", "--quiet", f"{pseudo}^{{commit}}")
                found += [Name(pseudo, commit) for commit in commits]
        return found

    def commits(self) -> list[Dated]:
        """Return every commit that a name or a reflog leads to, the newest first."""
        lines = self._lines("log", "--all", "--reflog", "--format=%H %ct")
        found = [Dated(commit, int(time)) for commit, time in (line.split(" ") for line in lines)]
        return sorted(found, key=lambda dated: (-dated.time, dated.commit))

    def working_trees(self) -> list[Path]:
        """Return the folders of all working trees of the repository that are there."""
        entries = self._git("worktree", "list", "--porcelain", "-z").split(b"\0")
        paths = [Path(os.fsdecode(entry[len(b"worktree ") :])) for entry in entries if entry.startswith(b"worktree ")]
        return [path for path in paths if (path / ".git").exists()]

    def files(self, tree: Path, wanted: Callable[[str], bool]) -> list[str]:
        """Return the wanted files of a working tree, tracked or not: paths from its top."""
        listed = self._git("-C", str(tree), "ls-files", "-z", "--cached", "--others").split(b"\0")
        return sorted({path for path in map(os.fsdecode, listed) if path and wanted(path)})

    def staged(self, tree: Path, wanted: Callable[[str], bool]) -> list[Blob]:
        """Return the wanted files in the index of a working tree, all sides of a conflict included."""
        entries = [entry.partition(b"\t") for entry in self._git("-C", str(tree), "ls-files", "-z", "-s").split(b"\0")]
        blobs = [Blob(os.fsdecode(path), facts.split()[1].decode()) for facts, tab, path in entries if tab]
        return [blob for blob in blobs if wanted(blob.path)]

    def wanted(self, commits: Iterable[str], wanted: Callable[[str], bool]) -> dict[str, tuple[Blob, ...]]:
        """Return the wanted files of each commit. What commits share is read once."""
        tops = self._trees(list(dict.fromkeys(commits)))
        entries: dict[str, list[tuple[str, str, bool]]] = {}
        unread = set(tops.values())
        while unread:
            read = {tree: list(self._entries(data)) for tree, data in self.contents(sorted(unread)).items()}
            entries |= read
            unread = {entry for found in read.values() for _, entry, folder in found if folder} - entries.keys()
        below = _Below(entries, wanted)
        return {commit: below.files(tree, "") for commit, tree in tops.items()}

    def contents(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        """Return the bytes of objects by id. Raises MlopsError when one is missing."""
        wanted = list(dict.fromkeys(ids))
        data = self._git("cat-file", "--batch", given="".join(f"{one}\n" for one in wanted).encode()) if wanted else b""
        found, at = {}, 0
        for one in wanted:
            end = data.index(b"\n", at)
            facts = data[at:end].split()
            if len(facts) != 3:
                raise _untold(f"git does not hold {one}")
            found[one] = data[end + 1 : end + 1 + int(facts[2])]
            at = end + 2 + int(facts[2])
        return found

    def shallow(self) -> bool:
        """Say whether older commits were left out when the repository was cloned."""
        return self._git("rev-parse", "--is-shallow-repository").strip() == b"true"

    def _trees(self, commits: list[str]) -> dict[str, str]:
        found = self.contents(commits)
        return {commit: data.partition(b"\n")[0].removeprefix(b"tree ").decode() for commit, data in found.items()}

    def _parents(self, commit: str) -> list[str]:
        return self._lines("rev-list", "--parents", "-n", "1", commit)[0].split(" ")[1:]

    def _entries(self, data: bytes) -> Iterator[tuple[str, str, bool]]:
        """Yield name, id and whether it is a folder, of every entry of a tree; submodules and links are left out."""
        at = 0
        while at < len(data):
            space, end = data.index(b" ", at), data.index(b"\0", at)
            mode = data[at:space]
            at = end + 1 + self._id_bytes
            if mode == b"40000" or mode.startswith(b"100"):
                yield os.fsdecode(data[space + 1 : end]), data[end + 1 : at].hex(), mode == b"40000"

    def _lines(self, *arguments: str) -> list[str]:
        return self._git(*arguments).decode("utf-8", "surrogateescape").splitlines()

    def _optional(self, *arguments: str) -> list[str]:
        done = git.run(self._folder, arguments, timeout=None)
        return done.stdout.decode().splitlines() if done.returncode == 0 else []

    def _git(self, *arguments: str, given: bytes = b"") -> bytes:
        done = git.run(self._folder, arguments, given, timeout=None)
        if done.returncode:
            raise _untold(done.stderr.decode("utf-8", "replace").strip() or f"git {arguments[0]} failed")
        return done.stdout


class _Below:
    """The wanted files below folders, each folder worked out once for every path it stands at."""

    def __init__(self, entries: Mapping[str, list[tuple[str, str, bool]]], wanted: Callable[[str], bool]) -> None:
        self._entries = entries
        self._wanted = wanted
        self._known: dict[tuple[str, str], tuple[Blob, ...]] = {}

    def files(self, tree: str, path: str) -> tuple[Blob, ...]:
        """Return the wanted files below a folder that stands at a path."""
        if (tree, path) not in self._known:
            found: list[Blob] = []
            for name, entry, folder in self._entries[tree]:
                if folder:
                    found += self.files(entry, f"{path}{name}/")
                elif self._wanted(f"{path}{name}"):
                    found.append(Blob(f"{path}{name}", entry))
            self._known[tree, path] = tuple(found)
        return self._known[tree, path]


def _untold(what: str) -> MlopsError:
    hint = "see: git fsck; until git can tell, nothing is removed"
    return MlopsError(Diagnostic("history-unreadable", f"the history cannot be read: {what}", hint=hint))


def _called(name: str) -> str:
    kinds = {"refs/heads/": "branch ", "refs/remotes/": "remote branch ", "refs/tags/": "tag ", "refs/stash": "stash"}
    return next((word + name.removeprefix(start) for start, word in kinds.items() if name.startswith(start)), name)
