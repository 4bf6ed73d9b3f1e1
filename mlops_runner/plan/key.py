"""A step's key: everything that can change its result, and nothing else.

The key covers the step's kind and built-in version, its config, its inputs by content, its code, its environment, and
under bitwise reproducibility seed, threads and device. It leaves out names, paths, descriptions and machines; of a
step that fetches what a digest pins, the environment too, since the source may have moved on meanwhile.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mlops_runner.digest import Json, digest_value
from mlops_runner.plan.steps import Input, Step
from mlops_runner.store.patterns import certain, parse_pattern

Outputs = Mapping[str, str]  # path of a file that a step wrote → sha256


@dataclass(frozen=True, slots=True)
class Resolved:
    """The content of a step's inputs: by logical name (for the key) and by file (for the lock)."""

    named: Mapping[str, Json]
    files: Mapping[str, str]


def step_key(step: Step, resolved: Resolved, code: Mapping[str, str], environment: str) -> str:
    """Return the key of a step whose inputs are known."""
    material: dict[str, Json] = {
        "kind": step.kind,
        "version": step.version,
        "spec": step.spec,
        "inputs": resolved.named,
        "code": code,
        "env": "" if step.fetches else environment,
    }
    if step.repro == "bitwise" or step.keyed_execution:
        material["execution"] = step.keyed_execution
    return digest_value("k1", material)


def resolve_inputs(
    step: Step, settled: Mapping[str, Outputs], external: Mapping[str, str]
) -> tuple[Resolved, list[Input]]:
    """Look up the content of a step's files; also return those whose content is not known yet.

    `settled` holds what each finished step wrote, `external` the sha256 of files, and the prefixed digest of folders,
    that no step writes.
    """
    named: dict[str, Json] = {}
    files: dict[str, str] = {}
    unknown: list[Input] = []
    for item in step.files:
        found = _content(item, settled, external)
        if found is None:
            unknown.append(item)
            continue
        files |= {path: digest if ":" in digest else f"sha256:{digest}" for path, digest in found.items()}
        if item.path in found and not item.folder:
            named[item.name] = found[item.path]
        elif found:  # several steps may write a part of it
            present = named.setdefault(item.name, {})
            assert isinstance(present, dict)
            present |= {relative(path, item): digest for path, digest in found.items()}
    return Resolved(named, files), unknown


def relative(path: str, item: Input) -> str:
    """Return what a file of an input is called there: its path below the folder that was asked for."""
    return path.removeprefix(f"{certain(item.path)}/")


def _content(item: Input, settled: Mapping[str, Outputs], external: Mapping[str, str]) -> dict[str, str] | None:
    """Return digests by path; {} for an optional file that is absent, None for what is not known."""
    if item.producer is None:
        return {item.path: external[item.path]} if item.path in external else None
    outputs = settled.get(item.producer)
    if outputs is None:
        return None
    found = taken(item, outputs)
    return {path: outputs[path] for path in found} if found or item.optional else None


def taken(item: Input, paths: Collection[str]) -> list[str]:
    """Return those of the paths that its producer wrote which an input asks for: a file, or all of a folder."""
    if item.path in paths and not item.folder:
        return [item.path]
    pattern = parse_pattern(item.path)
    if pattern is None:
        return [path for path in paths if path.startswith(f"{item.path}/")]
    prefix = f"{pattern.base}/" if pattern.base else ""
    return [path for path in paths if path.startswith(prefix) and pattern.takes(path.removeprefix(prefix))]


def same_metric(one: object, other: object, tolerance: float = 1e-9) -> bool:
    """Compare two metrics: numbers within a relative tolerance, anything else exactly; NaN is NaN."""
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return one == other
    if not math.isfinite(one) or not math.isfinite(other):
        return one == other or (math.isnan(one) and math.isnan(other))
    return abs(one - other) <= tolerance * max(1.0, abs(one), abs(other))
