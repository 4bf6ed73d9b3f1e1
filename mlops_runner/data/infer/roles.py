"""What each column is for, with the reason where it is not plain."""

from collections.abc import Sequence
from dataclasses import replace

from mlops_runner.data.infer import naming
from mlops_runner.data.infer.limits import YEARS
from mlops_runner.data.infer.values import Facts, Guess, Role, Wishes

FREE_TEXT_WORDS = 5.0
NEAR_UNIQUE = 0.5
FEWEST_TEXTS = 50
FEWEST_DOCUMENTS = 200
PERSONAL_VALUES = 20
SEQUENCE_ROWS = 20
GROUPS = 20
ROWS_A_GROUP = 1.05
MOST_ROWS_AN_ID = 50
MOMENTS = 10
EPOCH = (10**8, 10**16)
FEWEST_KNOWN = 0.001
MOST_WEIGHT = 100.0
DECIMAL_NEIGHBOURS = 3
FEW_AMOUNTS = 30


def assign(facts: Sequence[Facts], wishes: Wishes) -> list[Guess]:
    """Give every column a role; leaks are found later, among the features."""
    time = wishes.time or _time(facts, wishes)
    return [_tagged(_wished(column, wishes, time) or _guess(column, wishes)) for column in facts]


def with_neighbours(guesses: Sequence[Guess]) -> list[Guess]:
    """Take whole numbers for numbers with decimals where most others have some: the next file may have a half."""
    numbers = [guess for guess in guesses if guess.role == "feature" and guess.facts.numeric]
    whole = [guess for guess in numbers if guess.facts.type == "int"]
    if len(numbers) < DECIMAL_NEIGHBOURS * len(whole):
        return list(guesses)
    amounts = {guess.name for guess in whole if guess.facts.distinct > FEW_AMOUNTS and not _counts(guess.facts)}
    return [_decimal(guess) if guess.name in amounts else guess for guess in guesses]


def _counts(facts: Facts) -> bool:
    """Whether the numbers are whole by what they are: years, ages, counts."""
    years = facts.low is not None and facts.high is not None and facts.low >= YEARS[0] and facts.high <= YEARS[1]
    return years or naming.has(facts.name, naming.COUNTS)


def _decimal(guess: Guess) -> Guess:
    why = _joined(guess.why, "whole so far, but most columns have decimals")
    return replace(guess, facts=replace(guess.facts, typing=replace(guess.facts.typing, type="float")), why=why)


def _wished(facts: Facts, wishes: Wishes, time: str | None) -> Guess | None:
    wanted: dict[str | None, Role] = {wishes.id: "id", wishes.group: "group", time: "time", wishes.target: "target"}
    role = wanted.get(facts.name)
    if role is None:
        return None
    why = "" if role == "target" else ("as you said" if facts.name != time or wishes.time else "says when, in order")
    if role == "time" and wishes.time is None:
        why = "rows follow it" if facts.ordered else "says when a row came about"
    return Guess(facts, role, _joined(facts.typing.note, why))


def _time(facts: Sequence[Facts], wishes: Wishes) -> str | None:
    """Choose the column that says when a row came about: one in file order first, then one with such a name."""
    taken = {wishes.target, wishes.group, wishes.id}
    able = [f for f in facts if f.name not in taken and _is_time(f)]
    best = max(able, key=lambda f: (f.ordered, naming.is_moment(f.name), f.type == "datetime"), default=None)
    return best.name if best else None


def _is_time(facts: Facts) -> bool:
    if facts.missing or facts.distinct < MOMENTS or naming.has(facts.name, naming.OTHER_MOMENTS):
        return False
    if facts.type in {"date", "datetime"}:
        return facts.ordered or naming.is_moment(facts.name)
    since = facts.type == "int" and facts.low is not None and EPOCH[0] <= facts.low <= EPOCH[1]
    return since and naming.has(facts.name, frozenset({"timestamp", "time", "ts", "epoch", "unixtime", "date"}))


def _guess(facts: Facts, wishes: Wishes) -> Guess:
    role, why = _role(facts, wishes)
    return Guess(facts, role, _joined(facts.typing.note, why))


