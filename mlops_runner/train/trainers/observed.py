"""Run a library's fit and hear what it says: warnings become log lines, its complaints become diagnostics."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.train.trainers.base import Log

FIRST = 20


@dataclass(frozen=True, slots=True)
class Heard:
    """The result of a call and the warnings it gave, as (category, text)."""

    result: Any
    warnings: tuple[tuple[str, str], ...]

    def any_of(self, category: str) -> bool:
        """Say whether a warning of a category was given."""
        return any(given == category for given, _ in self.warnings)


def heard(call: Callable[[], Any], log: Log) -> Heard:
    """Call, log each distinct warning once (at most 20), and return the result with all of them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    given = tuple((warning.category.__name__, " ".join(str(warning.message).split())) for warning in caught)
    distinct = list(dict.fromkeys(given))
    for category, text in distinct[:FIRST]:
        log(f"{category}: {text}")
    if len(distinct) > FIRST:
        log(f"and {len(distinct) - FIRST} other warnings")
    return Heard(result, given)


def refused(who: str, error: Exception, hint: str | None = None) -> StepFailed:
    """Build the failure for a complaint of a library about values it was given."""
    text = " ".join(str(error).split())
    advice = hint or ("set preprocessing.numeric.impute, for example to median" if "NaN" in text else None)
    # scikit-learn names the parameter so; the place is then that of its value.
    named = re.match(r"The '(\w+)' parameter of ", text)
    path = f"trainer.params.{named[1]}" if named else None
    return StepFailed(Diagnostic("trainer-refused", f"{who}: {text[:500]}", hint=advice, path=path))
