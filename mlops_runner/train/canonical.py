"""One form for one estimator: the same fitted model gives the same skops bytes in every process.

What skops writes depends on memory addresses (object ids, member names), on the clock (zip dates) and on the
machine (thread counts). Here members are named by their content, ids and dates go, threads become 1, and the
padding inside records is zeroed.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlops_runner.digest import canonical_json

SCHEMA = "schema.json"
# What an estimator keeps of the machine it was trained on; no prediction depends on it.
THREAD_KEYS = frozenset({"n_jobs", "n_threads"})
NUMPY_MAGIC = b"\x93NUMPY"
EPOCH = (1980, 1, 1, 0, 0, 0)


def canonical(data: bytes) -> bytes:
    """Rewrite the bytes of a skops file. `canonical(canonical(x)) == canonical(x)`."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        schema = json.loads(source.read(SCHEMA))
        members: dict[str, bytes] = {}
        for node in nodes(schema):
            # Without ids skops builds shared objects once per use, which is what it does with their content anyway;
            # which small objects are shared differs between processes.
            node.pop("__id__", None)
            if isinstance(node.get("file"), str):
                content = _without_padding(source.read(node["file"]))
                node["file"] = _member_name(node["file"], content)
                members[node["file"]] = content
            _one_thread(node)
    _sort_sets(schema)
    # Key order is kept: skops pairs the keys of a dictionary with a list of their types by position.
    text = json.dumps(schema, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _archive({SCHEMA: text.encode("utf-8", "surrogatepass"), **dict(sorted(members.items()))})


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Walk every object of a skops schema, parents first. Iterative, because hostile files nest deeply."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "__loader__" in value:
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _member_name(old: str, content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:32]}.{old.rsplit('.', 1)[-1]}"


def _without_padding(content: bytes) -> bytes:
    """Zero the bytes between the fields of a record array: they hold whatever was in memory before."""
    if not content.startswith(NUMPY_MAGIC):
        return content
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.names is None:
        return content
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    buffer = io.BytesIO()
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()


def _one_thread(node: dict[str, Any]) -> None:
    if node["__loader__"] != "DictNode":
        return
    for key in THREAD_KEYS & node["content"].keys():
        value = node["content"][key]
        if value["__loader__"] == "JsonNode" and value["content"] != "null":
            value["content"] = "1"


def _sort_sets(schema: Any) -> None:
    for node in nodes(schema):
        if node["__loader__"] == "SetNode":
            node["content"].sort(key=canonical_json)


def _archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    # Stored, not deflated: compressed bytes depend on the build of zlib.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
