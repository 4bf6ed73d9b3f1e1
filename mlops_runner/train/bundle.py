"""The model bundle: a candidate's files and bundle.json, which says what the model reads, gives, and must answer.

`write_bundle` is the last step of training; `load_bundle` is what serving, prediction and notebooks call.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from pydantic import ValidationError
from pydantic_core import from_json

from mlops_runner.digest import digest_file
from mlops_runner.durable import copy_file
from mlops_runner.errors import Diagnostic, InvalidInput, NotVerified
from mlops_runner.specs.data import Column
from mlops_runner.specs.task import DECIDED_BY_THRESHOLD
from mlops_runner.train.artifacts import RECORD, Candidate, load_candidate, read_record, remove_earlier
from mlops_runner.train.features import Schema
from mlops_runner.train.model import Model
from mlops_runner.train.probe import probe_of
from mlops_runner.train.record import CandidateRecord, FileName, StoredFile, decode_candidate, encode
from mlops_runner.train.reference import REFERENCE, Reference, encode_reference
from mlops_runner.train.signature import FORMAT, BundleRecord, ColumnSignature, Probe

BUNDLE = "bundle.json"


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """What a bundle says besides the model: its name, decision threshold, columns and measured quality.

    threshold: of a binary task; one for each label of a multilabel task.
    reference: profiles of the rows and the predictions, for reference.json.
    """

    name: str
    threshold: float | tuple[float, ...] | None
    columns: Mapping[str, Column]
    metrics: Mapping[str, float | int] = field(default_factory=dict)
    reference: Reference | None = None


def write_bundle(candidate: Path, out: Path, facts: BundleFacts, probe: pl.DataFrame) -> dict[str, float | int]:
    """Copy a candidate's files into `out` and write bundle.json beside them; rebuilt, it has the same bytes.

    probe: rows whose predictions are recorded (see `probe`), so that any later reader can check itself.
    Returns the size of the bundle and the number of probe rows. Raises NotVerified, InvalidInput, OSError.
    """
    if out.resolve() == candidate.resolve():
        raise ValueError("a bundle needs a folder of its own")
    loaded = load_candidate(candidate, project_code=True)
    if facts.threshold is not None and loaded.schema.task not in DECIDED_BY_THRESHOLD:
        message = f"a {loaded.schema.task} model has no decision threshold"
        raise InvalidInput(Diagnostic("needless-threshold", message, hint="remove it"))
    remove_earlier(out)
    for earlier in (BUNDLE, REFERENCE):
        (out / earlier).unlink(missing_ok=True)
    names: list[FileName] = [RECORD, *sorted(loaded.record.files)]
    for name in names:
        copy_file(candidate / name, out / name)
    if facts.reference is not None:
        (out / REFERENCE).write_bytes(encode_reference(facts.reference))
        names.append(REFERENCE)
    record = _record(loaded, facts, probe_of(loaded, probe), {name: _stored(out / name) for name in names})
    (out / BUNDLE).write_bytes(encode(record))
    size = sum((out / name).stat().st_size for name in (*names, BUNDLE))
    return {"size_bytes": size, "probe_rows": len(record.probe.rows)}


def load_bundle(folder: Path, expected: Mapping[str, str] | None = None, *, project_code: bool = False) -> Model:
    """Read a bundle after checking every sha256. expected, project_code: as in `load_candidate`, bundle.json at least.

    Raises NotVerified for a missing, altered or foreign file.
    """
    data = read_record(folder / BUNDLE, expected)
    record = _decoded(data)
    digests: dict[str, str] = {name: stored.sha256 for name, stored in record.files.items()}
    candidate = load_candidate(folder, digests, project_code=project_code)
    _refuse_contradiction(record, candidate.schema)
    reference = read_record(folder / REFERENCE, digests) if REFERENCE in digests else None
    return Model(record, candidate, reference)


def read_records(folder: Path, expected: Mapping[str, str]) -> tuple[BundleRecord, CandidateRecord]:
    """Read what a bundle says, without its model. expected: as in `load_bundle`. Raises NotVerified."""
    record = _decoded(read_record(folder / BUNDLE, expected))
    return record, decode_candidate(read_record(folder / RECORD, {RECORD: record.files[RECORD].sha256}))


def _decoded(data: bytes) -> BundleRecord:
    try:
        return BundleRecord.model_validate_json(data)
    except ValidationError as error:
        message = f"bundle.json is not one we wrote: {error.error_count()} fields are wrong"
        hint = "pull the model again"
        if any(one["loc"] == ("format",) for one in error.errors()) and "format" in (found := from_json(data)):
            message = f"bundle.json has the format {found['format']}, and this version reads {FORMAT}"
            hint = "package the model again: mlops run"
        raise NotVerified(Diagnostic("unreadable-record", message, hint=hint)) from error


def _stored(path: Path) -> StoredFile:
    found = digest_file(path)
    return StoredFile(sha256=found.sha256, size=found.size)


def _record(candidate: Candidate, facts: BundleFacts, probe: Probe, files: dict[FileName, StoredFile]) -> BundleRecord:
    schema = candidate.schema
    return BundleRecord(
        name=facts.name,
        task=schema.task,
        target=schema.target,
        classes=schema.classes,
        positive=schema.positive,
        threshold=facts.threshold,
        columns={feature.name: _signature(feature.name, candidate, facts) for feature in schema.features},
        metrics=dict(facts.metrics),
        probe=probe,
        files=files,
    )


def _signature(name: str, candidate: Candidate, facts: BundleFacts) -> ColumnSignature:
    column = facts.columns[name]
    return ColumnSignature(
        type=column.type,
        max_missing=column.max_missing,
        min=column.min,
        max=column.max,
        allowed=column.allowed,
        personal="pii" in column.tags,
        seen=candidate.record.seen[name],
    )


def _refuse_contradiction(record: BundleRecord, schema: Schema) -> None:
    # The order of the columns is known to candidate.json alone: canonical JSON sorts the keys of a mapping.
    said = {name: column.type for name, column in record.columns.items()}
    reads = {feature.name: feature.type for feature in schema.features}
    outcome = (schema.task, schema.target, schema.classes, schema.positive)
    if said != reads or outcome != (record.task, record.target, record.classes, record.positive):
        message = "bundle.json and candidate.json describe different models"
        raise NotVerified(Diagnostic("contradiction", message, hint="pull the model again"))
