"""Scores: of one model on one table, and of all of them."""

import csv
import json
from pathlib import Path


def assess(predictions: Path, scores: Path) -> dict[str, float]:
    """Compare what a model said with what is, and return how often it was right."""
    with predictions.open(newline="") as file:
        pairs = [(row["target"], row["predicted"]) for row in csv.DictReader(file)]
    recalls = [_recall(pairs, name) for name in sorted({target for target, _ in pairs})]
    found = {
        "accuracy": round(sum(target == said for target, said in pairs) / len(pairs), 6),
        "balanced": round(sum(recalls) / len(recalls), 6),
        "worst": round(min(recalls), 6),
    }
    scores.write_text(json.dumps(found, indent=1) + "\n")
    return found


def summary(scores: Path, table: Path) -> dict[str, str]:
    """Write all scores as one table, and return the name of the model that is best on average."""
    rows = [
        {"table": path.parent.name, "model": path.stem, **json.loads(path.read_text())}
        for path in sorted(scores.glob("*/*.json"))
    ]
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    tables = len({row["table"] for row in rows})
    ranks: dict[str, list[float]] = {}
    for row in rows:
        ranks.setdefault(row["model"], []).append(row["balanced"])
    everywhere = {model: sum(found) / tables for model, found in ranks.items() if len(found) == tables}
    return {"best": max(sorted(everywhere), key=lambda model: everywhere[model])}


def _recall(pairs: list[tuple[str, str]], name: str) -> float:
    of_class = [said for target, said in pairs if target == name]
    return of_class.count(name) / len(of_class)
