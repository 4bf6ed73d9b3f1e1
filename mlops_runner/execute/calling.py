"""A call of a function of the project: with paths and values, by name.

It may be made in an environment in which nothing is installed: this module, and all that it imports, needs the standard
library alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_runner.errors import Diagnostic, InvalidInput, MlopsError
from mlops_runner.execute.messages import Reply
from mlops_runner.execute.returned import metrics_of
from mlops_runner.execute.watch import Watch
from mlops_runner.train.project_code import find, guarded


@dataclass(frozen=True, slots=True)
class Call:
    """A function, `package.module:function`, and its arguments; where the project lies, and where the step runs.

    paths: what it gets as a path, or as a list of paths; values: what it gets as it is; shown: files in the project
    that it may open by their paths there.
    """

    who: str
    paths: Mapping[str, str | Sequence[str]]
    values: Mapping[str, Any]
    shown: Sequence[str]
    project: str
    work: str

    def make(self) -> Reply:
        """Import the function, call it, and return what it says of itself. Raises StepFailed."""
        function = guarded(self.who, lambda: find(self.who, "callable"))
        watch = Watch(Path(self.project), Path(self.work), self.shown)
        watch.start()
        paths = {
            name: Path(found) if isinstance(found, str) else [Path(path) for path in found]
            for name, found in self.paths.items()
        }
        returned = guarded(self.who, lambda: function(**paths, **self.values))
        return Reply("done", metrics_of(returned, f"{self.who} returned"), surprises=watch.surprises())

    def answered(self) -> Reply:
        """Make the call; what it complains about becomes a reply."""
        try:
            return self.make()
        except InvalidInput as error:
            return Reply("invalid", diagnostics=error.diagnostics)
        except MlopsError as error:
            return Reply("failed", diagnostics=error.diagnostics)
        except MemoryError as error:
            return Reply("failed", diagnostics=(Diagnostic("callable-failed", f"{self.who}: MemoryError: {error}"),))
