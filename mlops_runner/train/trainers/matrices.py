"""The sides as xgboost reads them: in memory, or as files of bins that are made batch by batch and read in turn."""

import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xgboost

from mlops_runner.specs.base import Scalar
from mlops_runner.train.queries import by_query
from mlops_runner.train.trainers.base import Job, Side, StoredSide

Named = list[tuple[Any, str]]
DEFAULT_BINS = 256


@contextmanager
def matrices(job: Job, params: Mapping[str, Scalar]) -> Iterator[Named]:
    """Yield the training side, then the validation side if there is one, each with its name.

    What is written for sides that stay on the disk is removed at the end, whatever happens.
    """
    if not isinstance(job.train, StoredSide):
        yield [(_in_memory(side, job), name) for side, name in _sides(job)]
        return
    with tempfile.TemporaryDirectory(prefix="external-", dir=job.scratch) as folder:
        found: Named = []
        try:
            for side, name in _sides(job):
                assert isinstance(side, StoredSide)
                found.append((_on_disk(side, job, params, Path(folder) / name, found), name))
            yield found
        except BaseException as error:
            traceback.clear_frames(error.__traceback__)  # what failed holds matrices, too
            raise
        finally:
            found.clear()  # xgboost misses its files when they go first


def _sides(job: Job) -> Iterator[tuple[Side, str]]:
    yield job.train, "train"
    if job.validation is not None:
        yield job.validation, "validation"


def _types(job: Job) -> list[str] | None:
    categorical = any(output.categorical for output in job.outputs)
    return ["c" if output.categorical else "q" for output in job.outputs] if categorical else None


def _in_memory(side: Side, job: Job) -> Any:
    rows, types = side if side.query is None else by_query(side, job.schema), _types(job)
    return xgboost.DMatrix(
        rows.x, rows.y, weight=rows.weight, qid=rows.query, nthread=job.threads, feature_types=types,
        enable_categorical=types is not None,
    )  # fmt: skip


def _on_disk(side: StoredSide, job: Job, params: Mapping[str, Scalar], prefix: Path, earlier: Named) -> Any:
    """Return what holds one batch of a side at a time. earlier: the training side, whose bins the other has, too."""
    return xgboost.ExtMemQuantileDMatrix(
        _Batches(side, _types(job), prefix), nthread=job.threads, ref=earlier[0][0] if earlier else None,
        max_bin=params.get("max_bin", DEFAULT_BINS), enable_categorical=_types(job) is not None,
    )  # fmt: skip


class _Batches(xgboost.DataIter):
    """The batches of a side, as often as xgboost asks for them."""

    def __init__(self, side: StoredSide, types: list[str] | None, prefix: Path) -> None:
        self._side, self._types = side, types
        self._left = side.batches()
        super().__init__(cache_prefix=str(prefix))

    def next(self, input_data: Callable[..., None]) -> bool:
        """Give the next batch; say whether there was one."""
        for rows, _, x in self._left:
            weight = None if self._side.weight is None else self._side.weight[rows]
            input_data(data=x, label=self._side.y[rows], weight=weight, feature_types=self._types)
            return True
        return False

    def reset(self) -> None:
        """Begin again."""
        self._left = self._side.batches()
