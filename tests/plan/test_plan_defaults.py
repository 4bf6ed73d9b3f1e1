"""Defaults are in no key. So one that changes must raise the version of the step it is for: this file notices."""

import json
from pathlib import Path

from mlops_runner.digest import canonical_json, digest_bytes
from mlops_runner.plan import versions

SCHEMAS = Path(__file__).parents[2] / "mlops_runner" / "specs" / "schemas"

# kind of document → version of the step, and sha256 of the defaults it was released with. Adding a field adds a line
# to the defaults: correct the digest alone. Changing a default changes results: raise the version in plan/versions.py.
RELEASED = {
    "data": (versions.DATA_VERSION, "26da0ab31ee9ef5e"),
    "training": (versions.TRAIN_VERSION, "ba10ced5d2618141"),
    "evaluation": (versions.EVALUATE_VERSION, "dbe78a73bda8f692"),
}


def defaults(schema, path=""):
    if isinstance(schema, dict):
        if "default" in schema:
            yield path, schema["default"]
        for key, value in schema.items():
            yield from defaults(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for position, value in enumerate(schema):
            yield from defaults(value, f"{path}/{position}")


def test_no_default_has_changed_unnoticed():
    found = {}
    for kind, (version, _) in RELEASED.items():
        schema = json.loads((SCHEMAS / f"{kind}.json").read_text())
        listed = {path: value for path, value in defaults(schema) if "/examples/" not in path}
        found[kind] = (version, digest_bytes(canonical_json(listed).encode()).sha256[:16])
    assert found == RELEASED
