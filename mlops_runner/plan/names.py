"""Names of many steps in few words."""

from collections import Counter
from collections.abc import Sequence

from mlops_runner.plan.select import base_of

MOST_NAMES = 8


def folded(names: Sequence[str], fewest: int = 4) -> list[str]:
    """Return names in their order; instances of one step, from `fewest` on, are one entry: `count@… (40)`."""
    counts = Counter(base_of(name) for name in names if "@" in name)
    entries = []
    for name in names:
        many = "@" in name and counts[base_of(name)] >= fewest
        entries.append(f"{base_of(name)}@… ({counts[base_of(name)]})" if many else name)
    return list(dict.fromkeys(entries))


def listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """Return names for a line of text, instances folded, the rest of a long list counted."""
    entries = folded(names)
    if len(entries) <= most:
        return ", ".join(entries)
    return f"{', '.join(entries[:most])} and {len(entries) - most} more"
