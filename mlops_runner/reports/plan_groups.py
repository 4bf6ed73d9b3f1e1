"""A plan's steps as entries that a person can read: what says the same stands together, the unchanged are counted."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mlops_runner.plan.local import LocalNote
from mlops_runner.plan.model import PENDING, SYMBOLS, PlannedStep, Reason
from mlops_runner.plan.names import listed
from mlops_runner.plan.select import base_of
from mlops_runner.plan.steps import Step
from mlops_runner.plan.wording import describe

Notes = Mapping[str, LocalNote]

MOST_REASONS = 8
UPSTREAM = {"upstream-runs": "depends on {}, which run first", "upstream-affected": "reads what {} write"}
MOST_ENTRIES = 20  # more of them are drawn together, or counted
FEWEST = 4  # so many that say the same are worth an entry of their own
MOST_VALUES = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """One step, or several that say the same. `lines` say why, each with its place if that is the same for all.

    `kind` is what they have in common if no more.
    """

    names: tuple[str, ...]
    symbol: str
    remark: str
    lines: tuple[tuple[str, str], ...]
    kind: tuple[str, ...] = ()
    alike: bool = False  # the lines are those of the first; the others have reasons of the same kind

    @property
    def texts(self) -> tuple[str, ...]:
        """The lines without their places."""
        return tuple(text for text, _ in self.lines)


def entry(planned: PlannedStep, note: LocalNote | None, most: int = MOST_REASONS) -> Entry:
    """Say what happens to one step, and why."""
    symbol = SYMBOLS[planned.action]
    if note and note.state == "restore" and planned.action != "rename":
        symbol = "="
    if note and note.state == "rebuild":
        symbol = "~"
    lines = tuple(_lines(planned, note, most))
    return Entry(
        (planned.name,), symbol, _remark(planned, note), lines, tuple(dict.fromkeys(r.code for r in planned.reasons))
    )


def grouped(entries: Sequence[Entry]) -> list[Entry]:
    """Draw entries together until a person can read them: instances that say the same, then steps that do."""
    found = _merged(
        entries, lambda e: (base_of(e.names[0]), e.symbol, e.remark, e.texts) if "@" in e.names[0] else None
    )
    changed = [e for e in found if not _plain(e)]
    keys: tuple[Callable[[Entry], Hashable], ...] = (
        lambda e: (base_of(e.names[0]), e.symbol, e.remark, e.kind),
        lambda e: (e.symbol, e.remark, e.texts) if len(e.names) == 1 else None,
        lambda e: (e.symbol, e.remark, e.kind) if len(e.names) == 1 else None,
    )
    for key in keys:
        if len(changed) > MOST_ENTRIES:
            changed = _merged(changed, key)
    plain = [e for e in found if _plain(e)]
    return changed if sum(len(e.names) for e in plain) > MOST_ENTRIES else _in_order(entries, [*changed, *plain])


def told(entry: Entry, instances: Mapping[str, int]) -> Iterator[str]:
    """Yield the lines of an entry. instances: how many each declared step stands for."""
    yield f"  {entry.symbol} {_title(entry, instances)}".rstrip() + entry.remark
    for text, place in entry.lines:
        yield f"      {text}   {place}".rstrip()
    if entry.alike:
        yield f"      so it is with {entry.names[0]}; the others have reasons of the same kind: mlops plan --all"


def instances_of(plan: Iterable[PlannedStep]) -> Counter[str]:
    """Count the instances of each declared step."""
    return Counter(base_of(planned.name) for planned in plan)


def _plain(entry: Entry) -> bool:
    return entry.symbol == SYMBOLS["unchanged"] and not entry.lines and not entry.remark


def _merged(entries: Sequence[Entry], key: Callable[[Entry], Hashable]) -> list[Entry]:
    """Draw together entries of one key, if they stand for enough steps; each group where its first one stood."""
    groups: dict[Hashable, list[Entry]] = {}
    for number, found in enumerate(entries):
        groups.setdefault(key(found) or number, []).append(found)
    merged: list[Entry] = []
    for group in groups.values():
        names = tuple(name for found in group for name in found.names)
        if len(group) > 1 and len(names) >= FEWEST:
            merged.append(_together(group, names))
        else:
            merged += group
    return _in_order(entries, merged)


def _together(group: Sequence[Entry], names: tuple[str, ...]) -> Entry:
    first = group[0]
    if any(found.texts != first.texts for found in group):
        return replace(first, names=names, alike=True)
    places = [{found.lines[at][1] for found in group} for at in range(len(first.lines))]
    lines = tuple((text, "" if len(places[at]) > 1 else place) for at, (text, place) in enumerate(first.lines))
    return replace(first, names=names, lines=lines, alike=any(found.alike for found in group))


def _in_order(before: Sequence[Entry], entries: Sequence[Entry]) -> list[Entry]:
    position = {found.names[0]: number for number, found in enumerate(before)}
    return sorted(entries, key=lambda found: position[found.names[0]])


def _title(entry: Entry, instances: Mapping[str, int]) -> str:
    bases = {base_of(name) for name in entry.names}
    if len(entry.names) == 1:
        return entry.names[0]
    if len(bases) > 1:
        return f"{len(entry.names)} steps: {listed(entry.names)}"
    (base,) = bases
    count = len(entry.names)
    if count == instances[base]:
        return f"{base}@…   {count} instances"
    values = [name.partition("@")[2] for name in entry.names]
    shown = "  ".join(values if count <= MOST_VALUES else [*values[: MOST_VALUES - 1], "…"])
    return f"{base}@…   {count} of {instances[base]} instances: {shown}"


def _lines(planned: PlannedStep, note: LocalNote | None, most: int) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a step, with places. That a new step waits for others goes without saying."""
    waits = [reason for reason in planned.reasons if reason.code in UPSTREAM]
    own = [reason for reason in planned.reasons if reason.code not in UPSTREAM]
    for reason in own[:most]:
        yield describe(reason), str(reason.place or "")
    if len(own) > most:
        yield f"and {len(own) - most} more: mlops why {planned.name}", ""
    if waits and planned.action != "add":
        yield _waits(planned, waits), ""
    for difference in note.differences if note else ():
        yield difference, ""
    for path in planned.counted_as_locked:
        yield f"{path} is not here: counted as locked", ""
    for path in note.altered if note else ():
        yield f"{path} is not the locked one here", ""


def _waits(planned: PlannedStep, waits: Sequence[Reason]) -> str:
    """Say what a step waits for; of an instance that waits for one instance of a step, that it is one of them."""
    names = [reason.what for reason in waits]
    if len(names) > 1:
        return UPSTREAM[waits[0].code].format(listed(names))
    of_one = "@" in planned.name and "@" in names[0]
    return describe(replace(waits[0], what=f"{base_of(names[0])}@…") if of_one else waits[0])


def _remark(planned: PlannedStep, note: LocalNote | None) -> str:
    match (planned.action, note.state if note else None):
        case ("remove", _):
            return "   nothing asks for it any more"
        case ("unchanged", "rebuild"):
            return "   locked, but its artifacts are neither here nor in the cache"
        case (_, "restore"):
            return "   from the cache"
        case (action, _) if action in PENDING and planned.step is not None and planned.step.fits:
            return f"   {_fits(planned.step)}"
        case _:
            return ""


def _fits(step: Step) -> str:
    """Say how many models a step fits: a search at most so many, a refit all of them or none."""
    number = "1 fit" if step.fits == 1 else f"{step.fits:,} fits"
    return f"at most {number}" if step.kind == "search" else f"{number} if it wins"
