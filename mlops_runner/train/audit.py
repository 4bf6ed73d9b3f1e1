"""Look into a skops file before anything is built from it: sizes, names, loaders and types, against literal lists."""

import io
import json
import re
import zipfile
from typing import Any

import numpy as np

from mlops_runner.errors import Diagnostic, NotVerified
from mlops_runner.train.canonical import SCHEMA, nodes

# The protocol decides which code reads the nodes; older ones had bypasses.
PROTOCOL = 2
MEMBER = re.compile(r"[0-9a-f]{32}\.npy")
MAX_MEMBERS = 1_000_000
_LOADERS = """
    DTypeNode DictNode JsonNode ListNode LossNode NdArrayNode ObjectNode
    RandomGeneratorNode RandomStateNode SetNode SliceNode TreeNode TupleNode TypeNode"""
_VALUES = """
    builtins.bool builtins.dict builtins.float builtins.int builtins.list builtins.set builtins.slice builtins.str
    builtins.tuple numpy.bool numpy.bool_ numpy.dtype numpy.float32 numpy.float64 numpy.int32 numpy.int64 numpy.intp
    numpy.ndarray numpy.object_ numpy.random._generator.Generator numpy.random.mtrand.RandomState numpy.str_
    numpy.uint32 numpy.uint64 numpy.uint8"""
LOADERS = frozenset(_LOADERS.split())
VALUES = frozenset(_VALUES.split())


def audit(data: bytes, allowed: frozenset[str], name: str) -> None:
    """Raise NotVerified unless the file is a canonical skops file made of the allowed types alone.

    allowed: import paths besides the plain values. name: of the file, for the message. Nothing is imported or built.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_members(archive, len(data), name)
            schema = json.loads(archive.read(SCHEMA))
            _check_nodes(schema, allowed | VALUES, set(archive.namelist()), name)
            for member in archive.namelist():
                if member != SCHEMA:
                    _check_array(archive.read(member), name)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, RecursionError, EOFError) as error:
        raise _unsafe(name, f"it is damaged ({type(error).__name__})") from error


def _check_members(archive: zipfile.ZipFile, size: int, name: str) -> None:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(entries) > MAX_MEMBERS or len(set(names)) != len(names):
        raise _unsafe(name, "it has too many members, or two of the same name")
    for entry in entries:
        if entry.filename != SCHEMA and not MEMBER.fullmatch(entry.filename):
            raise _unsafe(name, f"it has a member called {entry.filename[:80]!r}")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise _unsafe(name, "it is compressed, so its true size is not known")
    if sum(entry.file_size for entry in entries) > size:
        raise _unsafe(name, "its members overlap")


def _check_nodes(schema: Any, allowed: frozenset[str], members: set[str], name: str) -> None:
    if type(schema["protocol"]) is not int or schema["protocol"] != PROTOCOL:
        raise _unsafe(name, f"it has protocol {schema['protocol']!r}, not {PROTOCOL}")
    if "__loader__" not in schema:
        raise _unsafe(name, "it holds no object")
    for node in nodes(schema):
        type_name = f"{node['__module__']}.{node['__class__']}"
        if node["__loader__"] not in LOADERS or "__id__" in node:
            raise _unsafe(name, f"it uses {node['__loader__']} for {type_name}")
        if type_name not in allowed:
            raise _unsafe(name, f"it holds {type_name}")
        if "file" in node and node["file"] not in members - {SCHEMA}:
            raise _unsafe(name, f"it names a member that is not there: {str(node['file'])[:80]!r}")


def _check_array(content: bytes, name: str) -> None:
    """Refuse an array whose header claims more than the bytes that follow, or needs pickle."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    claimed = dtype.itemsize
    for length in shape:
        claimed *= length
    if dtype.hasobject or claimed != len(content) - stream.tell():
        raise _unsafe(name, "an array is not as large as it says")


def _unsafe(name: str, why: str) -> NotVerified:
    hint = "restore the file from the cache or a remote, or train again"
    return NotVerified(Diagnostic("unsafe-model", f"{name} is not a model we stored: {why}", hint=hint))
