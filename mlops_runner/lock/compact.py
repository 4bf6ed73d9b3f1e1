"""A lock in a form that is read ten times faster: kept beside it, sealed, and believed for its very text alone."""

import hashlib
import json
from pathlib import Path

from mlops_runner.durable import seal, unseal
from mlops_runner.lock import codec, model
from mlops_runner.lock.model import Environment, Lock, Output, Stage

PLAIN = ("key", "spec", "env", "repro", "accepted")
MAPS = ("code", "inputs", "addresses", "params", "metrics", "gates")


def encode(text: str, lock: Lock) -> bytes:
    """Return the compact form of a lock, for the text that it was read from."""
    environments = {name: [found.digest, found.python] for name, found in lock.environments.items()}
    stages = {name: _stage(stage) for name, stage in lock.stages.items()}
    body = {"of": _identity(text), "environments": environments, "stages": stages}
    return seal(json.dumps(body, separators=(",", ":")).encode())


def decode(data: bytes, text: str) -> Lock | None:
    """Return the lock if the form is whole, and was made of this text by this code."""
    body = unseal(data)
    value = json.loads(body) if body else {}
    if value.get("of") != _identity(text):
        return None
    environments = {name: Environment(*found) for name, found in value["environments"].items()}
    stages = {}
    for name, (plain, maps, outputs) in value["stages"].items():
        files = {path: Output(*digests) for path, digests in outputs.items()}
        stages[name] = Stage(
            **dict(zip(PLAIN, plain, strict=True)), **dict(zip(MAPS, maps, strict=True)), outputs=files
        )
    return Lock(environments, stages)


def _stage(stage: Stage) -> list[object]:
    plain = [getattr(stage, name) for name in PLAIN]
    maps = [dict(getattr(stage, name)) for name in MAPS]
    return [plain, maps, {path: [output.md5, output.sha256] for path, output in stage.outputs.items()}]


def _identity(text: str) -> str:
    """Digest a text, and the code that reads it."""
    found = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    for file in (codec.__file__, model.__file__, __file__):
        found.update(Path(file).read_bytes())
    return found.hexdigest()
