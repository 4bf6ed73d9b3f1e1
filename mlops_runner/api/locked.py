"""pipeline.lock of a project: read fast, as git has it, and written whole."""

from dataclasses import dataclass, field

from mlops_runner.durable import write_bytes, write_text
from mlops_runner.errors import Diagnostic, InvalidInput, Place
from mlops_runner.lock.codec import emit, parse
from mlops_runner.lock.compact import decode, encode
from mlops_runner.lock.merge import has_conflicts, sides
from mlops_runner.lock.model import FILE_NAME, Lock
from mlops_runner.store.layout import Layout


@dataclass(slots=True)
class LockFile:
    """The lock of one project. It is parsed once for each text, and by `remember` not even that."""

    layout: Layout
    _parsed: tuple[str, Lock] | None = field(default=None, repr=False)
    _kept: str = field(default="", repr=False)  # the text whose fast form is there

    def text(self) -> str:
        """Return the lock's text as it stands, conflict markers included. Raises FileNotFoundError, InvalidInput."""
        try:
            return (self.layout.root / FILE_NAME).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            place = Place(FILE_NAME)
            message = "pipeline.lock is not text"
            raise InvalidInput(Diagnostic("lock-syntax", message, place, "take it from git")) from None

    def read(self) -> Lock:
        """Return the lock; an absent one is empty. Raises InvalidInput."""
        try:
            text = self.text()
        except FileNotFoundError:
            return Lock()
        if self._parsed is None or self._parsed[0] != text:
            found = self._compact(text)
            self._kept = text if found else ""
            self._parsed = (text, found or parse(text))
        return self._parsed[1]

    def _compact(self, text: str) -> Lock | None:
        try:
            return decode(self.layout.parsed_lock.read_bytes(), text)
        except OSError:
            return None

    def remember(self) -> None:
        """Keep the lock in the form that is read fast, for the next command. Raises OSError."""
        lock = self.read()
        if self._parsed is not None and self._kept != self._parsed[0]:
            write_bytes(self.layout.parsed_lock, encode(self._parsed[0], lock))
            self._kept = self._parsed[0]

    def at(self, revision: str) -> Lock:
        """Return the lock as it was at a git revision; empty if there was none. Raises UsageFailure."""
        from mlops_runner.gitops import git

        root = self.layout.root
        found = git.read(root, git.resolve(root, revision), FILE_NAME)
        return parse(found.decode("utf-8", "replace"), f"{revision}:{FILE_NAME}") if found is not None else Lock()

    def sides(self) -> tuple[Lock, Lock]:
        """Return our and their lock of an unfinished merge; without one, the present lock twice. Raises InvalidInput.

        They come from git where it has them: conflict markers may mix both sides within one stage.
        """
        from mlops_runner.gitops import git

        text = self.text()
        found = git.unmerged(self.layout.root, FILE_NAME)
        # a driver that came to nothing leaves our side as it was
        if not has_conflicts(text) and (found is None or found[0] != text.encode()):
            return self.read(), self.read()
        if found is not None:
            ours, theirs = (parse(side.decode("utf-8", "replace")) for side in found)
            return ours, theirs
        return sides(text)

    def write(self, lock: Lock) -> None:
        """Replace the lock durably; the caller keeps runs out."""
        write_text(self.layout.root / FILE_NAME, emit(lock))
