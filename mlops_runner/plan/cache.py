"""The cache of compiled specs: fair because it is keyed by content, harmless because anything odd is a miss.

An entry holds the sha256 of every file it was compiled from and a digest of itself. `plan` only reads it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.digest import canonical_json
from mlops_runner.lock.model import Environment
from mlops_runner.plan.codec import compiled_from_json, compiled_json
from mlops_runner.plan.steps import Compiled

ROOMS = ("specs", "plan", "evaluate/metrics/names.py", "train/trainers/names.py")


@dataclass(frozen=True, slots=True)
class Entry:
    """What was compiled, the environment its dependency lock described, and the sha256 of every file behind both."""

    compiled: Compiled
    environment: Environment | None
    sources: Mapping[str, str]


def encode(entry: Entry, python: str) -> str:
    """Return the cache's text."""
    environment = entry.environment and [entry.environment.digest, entry.environment.python]
    value = {
        "rules": rules(),
        "python": python,
        "sources": dict(entry.sources),
        "compiled": compiled_json(entry.compiled),
        "environment": environment,
    }
    text = canonical_json(value)
    return json.dumps({"digest": _sha256(text.encode()), "entry": text})


def decode(text: bytes, read: Callable[[str], bytes | None], python: str) -> Entry | None:
    """Return the entry if it is whole, made by these rules, and every source still has the same content."""
    try:
        outer = json.loads(text)
        if _sha256(outer["entry"].encode()) != outer["digest"]:
            return None
        value = json.loads(outer["entry"])
        if value["rules"] != rules() or value["python"] != python or not fresh(value["sources"], read):
            return None
        environment = Environment(*value["environment"]) if value["environment"] else None
        return Entry(compiled_from_json(value["compiled"]), environment, value["sources"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def source_digest(data: bytes) -> str:
    """Digest a source file for the cache."""
    return _sha256(data)


def rules() -> list[list[str | int]]:
    """Identify the code that compiles: name, size and time stamp of each of its files."""
    package = Path(__file__).parent.parent
    found: list[list[str | int]] = []
    for room in ROOMS:
        path = package / room
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            if file.exists():
                status = file.stat()
                found.append([file.name, status.st_size, status.st_mtime_ns])
    return found


def fresh(sources: Mapping[str, str], read: Callable[[str], bytes | None]) -> bool:
    """Say whether every source still has the same content."""
    return all((data := read(file)) is not None and _sha256(data) == digest for file, digest in sources.items())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
