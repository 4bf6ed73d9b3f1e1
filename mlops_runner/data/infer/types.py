"""The type of each column: guessed from a sample, then tried on every row by the runner's own conversion."""

from collections.abc import Mapping, Sequence

import polars as pl

from mlops_runner.data.infer import naming
from mlops_runner.data.infer.dates import formats_of, rivals
from mlops_runner.data.infer.dialect import NUMBER
from mlops_runner.data.infer.markers import sample_of
from mlops_runner.data.infer.values import Typing
from mlops_runner.data.table import Table
from mlops_runner.data.types import convert
from mlops_runner.specs.data import Column

TEXT = Typing("string")
# Of a column of numbers or dates, so many values may be something else and become missing.
MOST_UNREAD = 0.01
MOST_MIXED = 0.05
ENOUGH_TEXTS = 1_000
LEADING_ZERO = r"^0\d"


def decimal_of(sample: pl.DataFrame, delimiter: str) -> str:
    """Return the decimal mark of most columns of numbers with decimals."""
    marks = {".": 0, ",": 0}
    for name in sample.columns:
        texts = _texts(sample[name])
        if texts and all(NUMBER.fullmatch(text) for text in texts):
            for mark in marks:
                marks[mark] += any(mark in text for text in texts)
    return "," if delimiter != "," and marks[","] > marks["."] else "."


def types_of(table: Table) -> dict[str, Typing]:
    """Find the type of every column that can have one; others are left out of the result."""
    stored = {name: typing for name, dtype in table.schema.items() if (typing := stored_type(dtype)) is not None}
    texts = [name for name in stored if table.schema[name] == pl.String]
    return {**stored, **_of_texts(table, texts)} if texts else stored


def stored_type(dtype: pl.DataType) -> Typing | None:
    """Return the type that a stored one is declared as, or None for what no column may hold."""
    if dtype.is_float():
        return Typing("float")
    if dtype.is_integer():
        return Typing("int")
    if dtype == pl.Boolean:
        return Typing("bool")
    if dtype == pl.Date:
        return Typing("date")
    if dtype == pl.Datetime:
        return Typing("datetime")
    return TEXT if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null) else None


def _of_texts(table: Table, names: list[str]) -> dict[str, Typing]:
    sample = sample_of(table, names)
    zeros = _with_zeros(table, names)
    codes = _repeated_codes(table, [name for name in names if naming.is_code(name)])
    ladders: dict[str, list[Typing]] = {}
    for name in names:
        ladders[name] = _ladder(_texts(sample[name]), table.decimal)
        if ladders[name][0].type in {"int", "float"} and name in zeros | codes:
            why = "codes: some start with 0" if name in zeros else "a code: its size means nothing"
            ladders[name] = [Typing("string", note=why)]
    return _climbed(table, ladders)


def _texts(values: pl.Series) -> list[str]:
    return sorted({text for text in values.to_list() if text})


def _with_zeros(table: Table, names: list[str]) -> frozenset[str]:
    found = table.select(pl.col(names).str.contains(LEADING_ZERO).any()).row(0, named=True)
    return frozenset(name for name, yes in found.items() if yes)


def _repeated_codes(table: Table, names: list[str]) -> frozenset[str]:
    if not names:
        return frozenset()
    found = table.select(pl.col(names).drop_nulls().is_duplicated().any()).row(0, named=True)
    return frozenset(name for name, yes in found.items() if yes or naming.has(name, naming.CODES))


def _ladder(texts: Sequence[str], decimal: str) -> list[Typing]:
    """Return the types to try, the narrowest first; `string` always fits and is not among them."""
    if not texts:
        return [TEXT]
    if all(text.lower() in {"true", "false"} for text in texts):
        return [Typing("bool")]
    numbers = [text for text in texts if _is_number(text, decimal)]
    if len(numbers) >= (1 - MOST_MIXED) * len(texts):
        whole = all(text.lstrip("+-").isdigit() for text in numbers)
        return [Typing("int"), Typing("float")] if whole else [Typing("float")]
    if found := formats_of(texts):
        kind, forms = found
        turned = tuple(map(rivals, forms))
        return [Typing(kind, forms), *([Typing(kind, turned)] if turned != forms else [])]
    return [TEXT]


def _is_number(text: str, decimal: str) -> bool:
    other = "." if decimal == "," else ","
    return other not in text and bool(NUMBER.fullmatch(text))


