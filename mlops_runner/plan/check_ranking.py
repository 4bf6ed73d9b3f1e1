"""What a ranking asks of the Data document: one column that names the query, and sides that keep queries whole."""

from collections.abc import Callable, Iterator

from mlops_runner.errors import Diagnostic
from mlops_runner.specs.data import PredefinedSplit, RandomSplit
from mlops_runner.specs.load import Core
from mlops_runner.specs.locations import Path
from mlops_runner.specs.task import QUERY_ROLE


def _query_is_named(core: Core) -> Iterator[Diagnostic]:
    """Exactly one column names the query of each row."""
    if core.training.spec.task == "ranking" and (count := len(core.data.spec.with_role(QUERY_ROLE))) != 1:
        message = f"{count} columns have the role {QUERY_ROLE}; a ranking needs exactly one, which names the query"
        hint = f"set role: {QUERY_ROLE} on the column of the query" + (", ignored on the others" if count else "")
        yield _at(core, "query-count", message, ("columns",), hint)


def _queries_stay_whole(core: Core) -> Iterator[Diagnostic]:
    """Rows that are ranked together are on one side, and in one fold.

    What cannot be seen here, such as times within a query, is looked at when the rows are read.
    """
    spec = core.data.spec
    if core.training.spec.task != "ranking" or len(queries := spec.with_role(QUERY_ROLE)) != 1:
        return
    hint = f"split: {{kind: group, group: {queries[0]}, seed: 1}}"
    if isinstance(spec.split, RandomSplit):
        message = f'a random split would tear queries apart: rows of one "{queries[0]}" would be on several sides'
        yield _at(core, "torn-query", message, ("split", "kind"), hint)
    if isinstance(spec.split, PredefinedSplit) and spec.folds is not None:
        message = f'folds of a predefined split would tear queries apart, whose rows share a "{queries[0]}"'
        yield _at(core, "torn-query", message, ("folds",), f"remove folds, or {hint}")


def _at(core: Core, code: str, message: str, path: Path, hint: str) -> Diagnostic:
    return Diagnostic(code, message, core.data.document.place(path), hint)


RANKING_CHECKS: tuple[Callable[[Core], Iterator[Diagnostic]], ...] = (_query_is_named, _queries_stay_whole)
