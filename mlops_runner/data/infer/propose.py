"""From a file and the user's wishes to a proposal: the order in which the questions are answered."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from mlops_runner.data.infer.calendar import calendar_of
from mlops_runner.data.infer.categories import plan_encoding
from mlops_runner.data.infer.facts import measure
from mlops_runner.data.infer.guessing import guessing
from mlops_runner.data.infer.leaks import leaks
from mlops_runner.data.infer.limits import limited
from mlops_runner.data.infer.markers import sample_of
from mlops_runner.data.infer.reading import File, gathered
from mlops_runner.data.infer.roles import assign, with_neighbours
from mlops_runner.data.infer.source import find
from mlops_runner.data.infer.split import split_of
from mlops_runner.data.infer.task import task_of
from mlops_runner.data.infer.types import columns_of
from mlops_runner.data.infer.values import Facts, Guess, Proposal, SplitGuess, TaskGuess, Wishes
from mlops_runner.data.information import told_apart
from mlops_runner.data.repeats import repeats
from mlops_runner.data.table import Table
from mlops_runner.data.types import convert
from mlops_runner.errors import Diagnostic, InvalidInput

LEAK_ROWS = 20_000
LEAK_CELLS = 20_000_000
FEWEST_ROWS = 10
# The rule looks at every feature in every run.
MOST_GUARDED = 1_000

Steps = tuple[tuple[Mapping[str, Any], str], ...]


def propose(file: File, wishes: Wishes) -> Proposal:
    """Infer everything that the documents say. Raises InvalidInput with what keeps the file from being learnt from."""
    with gathered(file) as files:
        return _propose(files, wishes)


def _propose(file: File, wishes: Wishes) -> Proposal:
    found = find(file, wishes)
    wishes = found.wishes
    table, _, _ = convert(found.table, columns_of(found.types), frozenset(found.types))
    facts = measure(table, found.types)
    target = next(column for column in facts if column.name == wishes.target)
    _refuse_few(table.height, file, "rows")
    task = task_of(target, wishes, file.path)
    _refuse_few(target.known, file, "rows with a target")
    if task.of_numbers:
        task = _with_moments(table, wishes.target, task)
    _refuse_wishes(facts, wishes, file)
    guesses = _without_leaks(table, assign(facts, wishes), task)
    guesses = with_neighbours(guesses) if found.source["kind"] == "csv" else guesses
    encoding = plan_encoding(table, [guess for guess in guesses if guess.role == "feature"], len(task.classes))
    guesses = [_ignored(guess, encoding.too_rare) for guess in guesses]
    _refuse_featureless(guesses, file)
    guesses = [limited(guess, classes=guess.role == "target" and bool(task.classes)) for guess in guesses]
    split = split_of(table, guesses, task)
    duplicates = int(repeats(table).sum())
    calendar = calendar_of(table, guesses, split, task)
    return Proposal(
        source=found.source,
        source_why=found.why,
        columns=tuple(guesses),
        task=task,
        split=split,
        guessing=guessing(table, wishes.target, split, task),
        rows=table.height,
        duplicates=duplicates,
        cleaning=_cleaning(guesses, duplicates),
        rules=_rules(table, guesses, split, duplicates),
        skipped=found.skipped,
        min_count=encoding.min_count,
        by_target=encoding.by_target,
        terms=encoding.terms,
        width=encoding.width + len(calendar),
        calendar=calendar,
    )


def _refuse_few(count: int, file: File, what: str) -> None:
    if count < FEWEST_ROWS:
        what = what.replace("rows", "row") if count == 1 else what
        message = f"{file.path} has {count} {what}: too few to train, validate and test"
        raise InvalidInput(Diagnostic("few-rows", message, hint=f"at least {FEWEST_ROWS}, better some hundreds"))


def _refuse_featureless(guesses: Sequence[Guess], file: File) -> None:
    if not any(guess.role == "feature" for guess in guesses):
        others = "; ".join(f"{g.name}: {g.role}{f', {g.why}' if g.why else ''}" for g in guesses if g.role != "target")
        message = f"{file.path}: no column is left as a feature"
        raise InvalidInput(Diagnostic("no-features", message, hint=others[:500]))


def _with_moments(table: Table, target: str, task: TaskGuess) -> TaskGuess:
    """Add the mean and the standard deviation of the target, from which gates are taken."""
    column = pl.col(target).cast(pl.Float64)
    mean, deviation = table.select(column.mean().alias("mean"), column.std(ddof=0).alias("deviation")).row(0)
    return replace(task, mean=float(mean), deviation=float(deviation))


def _without_leaks(table: Table, guesses: list[Guess], task: TaskGuess) -> list[Guess]:
    target = next(guess for guess in guesses if guess.role == "target")
    features = [guess.facts for guess in guesses if guess.role == "feature"]
    names = [target.name, *(facts.name for facts in features)]
    sample = sample_of(table, names, LEAK_ROWS, LEAK_CELLS)
    found = leaks(sample.filter(pl.col(target.name).is_not_null()), target.facts, features, task.task)
    return [_ignored(guess, {name: f"leak? {why}" for name, why in found.items()}) for guess in guesses]


def _ignored(guess: Guess, reasons: Mapping[str, str]) -> Guess:
    if guess.role != "feature" or guess.name not in reasons:
        return guess
    return replace(guess, role="ignored", why="; ".join(filter(None, (guess.why, reasons[guess.name]))))


def _cleaning(guesses: Sequence[Guess], duplicates: int) -> Steps:
    steps: list[tuple[Mapping[str, Any], str]] = []
    if cast := [guess.name for guess in guesses if guess.facts.typing.cast]:
        steps.append(({"kind": "cast", "columns": cast}, "what is not of the declared type becomes missing"))
    needed = [guess for guess in guesses if guess.role in {"target", "time", "group"} and guess.facts.missing]
    for guess in needed:
        what = f"{guess.facts.missing} of {guess.facts.rows} rows have none"
        steps.append(({"kind": "filter", "where": {"column": guess.name, "missing": False}}, what))
    if duplicates and not _by_chance(guesses):
        why = f"{repeated(duplicates)}: on both sides of the split they would flatter the model"
        steps.append(({"kind": "drop_duplicates"}, why))
    return tuple(steps)


def repeated(rows: int) -> str:
    """Say that so many rows come again."""
    return f"{rows} {'row equals' if rows == 1 else 'rows equal'} an earlier one"


def _rules(table: Table, guesses: Sequence[Guess], split: SplitGuess, duplicates: int) -> Steps:
    """Guard against leaks in files to come, without what the split or the columns make natural."""
    features = [guess.name for guess in guesses if guess.role == "feature"]
    if len(features) > MOST_GUARDED:
        return ()
    fields: dict[str, Any] = {"kind": "leakage"}
    reasons = ["no feature may give the target away"]
    alike = int(repeats(table, features).sum()) - duplicates
    if alike and not _by_chance([guess for guess in guesses if guess.role == "feature"]):
        fields["duplicates"] = False
        reasons.append("rows with equal features are natural here")
    if split.fields["kind"] != "group" and any(guess.role == "group" for guess in guesses):
        fields["ids"] = False
        reasons.append("a group may have rows on several sides")
    return ((fields, "; ".join(reasons)),)


def _by_chance(guesses: Sequence[Guess]) -> bool:
    """Whether rows may agree although they are about different things, because their values tell little."""
    return not told_apart(guesses[0].facts.rows, sum(_bits(guess.facts) for guess in guesses))


def _bits(facts: Facts) -> float:
    """Return how many bits a value of the column tells: its entropy, or the logarithm of its distinct values."""
    if not facts.values:
        return math.log2(max(facts.distinct, 1))
    return -sum(count / facts.known * math.log2(count / facts.known) for _, count in facts.values)


def _refuse_wishes(facts: Sequence[Facts], wishes: Wishes, file: File) -> None:
    """Complain about columns that cannot be what the user said."""
    by_name = {column.name: column for column in facts}
    problems = []
    if wishes.id and (column := by_name[wishes.id]).distinct < column.known:
        message = f'{file.path}: --id "{column.name}" has {column.distinct} values in {column.known} rows'
        problems.append(Diagnostic("not-unique", message, hint="an id has one row per value; use --group"))
    if wishes.time and (column := by_name[wishes.time]).type in {"string", "bool"}:
        note = column.typing.note or f"its values are read as {column.type}"
        message = f'{file.path}: --time "{column.name}" holds no dates, times or numbers'
        problems.append(Diagnostic("wrong-type", message, hint=note))
    if wishes.task == "ranking" and wishes.group is None:
        message = f"{file.path}: a ranking needs the column that says which rows are ranked among themselves"
        problems.append(Diagnostic("query-count", message, hint="name the column of the query with --group"))
    given = [name for name in (wishes.target, wishes.time, wishes.group, wishes.id) if name]
    if twice := sorted({name for name in given if given.count(name) > 1}):
        message = f'"{twice[0]}" is given two roles'
        problems.append(Diagnostic("two-roles", message, hint="a column is target, time, group or id"))
    if problems:
        raise InvalidInput(problems)
