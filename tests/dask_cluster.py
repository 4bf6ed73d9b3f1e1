"""A Dask cluster of one's own: scheduler and workers as processes, on loopback and in a folder that goes with it."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SETTINGS = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}


@dataclass
class Cluster:
    """A scheduler, and workers that are started and killed one by one."""

    folder: Path
    scheduler: "subprocess.Popen[bytes]"
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the scheduler listens."""
        return str(json.loads((self.folder / "scheduler.json").read_text())["address"])

    def add_worker(self, *options: str, **variables: str) -> "subprocess.Popen[bytes]":
        """Start a worker, which comes when it comes."""
        name = f"worker-{len(self.workers)}"
        arguments = [
            "worker", self.address, "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--nthreads", "1",
            "--local-directory", str(self.folder / name), *options,
        ]  # fmt: skip
        worker = _started(self.folder, name, *arguments, **variables)
        self.workers.append(worker)
        return worker

    def said(self) -> str:
        """Return what scheduler and workers have logged."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def left(self) -> list[str]:
        """Return what runs have left in the folders of the workers."""
        return sorted(path.name for path in self.folder.glob("worker-*/dask-scratch-space/*/mlops-*"))

    def steps(self) -> list[psutil.Process]:
        """Return the processes below the workers that may run steps."""
        found = []
        for worker in self.workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                found += psutil.Process(worker.pid).children(recursive=True)
        return found


def _started(folder: Path, name: str, *arguments: str, **variables: str) -> "subprocess.Popen[bytes]":
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            env={**os.environ, **SETTINGS, **variables}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[Cluster]:
    """Yield a cluster with as many workers of one thread each."""
    with tempfile.TemporaryDirectory(prefix="dask-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        file = folder / "scheduler.json"
        arguments = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        scheduler = _started(folder, "scheduler", "scheduler", *arguments, "--scheduler-file", str(file))
        found = Cluster(folder, scheduler)
        try:
            wait_until(lambda: file.exists() and file.read_text().endswith("}"))
            for _ in range(workers):
                found.add_worker()
            yield found
        finally:
            for process in (*found.workers, scheduler):
                process.kill()
                process.wait()


def wait_until(condition, seconds: float = 60.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
