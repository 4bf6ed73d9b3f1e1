"""The steps that bring the data: the source that lies outside, and the table that is made of it."""

from collections.abc import Iterator
from typing import Any

from mlops_runner.plan.compile_parts import code_of, dump, folder_of, places_below, places_of, shared_places
from mlops_runner.plan.steps import Input, Step
from mlops_runner.plan.versions import DATA_VERSION, SOURCE_VERSION
from mlops_runner.specs.data import Data
from mlops_runner.specs.data_checks import DistributionRule, ReferenceRule
from mlops_runner.specs.data_sources import CsvSource, HttpSource, ParquetSource, PythonSource, SqlSource
from mlops_runner.specs.load import Core

SNAPSHOT = "snapshot"  # what a source that lies outside is kept as


def source_step(core: Core) -> Iterator[Step]:
    """Yield the step that fetches what lies outside the project, if the source does.

    A plain address is part of its key: under a new one, the old digest must be seen to hold. Of a secret, not even the
    name is.
    """
    spec, document = core.data.spec, core.data.document
    source = spec.source
    if not isinstance(source, SqlSource | HttpSource):
        return
    values, access = _apart(dump(source))
    config: dict[str, Any] = {"source": values}
    keys: tuple[str, ...] = ("source",)
    if isinstance(source, SqlSource):
        keys = ("source", "columns", "undeclared")
        columns = {name: dump(column) for name, column in spec.columns.items()}
        config["columns"] = {n: {key: c[key] for key in ("type", "format") if key in c} for n, c in columns.items()}
        config |= {"order": list(columns), "undeclared": spec.undeclared}
        access["masked"] = [name for name, column in spec.columns.items() if "pii" in column.tags]
    else:
        headers, access["headers"] = _apart(values.pop("headers", {}))
        values |= {"headers": headers} if headers else {}
        values["format"] = {"kind": source.format.kind}  # the dialect is for the step that reads the file
        access["max_bytes"] = values.pop("max_bytes", source.max_bytes)
    yield Step(
        "source", "source", SOURCE_VERSION, config,
        places={**shared_places(core, document), **dict(places_of(document, keys))},
        output=folder_of(core, "source"),
        repro=core.pipeline.spec.reproducibility,
        access=access,
    )  # fmt: skip


def _apart(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide values into what may be shown, and what stands behind a secret."""
    hidden = {name for name, value in values.items() if isinstance(value, dict) and value.keys() == {"secret"}}
    plain = {name: value for name, value in values.items() if name not in hidden}
    return plain, {name: value for name, value in values.items() if name in hidden}


def _snapshot(source: SqlSource | HttpSource) -> dict[str, Any]:
    """Return the source that the data step sees in place of one that lies outside: the file that was fetched."""
    return {"kind": "parquet"} if isinstance(source, SqlSource) else dump(source.format)


def data_step(core: Core) -> Step:
    """Return the step that reads, checks, splits and stores the table."""
    spec, document = core.data.spec, core.data.document
    keys = ("source", "columns", "undeclared", "cleaning", "series", "derived", "checks", "split", "folds")
    config = {key: value for key, value in dump(spec).items() if key in keys}
    config["order"] = list(spec.columns)
    source = spec.source
    inputs: tuple[Input, ...] = ()
    places = {**shared_places(core, document), **dict(places_of(document, keys))}
    if isinstance(source, SqlSource | HttpSource):
        config["source"] = _snapshot(source)
        fetched = f"{folder_of(core, 'source')}/{SNAPSHOT}.{config['source']['kind']}"
        inputs = (Input("source", fetched, "source"),)
        places = {path: place for path, place in places.items() if not path.startswith("source.")}
        places |= dict(places_below(document, ("source", "format"), "source"))
    elif isinstance(source, CsvSource | ParquetSource):
        del config["source"]["path"]  # where the file lies is not what it says
        inputs = (Input("source", source.path),)
    elif isinstance(source, PythonSource):
        inputs = tuple(Input(name, path) for name, path in source.inputs.items())
        config["source"]["inputs"] = dict.fromkeys(source.inputs, "")
    return Step(
        "data", "data", DATA_VERSION, config, places,
        output=folder_of(core, "data"),
        inputs=(*inputs, *_files_of_rules(spec)),
        code=code_of(source, *spec.checks.rules),
        repro=core.pipeline.spec.reproducibility,
        previous=_previous(spec),
    )  # fmt: skip


def _files_of_rules(spec: Data) -> Iterator[Input]:
    """Yield the files that rules compare with; the handler knows them by the position of the rule."""
    for position, rule in enumerate(spec.checks.rules):
        if isinstance(rule, ReferenceRule):
            yield Input(f"checks.rules.{position}", rule.file)
        elif isinstance(rule, DistributionRule) and rule.against != "previous":
            yield Input(f"checks.rules.{position}", rule.against)


def _previous(spec: Data) -> tuple[str, ...]:
    rules = spec.checks.rules
    wanted = any(isinstance(rule, DistributionRule) and rule.against == "previous" for rule in rules)
    return ("profile.json",) if wanted else ()
