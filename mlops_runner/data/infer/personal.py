"""Values that look like personal data, whatever their column is called."""

import re
from collections.abc import Sequence

KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("e-mail addresses", re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")),
    ("IBANs", re.compile(r"[A-Z]{2}\d{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}")),
    ("IP addresses", re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)")),
    ("social security numbers", re.compile(r"\d{3}-\d{2}-\d{4}")),
    ("phone numbers", re.compile(r"(?:\+|00)\d{1,3}[ ./()-]*\d[\d ./()-]{5,}|\(?\d{3,5}\)?[ /-]\d{3}[ -]?\d{4}")),
)
ENOUGH = 0.8


def kind_of(texts: Sequence[str]) -> str | None:
    """Return what most of the texts look like, or None."""
    for kind, pattern in KINDS:
        if texts and sum(bool(pattern.fullmatch(text)) for text in texts) >= ENOUGH * len(texts):
            return kind
    return None
