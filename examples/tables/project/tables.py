"""Tables: from scikit-learn to CSV, and divided into rows to learn from and rows to test on."""

from pathlib import Path

import polars as pl
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import train_test_split

TARGET = "target"


def fetch(cancer: Path, wine: Path, digits: Path) -> dict[str, int]:
    """Write the tables, and return how many rows they have."""
    found = {}
    for path, load in ((cancer, load_breast_cancer), (wine, load_wine), (digits, load_digits)):
        table = load()
        columns = {str(name).replace(" ", "_"): table.data[:, at] for at, name in enumerate(table.feature_names)}
        classes = [str(table.target_names[number]) for number in table.target]
        frame = pl.DataFrame({**columns, TARGET: classes})
        frame.write_csv(path)
        found[path.stem] = frame.height
    return found


def prepare(raw: Path, train: Path, test: Path, *, share: float, seed: int) -> dict[str, int]:
    """Divide a table, and return how many rows each part has."""
    frame = pl.read_csv(raw, schema_overrides={TARGET: pl.String})
    learn, held = train_test_split(
        range(frame.height), test_size=share, random_state=seed, stratify=frame[TARGET].to_list()
    )
    frame[sorted(learn)].write_csv(train)
    frame[sorted(held)].write_csv(test)
    return {"rows_train": len(learn), "rows_test": len(held)}
