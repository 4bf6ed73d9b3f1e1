"""The cache of compiled specs: fair because it is keyed by content, harmless because anything odd is a miss.

An entry holds the sha256 of every file it was compiled from, and is sealed. `plan` only reads it.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_runner.durable import seal, unseal
from mlops_runner.lock.model import Environment
from mlops_runner.plan.codec import compiled_from_json, compiled_json
from mlops_runner.plan.steps import Compiled

# What takes part in compiling; a test holds it against what is really imported.
ROOMS = (
    "specs", "plan", "evaluate/metrics/names.py", "train/trainers/catalogue.py", "errors.py",
    "lock/model.py", "store/patterns.py", "digest.py",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """What was compiled, the environments that dependency locks described, and the sha256 of every file behind all."""

    compiled: Compiled
    environments: Mapping[str, Environment]
    sources: Mapping[str, str]


def encode(entry: Entry, python: str) -> str:
    """Return the cache's text."""
    environments = {name: [found.digest, found.python] for name, found in entry.environments.items()}
    value = {
        "rules": rules(),
        "python": python,
        "sources": dict(entry.sources),
        "compiled": compiled_json(entry.compiled),
        "environments": environments,
    }
    return seal(json.dumps(value, separators=(",", ":")).encode()).decode()


def decode(text: bytes, python: str) -> Entry | None:
    """Return the entry if it is whole and made by these rules. Whether it is still true is what `fresh` says."""
    body = unseal(text)
    value = json.loads(body) if body else {}
    if value.get("rules") != rules() or value["python"] != python:
        return None
    environments = {name: Environment(*found) for name, found in value["environments"].items()}
    return Entry(compiled_from_json(value["compiled"]), environments, value["sources"])


def source_digest(data: bytes) -> str:
    """Digest a source file for the cache."""
    return _sha256(data)


def rules() -> str:
    """Identify the code that compiles, by its content, and the interpreter that evaluates markers."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256(f"{sys.version} {os.uname().machine}".encode())
    for room in ROOMS:
        path = package / room
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest.update(f"\n{file.name} ".encode() + file.read_bytes())
    return digest.hexdigest()


def fresh(sources: Mapping[str, str], read: Callable[[str], bytes | None]) -> bool:
    """Say whether every source still has the same content."""
    return all((data := read(file)) is not None and _sha256(data) == digest for file, digest in sources.items())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