def _climbed(table: Table, ladders: dict[str, list[Typing]]) -> dict[str, Typing]:
    """Try each column's types in their order on all rows and keep the first that reads every value."""
    found = {name: ladder[0] for name, ladder in ladders.items() if ladder[0].type == "string"}
    open_ = {name: ladder for name, ladder in ladders.items() if name not in found}
    step = 0
    while trying := {name: ladder[step] for name, ladder in open_.items() if name not in found and step < len(ladder)}:
        lost = unread(table, trying)
        found |= {name: typing for name, typing in trying.items() if not lost[name]}
        step += 1
    return {name: _best(table, name, found, ladders[name]) for name in ladders}


def unread(table: Table, types: Mapping[str, Typing]) -> dict[str, int]:
    """Count the values of each column that are not of the type."""
    _, _, touched = convert(table, columns_of(types), frozenset(types))
    return touched


def columns_of(types: Mapping[str, Typing]) -> dict[str, Column]:
    """Declare columns of these types."""
    return {name: Column(type=typing.type, format=typing.format) for name, typing in types.items()}


def _best(table: Table, name: str, found: Mapping[str, Typing], ladder: list[Typing]) -> Typing:
    typing = found.get(name)
    if typing is None:
        return _mixed(table, name, ladder)
    if typing.format and len(ladder) > 1 and typing is ladder[0]:
        return _in_order(table, name, ladder)
    plain = name in table.texts or typing.type == "string" or typing.format
    return typing if plain else Typing(typing.type, typing.format, 0, True, "stored as text")


def _in_order(table: Table, name: str, ladder: list[Typing]) -> Typing:
    """Choose between day and month first when both read every row: the one in which time does not run back."""
    other = ladder[1]
    if unread(table, {name: other})[name]:
        return ladder[0]
    runs_back = [_runs_back(table, name, typing) for typing in ladder]
    chosen = other if runs_back[1] < runs_back[0] else ladder[0]
    note = "day and month could be the other way round; in this order time runs forward"
    if runs_back[0] == runs_back[1]:
        note = "day and month could be the other way round: please check"
        # Who writes AM and PM writes the month first.
        chosen = next((one for one in ladder if _american(one)), ladder[0])
    return Typing(chosen.type, chosen.format, note=note)


def _american(typing: Typing) -> bool:
    return all("%p" in form and form.index("%m") < form.index("%d") for form in typing.format if "%m" in form)


def _runs_back(table: Table, name: str, typing: Typing) -> int:
    typed, _, _ = convert(table, columns_of({name: typing}))
    moment = pl.col(name).cast(pl.Datetime("us")).to_physical()
    return int(typed.select((moment < moment.shift(1)).sum()).item())


def _mixed(table: Table, name: str, ladder: list[Typing]) -> Typing:
    """Decide about a column most of whose values, but not all, are numbers or dates."""
    if ladder[0].format or ladder[0].type in {"date", "datetime"}:
        return _more_formats(table, name, ladder)
    return min((_tolerant(table, name, typing) for typing in ladder), key=lambda typing: typing.unread)


def _more_formats(table: Table, name: str, ladder: list[Typing]) -> Typing:
    """Look at the dates that the sample's formats did not read, and add theirs."""
    texts = _unread_texts(table, name, ladder[0])
    known = [ladder[0].format[0]] if ladder[0].format else ["%Y-%m-%d"]
    if found := formats_of([*texts, *_texts(sample_of(table, [name])[name])]):
        wider = Typing(found[0], found[1] or tuple(known), note="written in several ways")
        if not unread(table, {name: wider})[name]:
            return wider
    return _tolerant(table, name, ladder[0])


def _tolerant(table: Table, name: str, typing: Typing) -> Typing:
    """Accept a type that reads nearly all values; the others become missing. Otherwise the column is text."""
    texts = _unread_texts(table, name, typing)
    count = unread(table, {name: typing})[name]
    known = table.height - int(table.select(pl.col(name).null_count()).item())
    if count > MOST_UNREAD * known:
        return Typing("string", unread=known, note=f"{count} of {known} values are no {typing.type}")
    shown = ", ".join(f'"{text}"' for text in texts[:3]) + (", …" if len(texts) > 3 else "")
    what = f"{count} {'value is' if count == 1 else 'values are'} no {typing.type}"
    note = f"{what}: made missing" if naming.is_personal(name) else f"{what} ({shown}): made missing"
    return Typing(typing.type, typing.format, count, True, note)


def _unread_texts(table: Table, name: str, typing: Typing) -> list[str]:
    typed, _, _ = convert(table, columns_of({name: typing}), frozenset({name}))
    lost = table.column(name).filter(typed.column(name).is_null())
    return sorted(lost.drop_nulls().unique().head(ENOUGH_TEXTS).to_list())
