"""gc."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_runner.cli.console import Settings, common_options, emit, emit_json, say
from mlops_runner.errors import EXIT_OK

if TYPE_CHECKING:
    from mlops_runner.api.gc import Sweep
    from mlops_runner.store.garbage import Stored


@click.command()
@common_options
@click.option("--yes", is_flag=True, help="Remove what may go; without it, only say what would.")
@click.option("--days", type=click.FloatRange(min=0), default=30, show_default=True, help="Keep commits this young.")
@click.option("--commits", type=click.IntRange(min=0), default=0, show_default=True, help="Keep the newest N commits.")
@click.option(
    "--results", type=click.IntRange(min=0), default=100, show_default=True, help="Keep the last N local results."
)
@click.option(
    "--project", "projects", multiple=True, type=click.Path(exists=True, file_okay=False), metavar="DIR",
    help="Another project that uses the same cache; may be repeated.",
)  # fmt: skip
@click.option("--explain", metavar="MD5", help="Say what keeps one object.")
def gc(settings: Settings, yes: bool, explain: str | None, projects: tuple[str, ...], **keep: float) -> int:
    """Remove from the cache what nothing names any more, and environments; without --yes, say what that is.

    \b
    Kept is what pipeline.lock, dvc.lock, .dvc pointers, models/ and environments/ name: in every working tree, branch,
    remote-tracking branch, tag and stash, and in recent commits; the last results of this machine; and what is
    younger than an hour. Environments of steps are kept that a pipeline.lock of these names, or pipeline.yaml as it is.

    \b
    Examples:
      mlops gc
      mlops gc --days 90 --yes
      mlops gc --explain 0cc175b9c0f1b6a831c399e269772661
    """
    from mlops_runner.api.gc import Collector, Keep

    project = settings.project()
    kept = Keep(keep["days"], int(keep["commits"]), int(keep["results"]))
    others = [Path(folder).absolute() for folder in projects]
    collector = Collector(project.root, others, kept, time.time(), project.lock_timeout)
    if explain:
        stored, reasons = collector.explain(explain)
        _explained(settings, stored, reasons)
        return EXIT_OK
    found = collector.sweep() if yes else collector.look()
    if settings.as_json:
        emit_json(_json(found, removed=yes))
    else:
        emit(_text(found, removed=yes))
    for note in found.notes:
        say(f"note: {note}")
    return EXIT_OK


def _explained(settings: Settings, stored: "Stored", reasons: list[str]) -> None:
    if settings.as_json:
        emit_json({"md5": stored.md5, "size": stored.size, "kept_by": reasons})
        return
    emit(f"{stored.md5}  {_size(stored.size)}  {'kept by' if reasons else 'nothing names it: it may go'}")
    for reason in reasons:
        emit(f"  {reason}")


def _json(found: "Sweep", *, removed: bool) -> dict[str, object]:
    return {
        "removed": removed,
        "kept": {kind: _sum(objects) for kind, objects in found.kept.items()},
        "loose": {**_sum(found.loose), "md5": [stored.md5 for stored in found.loose]},
        "environments": {"unused": len(found.unused), "bytes": sum(unused.size for unused in found.unused)},
    }


def _sum(objects: "list[Stored]") -> dict[str, int]:
    return {"objects": len(objects), "bytes": sum(stored.size for stored in objects)}


def _text(found: "Sweep", *, removed: bool) -> str:
    everything = [stored for objects in found.kept.values() for stored in objects]
    lines = [_line("kept", everything)]
    lines += [_line(f"  {kind}", objects) for kind, objects in found.kept.items()]
    lines.append(_line("removed" if removed else "may go", found.loose))
    if found.unused:
        size = _size(sum(unused.size for unused in found.unused))
        lines.append(f"{'removed' if removed else 'may go':<18} {len(found.unused):>8} environments {size:>6}")
    if (found.loose or found.unused) and not removed:
        lines += ["", "to remove them: mlops gc --yes"]
    return "\n".join(lines)


def _line(what: str, objects: "list[Stored]") -> str:
    return f"{what:<18} {len(objects):>8} objects  {_size(sum(stored.size for stored in objects)):>10}"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
