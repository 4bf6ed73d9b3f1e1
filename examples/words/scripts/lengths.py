"""Count words by their length: lengths.py WORDS LONGEST OUTPUT."""

import json
import sys
from collections import Counter
from pathlib import Path

words, longest, output = sys.argv[1:]
counts = Counter(len(word) for word in Path(words).read_text().split() if len(word) <= int(longest))
found = {f"letters_{length}": counts[length] for length in sorted(counts)}
Path(output).write_text(json.dumps(found, indent=1) + "\n")
