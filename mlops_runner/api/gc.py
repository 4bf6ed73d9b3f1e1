"""What may leave the cache: everything that nothing names, neither here nor in any place it could come back from."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlops_runner import journal
from mlops_runner.api import environments
from mlops_runner.api.environments import Unused, unused
from mlops_runner.api.sharing import files_below, sharing
from mlops_runner.api.sources import Sources
from mlops_runner.errors import Diagnostic, PolicyRefused, UsageFailure
from mlops_runner.gitops import git
from mlops_runner.gitops.history import History, Name
from mlops_runner.journal import Finished
from mlops_runner.store.garbage import Claim, Naming, Stored, names_objects, remove, stored_objects
from mlops_runner.store.layout import Layout
from mlops_runner.store.mutex import exclusive
from mlops_runner.store.objects import ObjectStore, cache_folder
from mlops_runner.store.repository import DVC, dvc_root

DAY = 86_400
YOUNG_SECONDS = 3_600
FETCHING = "source"
KINDS = ("working tree", "index", "branch", "remote branch", "tag", "stash", "other name", "recent commit", "journal")


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept beyond what branches, tags and stashes name: commits by age and number, and results by number."""

    days: float = 30
    commits: int = 0
    results: int = 100


@dataclass(frozen=True, slots=True)
class Sweep:
    """A look at the cache: what is kept, by the first kind of thing that names it, and what may go.

    unused: environments of steps that may go, too.
    """

    kept: dict[str, list[Stored]]
    loose: list[Stored]
    unused: list[Unused]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Collector:
    """Looks at the cache of a project, and of the other pipelines in its repository. `projects` are further ones."""

    root: Path
    projects: Sequence[Path]
    keep: Keep
    now: float
    lock_timeout: float = 0.0
    store: ObjectStore = field(init=False)
    naming: Naming = field(init=False)

    def __post_init__(self) -> None:
        self.store = ObjectStore(self.root)
        self.naming = Naming(self.store)

    def look(self) -> Sweep:
        """Say what would go. Writes nothing. Raises MlopsError when that cannot be told."""
        kept: dict[str, list[Stored]] = {kind: [] for kind in (*KINDS, "young")}
        claimed: dict[str, str] = {}
        for claim in sorted(self.claims(), key=lambda claim: KINDS.index(claim.kind)):
            claimed |= {md5: claim.kind for md5 in claim.md5s if md5 not in claimed}
        loose: list[Stored] = []
        for stored in stored_objects(self.store):
            kind = claimed.get(stored.md5) or ("young" if self._is_young(stored) else None)
            (kept[kind] if kind else loose).append(stored)
        named = {kind: found for kind, found in kept.items() if found}
        return Sweep(named, loose, self._unused(), tuple(self._notes()))

    def _unused(self) -> list[Unused]:
        """Return the environments that no lock names of those that were read, nor the documents as they are."""
        layout = Layout(self.root)
        if not unused(layout, self.naming.environments):
            return []
        sources = Sources(layout)
        declared = [found for found in sources.compiled().environments.values() if found.lock]
        return unused(layout, self.naming.environments | {sources.described(found)[0].digest for found in declared})

    def sweep(self) -> Sweep:
        """Remove what nothing names. Raises LockBusy while anything works here, PolicyRefused for a shared cache."""
        self._refuse_shared()
        with contextlib.ExitStack() as held:
            for mutex in self._mutexes():
                who = "another mlops" if mutex.parent.name == ".mlops" else "dvc"
                held.enter_context(exclusive(mutex, self.lock_timeout, who))
            found = self.look()
            remove(self.store, found.loose)
            environments.remove(Layout(self.root), found.unused)
        return found

    def explain(self, md5: str) -> tuple[Stored, list[str]]:
        """Return the object whose md5 begins so, and everything that keeps it. Raises UsageFailure."""
        found = [stored for stored in stored_objects(self.store) if stored.md5.startswith(md5)]
        found = [stored for stored in found if stored.md5 == md5] or found
        if not re.fullmatch(r"[0-9a-f]{4,32}(\.dir)?", md5) or len({stored.md5[:32] for stored in found}) != 1:
            what = "several objects begin" if found and len(md5) >= 4 else "no object of the cache begins"
            raise UsageFailure(Diagnostic("unknown-object", f"{what} with {md5}", hint="an md5 of pipeline.lock"))
        stored = found[0]
        reasons = [f"{claim.called}: {claim.file}" for claim in self.claims() if stored.md5 in claim.md5s]
        young = ["it is younger than an hour"] if self._is_young(stored) else []
        return stored, [*dict.fromkeys(reasons), *young]

    def claims(self) -> Iterator[Claim]:
        """Yield everything that names objects."""
        tops: dict[Path, list[Path]] = {}
        folders = set()
        for place in self._places():
            top = git.root(place)
            if top is None:
                if (folder := dvc_root(place)) not in folders:
                    yield from self._in_folder(folder)
                folders.add(folder)
                yield from self._in_journal(place, place)
            else:
                tops.setdefault(top, []).append(place)
        for top, inside in tops.items():
            yield from self._in_repository(History(top), top, inside)

    def _places(self) -> list[Path]:
        """Return the projects that use the cache: the ones that were named, and the other pipelines around them."""
        around = (folder for place in self._named() for folder in sharing(place))
        return list(dict.fromkeys([*self._named(), *around]))

    def _named(self) -> list[Path]:
        return [path.resolve() for path in (self.root, *self.projects)]

    def _in_repository(self, history: History, top: Path, projects: Iterable[Path]) -> Iterator[Claim]:
        for tree in history.working_trees():
            yield from self._in_files(tree, history.files(tree, names_objects), top)
            blobs = history.staged(tree, names_objects)
            contents = history.contents(blob.id for blob in blobs)
            for blob in blobs:
                yield Claim("index", f"index of {tree.name}", blob.path, self.naming.named(contents[blob.id]))
            for project in projects:
                yield from self._in_journal(tree / project.resolve().relative_to(top.resolve()), project)
        names = [*history.names(), *self._recent(history)]
        blobs_of = history.wanted([name.commit for name in names], names_objects)
        contents = history.contents(blob.id for blobs in blobs_of.values() for blob in blobs)
        named = {one: self.naming.named(data) for one, data in contents.items()}
        for name in names:
            for blob in blobs_of[name.commit]:
                yield Claim(_kind(name), name.called, blob.path, named[blob.id])

    def _recent(self, history: History) -> Iterator[Name]:
        for number, dated in enumerate(history.commits()):
            age = (self.now - dated.time) / DAY
            if number < self.keep.commits or age <= self.keep.days:
                yield Name(f"commit {dated.commit[:8]} ({max(age, 0):.0f} days old)", dated.commit)

    def _in_files(self, folder: Path, files: Iterable[str], top: Path) -> Iterator[Claim]:
        called = "working tree" if folder == top else f"working tree {folder}"
        for file in files:
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):  # tracked, and deleted here
                yield Claim("working tree", called, file, self.naming.named((folder / file).read_bytes()))

    def _in_folder(self, folder: Path) -> Iterator[Claim]:
        yield from self._in_files(folder, files_below(folder, names_objects), folder)

    def _in_journal(self, project: Path, asked: Path) -> Iterator[Claim]:
        results = list(journal.read(Layout(project).journal).values())
        where = "journal" if project == asked else f"journal of {project}"
        for place, finished in enumerate(reversed(results)):
            if place < self.keep.results or (finished.step == FETCHING and self._is_recent(finished)):
                md5s = self.naming.expand(digest.md5 for digest in finished.outputs.values())
                yield Claim("journal", where, f"result of {finished.step}", md5s)

    def _is_recent(self, finished: Finished) -> bool:
        """Whether a snapshot came lately: a branch may pin it that no run has used, and its source be gone."""
        objects = [self.store.path(digest.md5) for digest in finished.outputs.values()]
        return any(path.exists() and self.now - path.stat().st_mtime <= self.keep.days * DAY for path in objects)

    def _is_young(self, stored: Stored) -> bool:
        return self.now - stored.changed < YOUNG_SECONDS

    def _notes(self) -> Iterator[str]:
        for place in dict.fromkeys([self.root, *self.projects]):
            top = git.root(place)
            if top is not None and History(top).shallow():
                yield f"{top.name} is a shallow clone: commits that are not here keep nothing"

    def _refuse_shared(self) -> None:
        """A cache outside of the project may be others' too, and only people know whose."""
        folder = cache_folder(self.root)
        if not folder.resolve().is_relative_to(dvc_root(self.root).resolve()) and not self.projects:
            message = f"the cache {folder} may be used by other projects: what they name is not known"
            hint = "name them: --project DIR, once for each; --project . if there is no other"
            raise PolicyRefused(Diagnostic("shared-cache", message, hint=hint))

    def _mutexes(self) -> Iterator[Path]:
        """Yield the locks of everything that may be at work on this cache: our runs, and dvc."""
        folder = cache_folder(self.root.resolve())
        roots = dict.fromkeys(
            place for place in self._places() if place in self._named() or Layout(place).state.is_dir()
        )
        for root in list(roots):
            if top := git.root(root):
                inside = root.relative_to(top.resolve())
                roots |= dict.fromkeys((tree / inside).resolve() for tree in History(top).working_trees())
        here = [root for root in roots if root.is_dir() and cache_folder(root) == folder]
        yield from (Layout(root).mutex for root in dict.fromkeys([self.root.resolve(), *here]))
        for repository in dict.fromkeys(dvc_root(root) for root in here):
            if (repository / DVC / "tmp").is_dir():
                yield repository / DVC / "tmp" / "lock"


def _kind(name: Name) -> str:
    if name.called.startswith("commit "):
        return "recent commit"
    return next((kind for kind in KINDS if name.called.startswith(kind)), "other name")
