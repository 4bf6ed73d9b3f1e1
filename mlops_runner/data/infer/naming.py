"""What the name of a column says about its values."""

import re
from collections.abc import Set
from functools import cache


def listed(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


CODES = listed(
    "zip zipcode postal postcode plz code codes sku isbn ean gtin upc vin imei icd naics sic fips nace iata swift bic"
    " phone telephone fax mobile iban ssn account"
)
IDS = listed("id ids uuid guid key pk rowid index idx")
ENTITIES = listed(
    "user customer client patient subject person member household account session device driver employee student"
    " visitor player machine vehicle unit"
)
MOMENTS = listed(
    "date time timestamp datetime ts day dteday created updated occurred event at when month week quarter year"
    " recorded observed opened ordered purchased issued logged sold start started"
)
OTHER_MOMENTS = listed("birth born dob birthday birthdate expiry expires expired valid until due end ended")
WEIGHTS = frozenset({"weights", "fnlwgt"})
WEIGHTED = listed("sample case instance survey row observation obs frequency population")
ANSWERS = re.compile(
    r"(y_?)?(pred|predicted|prediction|predictions|yhat|y_hat|proba)(_(proba|prob|score|label|class))?"
)
PROTECTED = listed("sex gender race ethnicity ethnic religion disability nationality orientation")
QUANTITIES = listed(
    "count cnt quality rating score grade stars number num amount age rank level points total sum price"
)
COUNTS = listed("count counts cnt number num age year years rank level points visits calls days")
PERSONAL = listed(
    "email mail phone telephone mobile fax address street ssn passport birth birthday birthdate dob iban bic"
    " surname lastname firstname forename fullname username nickname ip ipaddress license licence cardnumber"
    " plate"
)
# "name" alone is a person's where no other word says whose it is.
NAMED = listed("first last full middle maiden given family sur user customer client patient person contact")


@cache
def words_of(name: str) -> tuple[str, ...]:
    """Split a name into lower-case words: `customerID_old` gives customer, id, old."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", spaced)
    return tuple(word for word in re.split(r"[\W_]+", spaced.lower()) if word)


def has(name: str, words: Set[str]) -> bool:
    """Whether one of the words of a name is in a set."""
    return not words.isdisjoint(words_of(name))


def is_code(name: str) -> bool:
    """Whether numbers of this name are codes, whose size means nothing."""
    return has(name, CODES) or is_id(name)


def is_id(name: str) -> bool:
    """Whether the name is that of an identifier."""
    words = words_of(name)
    return bool(words) and (words[-1] in IDS or name.lower().endswith(("uuid", "guid", "_id")))


def is_entity(name: str) -> bool:
    """Whether the name is that of somebody or something of which there may be several rows."""
    return has(name, ENTITIES) and (is_id(name) or len(words_of(name)) == 1)


def is_moment(name: str) -> bool:
    """Whether a date of this name says when a row came about."""
    return has(name, MOMENTS) and not has(name, OTHER_MOMENTS)


def is_weight(name: str) -> bool:
    """Whether the name is that of a weight of rows; `weight` alone may be that of a body."""
    words = words_of(name)
    return has(name, WEIGHTS) or (bool(words) and words[-1] in {"weight", "wt"} and not WEIGHTED.isdisjoint(words))


def is_answer(name: str) -> bool:
    """Whether the name is that of a model's output."""
    return bool(ANSWERS.fullmatch("_".join(words_of(name))))


def is_personal(name: str) -> bool:
    """Whether the name smells of personal data."""
    words = words_of(name)
    if has(name, PERSONAL):
        return True
    return "name" in words and (words == ("name",) or not NAMED.isdisjoint(words))
