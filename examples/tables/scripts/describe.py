"""Describe a table: describe.py TABLE OUTPUT."""

import csv
import json
import sys
from collections import Counter
from pathlib import Path

table, output = sys.argv[1:]
with Path(table).open(newline="") as file:
    rows = list(csv.DictReader(file))
classes = Counter(row["target"] for row in rows)
found = {
    "rows": len(rows),
    "columns": len(rows[0]) - 1,
    "classes": len(classes),
    "smallest_class": min(classes.values()),
}
Path(output).write_text(json.dumps(found, indent=1) + "\n")
