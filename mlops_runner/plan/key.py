"""A step's key: everything that can change its result, and nothing else.

The key covers the step's kind and built-in version, its config, its inputs by content, its code, its environment, and
under bitwise reproducibility seed, threads and device. It leaves out names, paths, descriptions and machines; of a
step that fetches what a digest pins, the environment too, since the source may have moved on meanwhile.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_runner.digest import Json, digest_value
from mlops_runner.plan.steps import Input, Step

Outputs = Mapping[str, str]  # name of a file below a step's output folder → sha256


@dataclass(frozen=True, slots=True)
class Resolved:
    """The content of a step's inputs: by logical name (for the key) and by file (for the lock)."""

    named: Mapping[str, Json]
    files: Mapping[str, str]


def spec_digest(step: Step) -> str:
    """Digest every spec value the step reads."""
    return digest_value("c1", step.config)


def step_key(step: Step, resolved: Resolved, code: Mapping[str, str], environment: str) -> str:
    """Return the key of a step whose inputs are known."""
    material: dict[str, Json] = {
        "kind": step.kind,
        "version": step.version,
        "spec": spec_digest(step),
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
    """Look up the content of a step's inputs; also return those whose content is not known yet.

    `settled` holds what each finished step wrote, `external` the sha256 of files, and the prefixed digest of folders,
    that no step writes.
    """
    named: dict[str, Json] = {}
    files: dict[str, str] = {}
    unknown: list[Input] = []
    for item in step.inputs:
        found = _content(item, settled, external)
        if found is None:
            unknown.append(item)
        elif item.folder:
            named[item.name] = found
            files |= {f"{item.path}/{name}": f"sha256:{digest}" for name, digest in found.items()}
        elif found:
            named[item.name] = found[item.path]
            digest = found[item.path]
            files[item.path] = digest if ":" in digest else f"sha256:{digest}"
    return Resolved(named, files), unknown


def _content(item: Input, settled: Mapping[str, Outputs], external: Mapping[str, str]) -> dict[str, str] | None:
    """Return digests by file name (folder) or by path (file); {} for an optional file that is absent."""
    if item.producer is None:
        return {item.path: external[item.path]} if item.path in external else None
    outputs = settled.get(item.producer)
    if outputs is None:
        return None
    if item.folder:
        return dict(outputs)
    name = item.path.rsplit("/", 1)[-1]
    if name in outputs:
        return {item.path: outputs[name]}
    return {} if item.optional else None


def same_metric(one: object, other: object, tolerance: float = 1e-9) -> bool:
    """Compare two metrics: numbers within a relative tolerance, anything else exactly; NaN is NaN."""
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return one == other
    if not math.isfinite(one) or not math.isfinite(other):
        return one == other or (math.isnan(one) and math.isnan(other))
    return abs(one - other) <= tolerance * max(1.0, abs(one), abs(other))
