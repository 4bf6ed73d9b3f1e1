"""Where a project keeps its local, untracked state."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one project. Everything below `.mlops` may be removed at the price of time."""

    root: Path

    @property
    def state(self) -> Path:
        """The folder of local state."""
        return self.root / ".mlops"

    @property
    def journal(self) -> Path:
        """The run journal."""
        return self.state / "journal.jsonl"

    @property
    def mutex(self) -> Path:
        """The file whose lock keeps two runners apart."""
        return self.state / "runner.lock"

    @property
    def stats(self) -> Path:
        """The stat cache."""
        return self.state / "stats.json"

    @property
    def folders(self) -> Path:
        """What is known of folders that are read."""
        return self.state / "folders"

    @property
    def compiled(self) -> Path:
        """The cache of compiled specs."""
        return self.state / "compiled.json"

    @property
    def parsed_lock(self) -> Path:
        """The lock in the form that is read fast."""
        return self.state / "lock.json"

    @property
    def work(self) -> Path:
        """The folder in which steps run."""
        return self.state / "work"

    @property
    def environments(self) -> Path:
        """The environments of steps that do not run in the project's own, by their digests."""
        return self.state / "environments"

    @property
    def experiments(self) -> Path:
        """The experiment log."""
        return self.state / "experiments.sqlite"

    @property
    def searches(self) -> Path:
        """What searches that have not ended remember, one file a key."""
        return self.state / "searches"

    @property
    def logs(self) -> Path:
        """One log a step, of its last execution."""
        return self.state / "logs"

    @property
    def replaced(self) -> Path:
        """Files that were not ours and lay where an artifact belongs."""
        return self.state / "replaced"

    @property
    def report(self) -> Path:
        """The report of the last run."""
        return self.state / "report.html"
