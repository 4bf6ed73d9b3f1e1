"""What a report may know besides the numbers of the evaluation. Everything but the name is optional."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ReportContext:
    """The surroundings of an evaluation; what is empty leaves its section out.

    lineage: stage -> name of a fact ("key", "inputs/data.parquet") -> digest, or a nested mapping of such
        facts; shown as key, inputs, outputs.
    parameters: model -> parameter -> value, as resolved from the specs.
    data: the profile of the data: {"rows": {side: n}, "columns": {name: {"type", "role", "missing", ...}}}.
    quality: the content of quality.json. searches: candidate -> the content of trials.json.
    importance: (feature, mean drop of the metric, standard deviation), most important first; None: not measured.
    environment: name -> value ("python" -> "3.11", "dependencies" -> digest, "seed", "threads").
    notes: paragraphs; commands: how to repeat the run.
    """

    name: str
    description: str = ""
    lineage: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    searches: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    importance: Sequence[tuple[str, float | None, float | None]] = ()
    importance_metric: str = "the metric"
    environment: Mapping[str, str | int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    commands: Sequence[str] = ()
