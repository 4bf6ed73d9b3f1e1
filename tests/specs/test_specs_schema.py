import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from spec_texts import assert_points, broken, marked

from mlops_runner.errors import UsageFailure
from mlops_runner.specs.complaints import complaints
from mlops_runner.specs.locations import Document, load_yaml
from mlops_runner.specs.schema import KINDS, check, example, export, json_schema, model_of, schema_text
from mlops_runner.specs.schema_source import generated

ROOT = Path(__file__).parents[2]
STRUCTURE = {
    "unknown-key",
    "misplaced-key",
    "missing-key",
    "wrong-type",
    "invalid-choice",
    "out-of-range",
    "plain-secret",
}


def document(kind, text=None):
    return load_yaml((text or example(kind)).encode(), f"{kind.lower()}.yaml")


def model_codes(kind, value):
    model = model_of(kind)
    try:
        model.model_validate(value)
    except ValidationError as error:
        return {d.code for d in complaints(error, Document("x.yaml", "", value, {}), model)}
    return set()


def schema_codes(kind, value):
    return {d.code for d in check(Document("x.yaml", "", value, {}), kind)}


def nodes(value, path=()):
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
    for key, item in items:
        yield from nodes(item, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    if isinstance(value, dict):
        return {key: replaced(item, path[1:], new) if key == path[0] else item for key, item in value.items()}
    return tuple(replaced(item, path[1:], new) if i == path[0] else item for i, item in enumerate(value))


WRONG = [{"zzz": {"zzz": ()}}, None, ((),), "no such word", -123456789.5, True]


def mutations(value):
    """Add an unknown key to every mapping, drop every key, replace every value by two of six wrong ones."""
    for position, (path, node) in enumerate(nodes(value)):
        if isinstance(node, dict):
            yield path, "unknown key", replaced(value, path, {**node, "zzz_unknown": ()})
            for key in node:
                yield (*path, key), "dropped", replaced(value, path, {k: v for k, v in node.items() if k != key})
        for wrong in (WRONG[position % 6], WRONG[(position + 3) % 6]):
            yield path, repr(wrong), replaced(value, path, wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_passes_the_model_and_the_schema(kind):
    assert model_of(kind).model_validate(document(kind).value).kind == kind
    assert check(document(kind), kind) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_names_its_schema(kind):
    first = example(kind).split("\n")[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    path = ROOT / "mlops_runner/specs/examples" / first.removeprefix(prefix)
    assert path.resolve() == ROOT / "mlops_runner/specs/schemas" / f"{kind.lower()}.json"


@pytest.mark.parametrize("kind", KINDS)
def test_model_and_schema_refuse_the_same_structures(kind):
    value = document(kind).value
    count = 0
    for path, what, mutated in mutations(value):
        by_model, by_schema = model_codes(kind, mutated), schema_codes(kind, mutated)
        assert not by_schema or by_model, f"{path} {what}: only the schema refuses it: {by_schema}"
        assert by_schema or not by_model & STRUCTURE, f"{path} {what}: only the model refuses it: {by_model}"
        count += bool(by_schema)
    assert count > 30


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("Pipeline", "name: churn", "nam: churn"),
        ("Pipeline", "reproducibility: bitwise", "reproducibility: bitwize"),
        ("Data", "  kind: csv", "  kind: cvs"),
        ("Data", "  seed: 7", "  seed: seven"),
        ("Training", "task: binary\n", ""),
        ("Evaluation", "digits: 6", "digits: 16"),
        ("Rollout", "{gateway: error}", "{gatway: error}"),
        ("Rollout", "{secret: MLOPS_WEBHOOK_URL}", "MLOPS_WEBHOOK_URL"),
        ("Rollout", "max_duration: 12h", "max_duration: 12 hours"),
        ("Monitoring", "{kind: concept, test: adwin", "{kind: concept, test: ks"),
        ("Environment", "port: 8080", "port: 99999"),
        ("Environment", "digest: sha256:000", "digest: md5:000"),
        ("Model", "created_from: 5e8f", "created_from: HEAD"),
        ("Model", "  - {name: age, type: int}", "  - {name: age}"),
    ],
)
def test_a_structural_fault_fails_in_both(kind, old, new):
    value = document(kind, broken(kind, (old, new)).text).value
    assert model_codes(kind, value)
    assert schema_codes(kind, value)


def closed(schema):
    if isinstance(schema, dict):
        if "properties" in schema:
            assert schema.get("additionalProperties") is False, schema.get("title")
        for value in schema.values():
            closed(value)
    elif isinstance(schema, list):
        for item in schema:
            closed(item)


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_closed_and_described_and_names_its_dialect(kind):
    schema = json_schema(kind)
    closed(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:mlops:v1:{kind.lower()}"
    assert schema["description"]
    fields = {name: field for name, field in schema["properties"].items() if name != "kind"}
    assert all("description" in field or "$ref" in field for field in fields.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_valid_draft_2020_12(kind):
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(json_schema(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schema_is_the_generated_one(kind):
    assert schema_text(kind) == generated(kind), "run: python -m mlops_runner.specs.schema_source"


def test_export_writes_one_file_for_each_kind(tmp_path):
    paths = export(tmp_path / "schemas")
    assert [path.name for path in paths] == [f"{kind.lower()}.json" for kind in KINDS]
    assert json.loads(paths[0].read_text("utf-8")) == json_schema("Pipeline")


@pytest.mark.parametrize(
    ("kind", "old", "new", "code", "hint"),
    [
        ("Rollout", "  weight: 10\n", "  «wieght: 10\n", "unknown-key", 'did you mean "weight"?'),
        ("Rollout", "strategy: canary", "strategy: «canry", "schema-mismatch", None),
        ("Rollout", "- {when: load_failed}", "- {when: load_failed, «count: 1}", "unknown-key", "known keys: when"),
        ("Training", "select:\n  metric: roc_auc", "«select:", "missing-key", "add metric: …"),
        ("Data", "  seed: 7", "  seed: «seven", "schema-mismatch", None),
        ("Evaluation", "    min: 0.8", "    min: «high", "schema-mismatch", None),
    ],
)
def test_the_check_points_at_the_fault(kind, old, new, code, hint):
    variant = broken(kind, (old, new))
    (found,) = check(document(kind, variant.text), kind)
    assert (found.code, found.hint) == (code, hint)
    assert_points(found, variant)


def test_the_check_reports_every_missing_and_every_unknown_key():
    text = "apiVersion: mlops/v1\nkind: Pipeline\none: 1\ntwo: 2\n"
    found = check(document("Pipeline", text), "Pipeline")
    assert [d.message for d in found] == [
        'the document needs the key "name"',
        'key "one" is not known',
        'key "two" is not known',
    ]
    assert [d.place.line for d in found] == [1, 3, 4]


def test_an_unknown_kind_is_refused_with_a_hint():
    with pytest.raises(UsageFailure) as caught:
        model_of("Rolout")
    assert caught.value.diagnostics[0].hint == 'did you mean "Rollout"?'


def test_the_table_of_kinds_imports_no_model():
    code = "import sys, mlops_runner.specs.schema; print(sorted(m for m in sys.modules if m.startswith(('mlops_runner.specs.roll', 'mlops_runner.specs.env', 'jsonschema', 'numpy', 'polars'))))"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_mark_is_found_in_line_and_column():
    assert (marked("a: 1\nb: «2\n").line, marked("a: 1\nb: «2\n").column) == (2, 4)
