"""Where a cluster comes from: a scheduler whose address is given, or workers on this machine, for one run."""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
from distributed import Client, LocalCluster
from distributed.security import Security

from mlops_runner.errors import Diagnostic, InvalidInput, StepFailed
from mlops_runner.execute.cluster.fitness import said
from mlops_runner.execute.cluster.parcel import Terms
from mlops_runner.execute.cluster.site import open_site

LOOPBACK = "127.0.0.1"
ATTEMPTS = 3  # deaths of workers under a step that are put up with, in a cluster of our own
SCHEDULER_HINT = "is it running, and does a firewall or TLS stand between? see docs/distributed.md"


@dataclass(frozen=True, slots=True)
class Offer:
    """What the workers of a cluster offer: threads, and whether they count those of steps as a resource of Dask."""

    slots: int
    threads: int | None = None  # the most that one worker has, if they count


@contextlib.contextmanager
def connected(scheduler: str | None, folder: Path, workers: int) -> Iterator[Client]:
    """Yield a client of a cluster. Raises StepFailed when nobody answers in Dask's time limit."""
    _silence()
    with contextlib.ExitStack() as stack:
        cluster = scheduler or stack.enter_context(_local(folder, workers))
        client = _client(cluster)
        stack.callback(_close, client)
        yield client


def _silence() -> None:
    """Have Dask say nothing in this process: the runner says itself what is wrong."""
    for name in [
        name for name in logging.root.manager.loggerDict if name.partition(".")[0] in {"distributed", "tornado"}
    ]:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _client(cluster: Any) -> Client:
    try:
        return Client(cluster, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
        limit = dask.config.get("distributed.comm.timeouts.connect")
        message = f"no Dask scheduler answers at {cluster} (time limit {limit}): {_line(error)}"
        raise StepFailed(Diagnostic("no-scheduler", message, hint=SCHEDULER_HINT)) from None


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).partition("\n")[0]


@contextlib.contextmanager
def _local(folder: Path, workers: int) -> Iterator[LocalCluster]:
    """Start a cluster that nobody else can reach: on the loopback, and with keys that nobody else has."""
    settings = {
        "distributed.scheduler.allowed-failures": ATTEMPTS,
        "distributed.worker.daemon": True,
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host=LOOPBACK,
            protocol="tls://",
            security=Security.temporary(),
            dashboard_address=f"{LOOPBACK}:0",
            worker_dashboard_address=f"{LOOPBACK}:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
            local_directory=str(folder),
            memory_limit=0,
        ) as cluster,
    ):
        yield cluster


def _close(client: Client) -> None:
    with contextlib.suppress(OSError, TimeoutError, RuntimeError):
        client.close(timeout=2)


def opened(client: Client, terms: Terms, local: bool) -> Offer:
    """Make every worker ready for a run. Raises InvalidInput for those that differ from what the lock says."""
    patience = dask.config.get("distributed.comm.timeouts.connect")
    try:
        client.wait_for_workers(1, timeout=patience)
        found: Mapping[str, Any] = client.run(open_site, terms, on_error="return")
        offered = client.scheduler_info()["workers"]
    except (OSError, TimeoutError) as error:
        message = f"the Dask cluster has no worker (time limit {patience}): {_line(error)}"
        raise StepFailed(Diagnostic("no-workers", message, hint="start one: dask worker ADDRESS")) from None
    where = "a worker of the local cluster" if local else "the worker {}"
    problems = [
        Diagnostic(
            "environment-differs",
            f"{where.format(address)} differs: {_why(answer)}",
            hint="install there what is installed here: the dependency lock, mlops_runner and its extra distributed",
        )
        for address, answer in sorted(found.items())
        if isinstance(answer, BaseException) or answer
    ]
    if problems:
        raise InvalidInput(problems)
    counting = [worker["resources"]["threads"] for worker in offered.values() if "threads" in worker["resources"]]
    return Offer(sum(worker["nthreads"] for worker in offered.values()), int(max(counting)) if counting else None)


def counted(client: Client) -> int:
    """Return how many workers there are. Raises OSError or TimeoutError when the scheduler is gone, or says nothing."""
    limit = dask.config.get("distributed.comm.timeouts.tcp")
    scheduler: Any = client.scheduler
    return len(client.sync(scheduler.ncores, callback_timeout=limit))


def _why(answer: BaseException | list[str]) -> str:
    return _line(answer) if isinstance(answer, BaseException) else said(answer)
