"""A kernel for one notebook: the step's own interpreter, spoken to through sockets in the step's folder."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode, from_dict

# Neither the folder in which it runs on the import path, nor a history on disk.
ARGUMENTS = ("--InteractiveShellApp.ignore_cwd=True", "--HistoryManager.enabled=False")
SOCKETS = "../kernel"  # below the step's folder, as seen from where the kernel runs: full paths may be too long
START_SECONDS = 120
LISTEN_SECONDS = 3600  # for what a cell has shown, once it is done: on a busy machine it comes late

if find_spec("ipykernel") is None:
    raise ImportError("No module named 'ipykernel'")


@dataclass(frozen=True, slots=True)
class Failed:
    """A cell that raised: what, with the lines of its traceback."""

    error: str
    message: str
    trace: Sequence[str]


@dataclass(frozen=True, slots=True)
class Died:
    """A kernel that ended by itself: exit code, negative for a signal; None when it is not known."""

    code: int | None


@dataclass(frozen=True, slots=True)
class Late:
    """A notebook that took too long."""


@dataclass(frozen=True, slots=True)
class Session:
    """Where a notebook runs and by what, what it sees, how long it may take, and who hears what its cells print."""

    work: Path
    folder: Path
    interpreter: str
    environment: Mapping[str, str]
    timeout: float | None
    say: Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What became of a notebook: its cells with their outputs, the last that started, and what ended it early."""

    cells: Sequence[Any]
    at: int | None = None
    problem: Failed | Died | Late | None = field(default=None)


def execute(notebook: Mapping[str, Any], session: Session) -> Outcome:
    """Run all cells of a notebook, in order, until one fails. The kernel is gone afterwards, whatever happened."""
    return asyncio.run(_executed(notebook, session))


async def _executed(notebook: Mapping[str, Any], session: Session) -> Outcome:
    client = _Client(from_dict(notebook), session)  # type: ignore[no-untyped-call]
    task = asyncio.ensure_future(
        client.async_execute(cwd=str(session.folder), env=dict(session.environment)),
    )
    done, _ = await asyncio.wait({task}, timeout=session.timeout)
    outcome = Outcome(client.nb.cells, client.at)
    if not done:
        await client.kernel.shutdown_kernel(now=True)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task
        outcome.problem = Late()
        return outcome
    try:
        task.result()
    except CellExecutionError as error:
        outcome.problem = Failed(error.ename, error.evalue, client.trace)
    except (DeadKernelError, RuntimeError):  # RuntimeError: before the first cell
        outcome.problem = Died(client.exit_code)
    return outcome


class _OwnInterpreter(KernelSpecManager):
    """Knows one kernel: the interpreter of the step."""

    def __init__(self, interpreter: str) -> None:
        super().__init__()
        self._interpreter = interpreter

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [self._interpreter, "-m", "ipykernel_launcher", "-f", "{connection_file}", *ARGUMENTS]
        return KernelSpec(argv=argv, display_name=kernel_name, language="python")


class _Client(NotebookClient):
    """Runs the cells of a notebook in a kernel of its own."""

    def __init__(self, notebook: NotebookNode, session: Session) -> None:
        super().__init__(
            notebook,
            kernel_name="python3",
            timeout=None,
            startup_timeout=START_SECONDS,
            iopub_timeout=LISTEN_SECONDS,
            shutdown_kernel="immediate",
            record_timing=False,
            store_widget_state=False,
            on_cell_execute=self._starts,
        )
        self.at: int | None = None
        self.trace: Sequence[str] = ()
        self._say = session.say
        self._process: Any = None
        self.kernel = AsyncKernelManager(
            kernel_name="python3",
            transport="ipc",
            ip=SOCKETS,
            connection_file=str(session.work / "kernel.json"),
            kernel_spec_manager=_OwnInterpreter(session.interpreter),
        )

    @property
    def exit_code(self) -> int | None:
        """How the kernel ended, if it did."""
        return self._process.poll() if self._process else None

    async def async_start_new_kernel(self, **kwargs: Any) -> None:
        await super().async_start_new_kernel(**kwargs)
        self._process = getattr(self.kernel.provisioner, "process", None)

    def create_kernel_manager(self) -> AsyncKernelManager:
        self.km = self.kernel
        return self.kernel

    def output(self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        if msg["msg_type"] == "stream":
            self._say(msg["content"]["text"])
        if msg["msg_type"] == "error":
            self.trace = msg["content"]["traceback"]
        return super().output(outs, msg, display_id, cell_index)

    def _starts(self, cell: NotebookNode, cell_index: int) -> None:  # noqa: ARG002
        self.at = cell_index