def _role(facts: Facts, wishes: Wishes) -> tuple[Role, str]:
    if (empty := _says_nothing(facts)) is not None:
        return "ignored", empty
    if wishes.id is None and (why := _id(facts)) is not None:
        return "id", why
    if wishes.group is None and _is_group(facts):
        return "group", f"{facts.distinct} of them in {facts.rows} rows: their rows stay together"
    if naming.is_weight(facts.name) and facts.numeric and not facts.missing and (facts.low or 0) > 0:
        return _weight(facts)
    if is_personal(facts) and facts.type == "string":
        return "ignored", f"personal data{f': {facts.personal}' if facts.personal else ''}; no model should need it"
    if facts.type == "string" and facts.amounts and facts.distinct <= FEW_AMOUNTS:
        return "feature", f"numbers with signs or marks in them; its {facts.distinct} values are categories as they are"
    if facts.type == "string" and facts.amounts:
        return "ignored", "numbers with signs or marks in them: write 1234.5, not $1,234.50, for a model to use them"
    if is_text(facts):
        return "feature", "free text: its words are features, and are kept with the model"
    if facts.type == "string" and (why := _too_many(facts)) is not None:
        return "ignored", why
    return "feature", ""


def is_text(facts: Facts) -> bool:
    """Whether a column holds sentences, and enough of them to learn from their words."""
    long = facts.type == "string" and facts.words >= FREE_TEXT_WORDS and facts.distinct > NEAR_UNIQUE / 5 * facts.known
    return long and facts.known >= FEWEST_DOCUMENTS and facts.distinct >= FEWEST_TEXTS


def _says_nothing(facts: Facts) -> str | None:
    if not facts.known:
        return "no values at all"
    if facts.distinct == 1 and not facts.missing:
        return "constant"
    if facts.known < FEWEST_KNOWN * facts.rows:
        return f"only {facts.known} of {facts.rows} values are known"
    return None


def _id(facts: Facts) -> str | None:
    """Say why a column is an identifier, which needs a value of its own in every row."""
    if not facts.unique or facts.type not in {"int", "string"}:
        return None
    if naming.is_id(facts.name) or not facts.name:
        return "one value a row"
    if facts.coded and facts.rows >= SEQUENCE_ROWS and not is_personal(facts):
        return "one code a row"
    if facts.type == "int" and facts.low is not None and facts.high is not None and facts.rows >= SEQUENCE_ROWS:
        return "counts the rows" if facts.high - facts.low + 1 == facts.rows else None
    return None


def _is_group(facts: Facts) -> bool:
    """Whether rows of one entity come again, and there are entities enough to divide."""
    if facts.missing or facts.type not in {"int", "string"} or facts.distinct < GROUPS:
        return False
    each = facts.rows / facts.distinct
    if each < ROWS_A_GROUP:
        return False
    return naming.is_entity(facts.name) or (naming.is_id(facts.name) and each <= MOST_ROWS_AN_ID)


def _weight(facts: Facts) -> tuple[Role, str]:
    # Penalties and leaf sizes of the trainers are in units of rows: a row that counts as a thousand undoes them.
    if (facts.high or 0) > MOST_WEIGHT:
        return "ignored", f"a weight of rows, up to {facts.high:g}: scale it to about 1 to give it the role weight"
    return "weight", "named like a weight of rows; make it a feature if it is none"


def is_personal(facts: Facts) -> bool:
    """Whether a column holds personal data, by its values or by its name."""
    many = facts.distinct > PERSONAL_VALUES or facts.unique
    return facts.personal is not None or (naming.is_personal(facts.name) and many and facts.type != "bool")


def _too_many(facts: Facts) -> str | None:
    if facts.distinct < FEWEST_TEXTS:
        return None
    if facts.words >= FREE_TEXT_WORDS and facts.distinct > NEAR_UNIQUE / 5 * facts.known:
        return "free text, too little of it to learn its words"
    if facts.distinct > NEAR_UNIQUE * facts.known:
        return f"nearly every value is different: {facts.distinct} in {facts.known}"
    return None


def _tagged(guess: Guess) -> Guess:
    tags = ("pii",) if is_personal(guess.facts) else ()
    if naming.has(guess.name, naming.PROTECTED) and not tags:
        tags = ("protected",)
    if guess.role == "feature" and is_text(guess.facts):
        tags = (*tags, "text")
    return Guess(guess.facts, guess.role, guess.why, tags)


def _joined(*sentences: str) -> str:
    return "; ".join(sentence for sentence in sentences if sentence)
