"""Whether a worker would make of a step what it would become here: same Python, same packages, same runner."""

import functools
import hashlib
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from mlops_runner.execute.cluster.parcel import Terms
from mlops_runner.execute.system import misfits
from mlops_runner.plan.environment import Pin, differences, installed, python_minor

CARRIER = "distributed"  # its messages are understood by the same version alone
MOST_NAMED = 3


@functools.cache
def runner_digest() -> str:
    """Return a digest of this package's code."""
    folder = Path(__file__).parents[2]
    sha256 = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        sha256.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes())
    return sha256.hexdigest()


def needed(distributions: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what a worker must have installed: these distributions, and what carries the messages as it is here."""
    return tuple(sorted({**distributions, CARRIER: version(CARRIER)}.items()))


def differences_here(terms: Terms) -> list[str]:
    """Say in words where this process differs from what a run needs."""
    if python_minor() != terms.python:
        return [f"Python {python_minor()}, the lock has {terms.python}"]
    runner = [] if runner_digest() == terms.runner else ["its mlops_runner is another one"]
    return (
        runner
        + misfits(terms.needs)
        + differences([Pin(name, wanted, (), 0) for name, wanted in terms.distributions], installed(sys.path))
    )


def said(differences: list[str]) -> str:
    """Return differences as one line."""
    more = f" (and {len(differences) - MOST_NAMED} more)" if len(differences) > MOST_NAMED else ""
    return "; ".join(differences[:MOST_NAMED]) + more
