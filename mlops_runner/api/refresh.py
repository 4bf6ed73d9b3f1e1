"""Move the pin of a remote source: fetch it, keep the snapshot, and write its digest into the Data document."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_runner import journal
from mlops_runner.durable import sync_everything, write_text
from mlops_runner.errors import Diagnostic, Place, PlanMismatch, UsageFailure
from mlops_runner.journal import Finished
from mlops_runner.lock.model import Lock
from mlops_runner.plan.compile import compile_steps
from mlops_runner.plan.key import Resolved, step_key
from mlops_runner.plan.steps import Step
from mlops_runner.reports.refresh import Pin, Refreshed
from mlops_runner.specs.base import is_timestamp
from mlops_runner.specs.data_sources import HttpSource, SqlSource
from mlops_runner.specs.edit import Edit, Insert, Remove, SetValue, apply
from mlops_runner.specs.load import Core, folder_reader, load_core, load_pipeline
from mlops_runner.specs.locations import load_yaml
from mlops_runner.specs.sql_text import AS_OF, parameters
from mlops_runner.store.layout import Layout
from mlops_runner.store.mutex import exclusive
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.pointers import ensure_dvc
from mlops_runner.store.stats import StatCache

if TYPE_CHECKING:
    from mlops_runner.execute.process import Ran


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: `as_of` moves a query to another time; `check` looks and leaves everything as it is."""

    as_of: str | None = None
    check: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """The Data document as it stands, in the project it belongs to."""

    root: Path
    file: str
    data: bytes

    def core(self, text: str | None = None) -> Core:
        """Read the pipeline; with a text, as if the document said that."""
        read = folder_reader(self.root)
        data = self.data if text is None else text.encode()
        return load_core(lambda file: data if file == self.file else read(file))

    def step(self, text: str) -> Step:
        """Return the step that fetches what a text of the document describes."""
        return next(step for step in compile_steps(self.core(text)) if step.fetches)

    def saying(self, values: Mapping[str, str | None]) -> str:
        """Return the document's text with other fields of its source; None takes a field out."""
        source = load_yaml(self.data, self.file).value["source"]
        edits: list[Edit] = []
        for name, value in values.items():
            if value is not None:
                edits.append((SetValue if name in source else Insert)(("source", name), value))
            elif name in source:
                edits.append(Remove(("source", name)))
        return apply((self.data, self.file), edits)


def refresh(layout: Layout, lock: Lock, asked: Asked, timeout: float, tell: Callable[[str], None]) -> Refreshed:
    """Fetch the source and pin what came; the next run finds it in the local store.

    Raises StepFailed when it cannot be reached, InvalidInput for documents or rows that are not right, UsageFailure
    for a time that does not fit the source, PlanMismatch when the document was edited meanwhile, LockBusy.
    """
    read = folder_reader(layout.root)
    file = load_pipeline(read).spec.specs.data
    written = Written(layout.root, file, read(file))
    core = written.core()
    source = core.data.spec.source
    as_of = _time(core, asked)
    if not isinstance(source, SqlSource | HttpSource):
        return Refreshed(file, source.kind)
    old = Pin(source.digest, getattr(source, "as_of", None), _rows(lock, source.digest))
    with exclusive(layout.mutex, timeout):
        tell(f"fetching the {source.kind} source of {file}")
        pin = _fetch(layout, written, {"as_of": as_of} if as_of else {}, asked)
    return Refreshed(file, source.kind, old, pin)


def _time(core: Core, asked: Asked) -> str | None:
    """Return the time the query is to be about. Raises UsageFailure for one that is missing, or means nothing here."""
    source = core.data.spec.source
    place = core.data.document.place(("source",))
    timed = isinstance(source, SqlSource) and AS_OF in parameters(source.query)
    if asked.as_of is None:
        if isinstance(source, SqlSource) and timed and source.as_of is None:
            message, hint = "the query has :as_of, but no time was given", "add --as-of now, or --as-of TIME"
            raise UsageFailure(Diagnostic("missing-as-of", message, place, hint))
        return source.as_of if isinstance(source, SqlSource) else None
    if not timed:
        message = f"--as-of has no meaning here: this {source.kind} source does not ask for :as_of"
        raise UsageFailure(Diagnostic("unused-as-of", message, place, "leave it out"))
    if not is_timestamp(asked.as_of):
        hint = 'now, or RFC 3339 with a zone: "2026-08-01T10:00:00Z"'
        raise UsageFailure(Diagnostic("invalid-timestamp", f'"{asked.as_of}" is not a point in time', hint=hint))
    return asked.as_of


def _rows(lock: Lock, digest: str | None) -> int | None:
    """Return the rows of the pinned snapshot, if it is the locked one."""
    stage = lock.stages.get("source")
    rows = stage.metrics.get("rows") if stage and stage.params.get("source.digest") == digest else None
    return rows if isinstance(rows, int) else None


def _fetch(layout: Layout, written: Written, time: Mapping[str, str], asked: Asked) -> Pin:
    """Fetch; unless only a look was asked for, store what came and then write the pin."""
    from mlops_runner.execute.alone import executed
    from mlops_runner.execute.process import Ground

    ground = Ground(layout.root, layout.root)
    with executed(layout, written.step(written.saying({**time, "digest": None})), ground) as ran:
        facts = dict(ran.reply.metrics)
        digest = str(facts.pop("digest"))
        if not asked.check:
            text = written.saying({**time, "digest": digest})
            _store(layout, written.step(text), ran, facts)
            _write(written, text)
    return Pin(digest, time.get("as_of"), facts.get("rows"), sum(file.size for file in ran.files.values()))


def _store(layout: Layout, pinned: Step, ran: "Ran", metrics: Mapping[str, Any]) -> None:
    """Keep the snapshot where a run looks for what is known: in the store, under the key of the pinned step."""
    ensure_dvc(layout.root)  # has git leave the cache alone
    stats = StatCache(layout.stats)
    store = ObjectStore(layout.root, stats)
    for name, digest in ran.files.items():
        store.take(ran.out / name, digest)
    stats.save()
    key = step_key(pinned, Resolved({}, {}), {}, "")
    journal.append(layout.journal, Finished(key, pinned.name, ran.files, metrics, seconds=ran.seconds))
    sync_everything(layout.root, store.folder)  # before the document names it


def _write(written: Written, text: str) -> None:
    path = (written.root / written.file).resolve()
    if path.read_bytes() != written.data:
        message = f"{written.file} was edited while the source was being fetched"
        raise PlanMismatch(Diagnostic("concurrent-edit", message, Place(written.file), "run it again"))
    if text.encode() != written.data:
        write_text(path, text)
