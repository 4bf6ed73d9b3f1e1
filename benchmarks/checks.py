"""Twenty checks on a million rows of thirty columns: declared as rules, and written by hand in polars.

Both look at the same frame in one process, in rounds: each round runs both, every second one in the other order. The
first round is thrown away. CPU is that of all threads. Both must count the same rows that break each rule; ours also
fetches a sample of them. Nothing here judges a figure.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mlops_runner.data.checks.base import Context
from mlops_runner.data.checks.run import run_checks
from mlops_runner.data.table import Table
from mlops_runner.specs.data import Data

FEWEST_ROUNDS = 7
STATES = ["open", "paid", "late", "sold", "void"]
START = date(2025, 1, 1)


def frame(rows: int) -> pl.DataFrame:
    """Return thirty columns; five of the twenty checks fail on them."""
    draw = np.random.Generator(np.random.PCG64(11))
    part = draw.random((rows, 2))
    codes = draw.integers(0, 10_000, rows)
    numbers = {f"n{k}": draw.normal(50, 10, rows) for k in range(10)}
    counts = {f"k{k}": draw.integers(0, 100, rows) for k in range(6)}
    words = {f"w{k}": draw.choice(STATES, rows) for k in range(4)}
    return pl.DataFrame(
        {
            "id": np.arange(rows),
            **numbers,
            **counts,
            **words,
            "code": pl.Series(codes).cast(pl.String).str.zfill(5).str.replace("^", "AB"),
            "mail": "user" + pl.Series(codes).cast(pl.String) + "@example.org",
            "day": [START] * rows,
            "low": part.min(axis=1),
            "high": part.max(axis=1),
            "gaps": pl.Series(np.where(codes < 300, np.nan, 1.0)).fill_nan(None),
            "share": part[:, 0],
            "rest": 1 - part[:, 0],
            "y": codes % 2 == 0,
        }
    ).with_columns(pl.col("day") + pl.duration(days=pl.int_range(rows) * 300 // rows))


RULES: list[dict[str, Any]] = [
    {"kind": "range", "column": "n0", "min": -50, "max": 150},
    {"kind": "range", "column": "n1", "min": 20},
    {"kind": "range", "column": "n2", "max": 200},
    {"kind": "range", "column": "k0", "min": 0, "max": 98},
    {"kind": "range", "column": "day", "min": "2025-01-01", "max": "2025-12-31"},
    {"kind": "allowed", "column": "w0", "values": STATES},
    {"kind": "allowed", "column": "w1", "values": STATES[:4]},
    {"kind": "allowed", "column": "k1", "values": list(range(100))},
    {"kind": "regex", "column": "code", "pattern": "AB[0-9]{5}"},
    {"kind": "regex", "column": "mail", "pattern": "[a-z]+[0-9]{1,3}@example\\.org"},
    {"kind": "missing", "columns": ["gaps"], "max_share": 0.1},
    {"kind": "missing", "columns": ["n3"]},
    {"kind": "unique", "columns": ["id"]},
    {"kind": "unique", "columns": ["id", "w0"]},
    {"kind": "monotone", "column": "day"},
    {"kind": "compare", "left": "low", "is": "<=", "right": "high"},
    {"kind": "compare", "left": "n4", "is": "<", "right": "n5", "max_share": 0.4},
    {"kind": "sum", "columns": ["share", "rest"], "equals": 1, "tolerance": 1e-9},
    {"kind": "ratio", "numerator": "low", "denominator": "high", "max": 1},
    {"kind": "range", "column": "n6", "min": -100, "max": 200},
]


def by_hand(rows: pl.DataFrame) -> list[int]:
    """Count the rows that break each of the same rules, as somebody who knows polars writes it."""
    col = pl.col
    broken = [
        ((col("n0") < -50) | (col("n0") > 150)).sum(),
        (col("n1") < 20).sum(),
        (col("n2") > 200).sum(),
        ((col("k0") < 0) | (col("k0") > 98)).sum(),
        (~col("day").is_between(date(2025, 1, 1), date(2025, 12, 31))).sum(),
        (~col("w0").is_in(STATES)).sum(),
        (~col("w1").is_in(STATES[:4])).sum(),
        (~col("k1").is_in(list(range(100)))).sum(),
        (~col("code").str.contains(r"^AB[0-9]{5}$")).sum(),
        (~col("mail").str.contains(r"^[a-z]+[0-9]{1,3}@example\.org$")).sum(),
        col("gaps").null_count(),
        col("n3").null_count(),
        pl.len() - col("id").n_unique(),
        pl.len() - pl.struct("id", "w0").n_unique(),
        (col("day") < col("day").shift(1)).sum(),
        (col("low") > col("high")).sum(),
        (col("n4") >= col("n5")).sum(),
        ((col("share") + col("rest") - 1).abs() > 1e-9).sum(),
        ((col("low") / col("high") > 1) | (col("high") == 0)).sum(),
        ((col("n6") < -100) | (col("n6") > 200)).sum(),
    ]
    counts = rows.lazy().select(each.alias(str(at)) for at, each in enumerate(broken)).collect(engine="streaming")
    return list(counts.row(0))


def declared(rows: pl.DataFrame) -> Callable[[], list[int]]:
    """Return our way to the same counts; reading the spec is not part of it."""
    types = {pl.Float64: "float", pl.Int64: "int", pl.String: "string", pl.Boolean: "bool", pl.Date: "date"}
    columns = {name: {"type": types[dtype.base_type()], "max_missing": 1.0} for name, dtype in rows.schema.items()}
    columns["y"]["role"] = "target"
    spec = Data.model_validate(
        {
            "apiVersion": "mlops/v1",
            "kind": "Data",
            "name": "bench",
            "source": {"kind": "parquet", "path": "bench.parquet"},
            "columns": columns,
            "checks": {"duplicate_rows": "allow", "rules": RULES},
            "split": {"kind": "random", "seed": 1},
        },
        strict=False,
    )
    context = Context(Path(), {}, datetime.now(UTC))
    table = Table(rows, "bench.parquet")

    def run() -> list[int]:
        return [one.broken or 0 for one in run_checks(spec, table, context) if one.check.kind not in {"rows", "target"}]

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=FEWEST_ROUNDS, help=f"at least {FEWEST_ROUNDS}")
    parser.add_argument("--json", action="store_true", help="print every sample as JSON")
    options = parser.parse_args()
    rows = frame(options.rows)
    ways = {"by hand": lambda: by_hand(rows), "declared": declared(rows)}
    answers = {name: way() for name, way in ways.items()}
    if answers["by hand"] != answers["declared"]:
        raise SystemExit(f"the two do not count the same: {answers}")
    samples = _measured(ways, max(options.rounds, FEWEST_ROUNDS))
    print(json.dumps(samples) if options.json else _table(samples, rows, sum(map(bool, answers["declared"]))))


def _measured(ways: dict[str, Callable[[], list[int]]], rounds: int) -> dict[str, list[tuple[float, float]]]:
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for at in range(rounds):
        for name in list(ways) if at % 2 else reversed(list(ways)):
            wall, cpu = time.perf_counter(), time.process_time()
            ways[name]()
            samples[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return samples


def _table(samples: dict[str, list[tuple[float, float]]], rows: pl.DataFrame, failing: int) -> str:
    lines = [f"{rows.height} rows x {rows.width} columns, {len(RULES)} checks, {failing} with broken rows", ""]
    lines += ["| | wall, ms | CPU, ms |", "|---|--:|--:|"]
    for name, found in samples.items():
        wall, cpu = (1000 * statistics.median(one[k] for one in found) for k in (0, 1))
        lines.append(f"| {name} | {wall:.0f} | {cpu:.0f} |")
    for k, what in enumerate(("wall", "CPU")):
        pairs = zip(samples["declared"], samples["by hand"], strict=True)
        ratio = statistics.median(ours[k] / theirs[k] for ours, theirs in pairs)
        lines.append(f"\ndeclared / by hand, {what}, median of the rounds: {ratio:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
