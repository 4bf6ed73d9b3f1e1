"""What this machine has for steps: processors, memory, and graphics processors."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from mlops_runner.execute.isolation import GPU_VARIABLE

ASK_GPUS = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
ASK_SECONDS = 20
# What a container may take: of the control groups' second version, and of their first.
BOUNDS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int:
    """Return how many bytes of memory there are, or a container may take."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in BOUNDS:
        try:
            found.append(int(path.read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such group, or no bound ("max")
            continue
    return min(found)


def gpus(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the graphics processors that this process may use, as CUDA names them; none where nothing knows of any."""
    if (visible := environ.get(GPU_VARIABLE)) is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip() not in {"", "-1"})
    try:
        done = subprocess.run(ASK_GPUS, capture_output=True, text=True, timeout=ASK_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(done.stdout.split())


def first_gpus(number: int, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of as many graphics processors as somebody says there are."""
    known = gpus(environ) if GPU_VARIABLE in environ else ()
    return (*known, *(name for name in map(str, range(number)) if name not in known))[:number]
