"""What a killed run left beside the files that it was writing: temporary ones, wherever a run writes."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mlops_runner.durable import TEMPORARY, leftovers
from mlops_runner.plan.steps import Step
from mlops_runner.store.layout import Layout


def clear_leftovers(layout: Layout, steps: Iterable[Step]) -> None:
    """Remove them. The caller holds the project's lock: nobody else is writing in it.

    A cache outside of the project may be others', too: `mlops doctor` looks there.
    """
    for path in _left(layout, steps):
        path.unlink(missing_ok=True)


def _left(layout: Layout, steps: Iterable[Step]) -> Iterator[Path]:
    outputs = {layout.root / path for step in steps for path in step.outputs}
    for folder in {layout.root, *(path.parent for path in outputs)}:
        yield from folder.glob(f"{TEMPORARY}*")
    for folder in {layout.state, layout.root / ".dvc", *outputs}:
        yield from leftovers(folder, layout.environments)  # large, and cleared when one is made
