"""JSON Schemas from the models: run it when a model has changed, `python -m mlops_runner.specs.schema_source`."""

import json
from pathlib import Path
from typing import Any

from mlops_runner.specs.schema import KINDS, model_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def generated(kind: str) -> str:
    """Return the text of the schema that the model of a kind stands for."""
    schema = model_of(kind).model_json_schema()
    body = {key: _plain(value) for key, value in schema.items()}
    found = {"$schema": DIALECT, "$id": f"urn:mlops:v1:{kind.lower()}", **body}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _plain(node: Any) -> Any:
    """Drop what only OpenAPI knows (discriminator) and the titles that repeat the keys."""
    if isinstance(node, list | tuple):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if key == "properties":
            kept[key] = {name: _untitled(_plain(field)) for name, field in value.items()}
        elif key in {"default", "examples", "enum", "const"}:
            kept[key] = value
        elif key != "discriminator":
            kept[key] = _plain(value)
    return kept


def _untitled(field: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in field.items() if key != "title"}


if __name__ == "__main__":
    for kind in KINDS:
        (Path(__file__).parent / "schemas" / f"{kind.lower()}.json").write_text(generated(kind), encoding="utf-8")
