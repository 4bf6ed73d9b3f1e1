"""What stays in the lock beside the steps that a run was about."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mlops_runner.execute.result import Result
from mlops_runner.lock.model import Lock, Stage


def beside(before: Lock, settled: Mapping[str, Result]) -> dict[str, Stage]:
    """Return the locked stages that stay beside the settled ones: all whose files nobody else has written now."""
    taken = {path for result in settled.values() for path in (*result.step.outputs, *result.stage.outputs)}
    around = {folder for path in taken for folder in folders_above(path)}
    return {
        name: stage
        for name, stage in before.stages.items()
        if name not in settled
        and not any(
            path in around or path in taken or not taken.isdisjoint(folders_above(path)) for path in stage.outputs
        )
    }


def joined(before: Lock, new: Lock, kept: Mapping[str, Stage]) -> Lock:
    """Return the new lock with the kept stages of the one before, each with the environment that it was made in."""
    environments = dict(new.environments)
    stages = dict(new.stages)
    for name, stage in kept.items():
        env = stage.env
        made_in = before.environments.get(env)
        if made_in is not None and environments.get(env) != made_in:
            same = (known for known, found in environments.items() if found == made_in)
            env = next(same, env if env not in environments else f"{env}-{made_in.digest.partition(':')[2][:8]}")
            environments[env] = made_in
        stages[name] = replace(stage, env=env)
    return Lock(environments, stages)


def folders_above(path: str) -> Iterator[str]:
    """Yield the folders that a path lies in, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path
