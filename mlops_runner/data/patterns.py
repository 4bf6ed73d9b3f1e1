"""Regular expressions of a spec, in the dialect of the engine that matches them: no look-around, no references back."""

import polars as pl

from mlops_runner.errors import Diagnostic


def fault(pattern: str, where: str) -> Diagnostic | None:
    """Complain when the pattern is no regular expression; `where` is its place in the document."""
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.ComputeError as error:
        lines = str(error).splitlines()
        reason = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), lines[0])
        hint = "write it without" if "not supported" in reason else "is everything in it meant as it stands?"
        return Diagnostic("invalid-pattern", f"{where}: {pattern}: {reason}", hint=hint)
    return None
