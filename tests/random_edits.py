"""Random edits of a random pipeline, and accidents that happen to it; each to the files, and to the `World` beside."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

from naive_runs import World
from random_pipelines import READABLE, SOURCES, WORDS, Draft, add_read, draw_draft, draw_param, matches, takes

STATE = ".mlops"


class Editor:
    """Edits one project. `said` tells what was done, for whoever must understand a failure."""

    def __init__(self, draw: Random, root: Path, world: World, forms: tuple[str, ...]) -> None:
        self.said: list[str] = []
        self._draw = draw
        self._root = root
        self._world = world
        self._project = world.project
        self._forms = forms
        self._written: dict[str, str] = {}
        self.write()

    def write(self) -> None:
        """Write what changed of the documents, and take away what is gone."""
        files = self._project.files()
        for path in self._written.keys() - files.keys():
            (self._root / path).unlink(missing_ok=True)  # a run may have been first
        for path, text in files.items():
            if self._written.get(path) != text:
                (self._root / path).parent.mkdir(parents=True, exist_ok=True)
                (self._root / path).write_text(text)
        self._written = files

    def edit(self) -> None:
        """Do one thing, and whatever must follow for the documents to fit together."""
        name, weight = zip(*EDITS, strict=True)
        (chosen,) = self._draw.choices(name, weight)
        if (told := chosen(self)) is not None:
            self.said.append(f"{chosen.__name__.strip('_')} {told}".strip())
            self._mend()
            self.write()

    def thaw(self) -> None:
        """Have no step stay as it is."""
        for draft in self._project.drafts:
            draft.frozen = False
        self.write()

    def _mend(self) -> None:
        """Drop what refers to what is gone; what a person had changed of it goes, too."""
        for draft in self._project.drafts:
            draft.reads = [read for read in draft.reads if self._is_there(draft, read) or self._is_written(draft, read)]
            for name, said in draft.params.items():
                if isinstance(said, tuple) and said[0] == "value" and not self._is_returned(*said[1:]):
                    draft.params[name] = 1
        present = self._project.written()
        locked = {path: text for found in self._world.lock.values() for path, text in found.outputs.items()}
        for path, text in list(self._world.tree.items()):
            if locked.get(path) != text and not any(takes(path, output) for output in present):
                del self._world.tree[path]
                (self._root / path).unlink()

    def _is_there(self, draft: Draft, read: str) -> bool:
        """Say whether a step reads sources: those of the beginning, or what steps wrote that are gone."""
        paths = [read.replace("{a}", str(value)) for _, value in draft.instances()]
        return read in READABLE or all(any(matches(p, other) for other in self._project.sources) for p in paths)

    def _is_written(self, draft: Draft, read: str) -> bool:
        """Say whether steps of a lower rank write what a step reads, for each of its instances."""
        lower = [other for other in self._project.drafts if other.rank < draft.rank]
        written = [path for other in lower for _, value in other.instances() for path in other.outputs(value)]
        paths = [read.replace("{a}", str(value)) for _, value in draft.instances()]
        return all(any(takes(path, other) for other in written) for path in paths)

    def _is_returned(self, number: int, axis: object) -> bool:
        other = self._project.draft(number)
        return other is not None and other.measures and axis in {value for _, value in other.instances()}

    def _some(self, *, frozen: bool = True) -> Draft | None:
        found = [draft for draft in self._project.drafts if frozen or not draft.frozen]
        return self._draw.choice(found) if found else None

    def _change_source(self) -> str:
        path = self._draw.choice(SOURCES)
        self._project.sources[path] = f"{self._draw.choice(WORDS)}\n"
        return path

    def _touch_source(self) -> str:
        path = self._draw.choice(SOURCES)
        (self._root / path).write_text(self._project.sources[path])
        return path

    def _change_param(self) -> str | None:
        draft = self._some()
        if draft is None or not draft.params:
            return None
        name = self._draw.choice(sorted(draft.params))
        draft.params[name] = draw_param(self._draw, self._project, draft)
        return f"{draft.name}.{name} = {draft.params[name]}"

    def _change_shared(self) -> str:
        self._project.shared[key := self._draw.choice(["k", "m"])] = self._draw.randint(1, 3)
        return key

    def _rename(self) -> str | None:
        draft = self._some(frozen=False)
        if draft is None:
            return None
        old, draft.name = draft.name, f"n{self._draw.randint(0, 40)}"
        for other in self._project.drafts:
            if other is not draft and other.name == draft.name:
                if other.frozen:
                    draft.name = old
                    return None
                other.name = old  # the two change places
        return f"{old} > {draft.name}"

    def _reorder(self) -> str:
        self._draw.shuffle(self._project.drafts)
        return ""

    def _add(self) -> str:
        draft = draw_draft(self._draw, self._project, self._forms)
        while any(other.name == draft.name for other in self._project.drafts):
            draft.name += "x"
        self._project.drafts.append(draft)
        return draft.name

    def _remove(self) -> str | None:
        draft = self._some()
        if draft is None or len(self._project.drafts) == 1:
            return None
        self._project.drafts.remove(draft)
        return draft.name

    def _orphan(self) -> str | None:
        """Remove a step and keep what it wrote, where others read that."""
        draft = self._some(frozen=False)
        if draft is None or len(self._project.drafts) == 1 or {"folder", "common"} & set(draft.kinds):
            return None
        world, stages = self._world, [self._world.lock.get(name) for name, _ in draft.instances()]
        written = {path: text for stage in stages if stage for path, text in stage.outputs.items()}
        if None in stages or written.keys() != set(self._outputs(draft)) or not written.items() <= world.tree.items():
            return None
        others = [other for other in self._project.drafts if other is not draft]
        reads = [read.replace("{a}", str(v)) for other in others for read in other.reads for _, v in other.instances()]
        self._project.drafts.remove(draft)
        for stage in filter(None, stages):
            if any(matches(read, path) for read in reads for path in stage.outputs):
                self._project.sources |= {path: world.tree.pop(path) for path in stage.outputs}
        return draft.name

    @staticmethod
    def _outputs(draft: Draft) -> list[str]:
        return [path for _, value in draft.instances() for path in draft.outputs(value)]

    def _change_code(self) -> str:
        file = self._program()
        self._project.salts[file] = self._draw.randint(0, 2)
        return file

    def _change_comment(self) -> str:
        file = self._draw.choice([self._program(), "pipeline.yaml"])
        self._project.comments[file] = self._draw.randint(0, 2)
        return file

    def _program(self) -> str:
        files = [self._project.program(draft) for draft in self._project.drafts]
        return self._draw.choice([*files, "project/library.py"])

    def _describe(self) -> str | None:
        draft = self._some()
        if draft is None:
            return None
        draft.described += 1
        draft.threads = self._draw.randint(1, 2)  # which is in its key
        return f"{draft.name} with {draft.threads} threads"

    def _toggle_always(self) -> str | None:
        draft = self._some(frozen=False)
        if draft is None:
            return None
        draft.always = not draft.always
        return draft.name

    def _toggle_frozen(self) -> str | None:
        draft = self._some()
        if draft is None or not all(name in self._world.lock for name, _ in draft.instances()):
            return None
        draft.frozen, draft.always = not draft.frozen, False
        return f"{draft.name} {draft.frozen}"

    def _change_axis(self) -> str | None:
        draft = self._some(frozen=False)
        if draft is None or not draft.axis:
            return None
        draft.axis = self._draw.sample(range(1, 5), self._draw.randint(1, 3))
        return f"{draft.name} {draft.axis}"

    def _change_paths(self) -> str | None:
        draft = self._some(frozen=False)
        if draft is None:
            return None
        before, draft.version = draft.outputs(), self._draw.randint(0, 2)
        moved = dict(zip(before, draft.outputs(), strict=True))
        for other in self._project.drafts:
            other.reads = [moved.get(read, moved.get(f"{read}/", read)).rstrip("/") for read in other.reads]
        return draft.name

    def _change_how(self) -> str | None:
        draft = self._some()
        if draft is None:
            return None
        draft.how = self._draw.choice(["all", "size", "const"])
        return f"{draft.name} {draft.how}"

    def _read_more(self) -> str | None:
        draft = self._some()
        if draft is None:
            return None
        add_read(self._draw, self._project, draft)
        return f"{draft.name} {draft.reads}"

    def _read_less(self) -> str | None:
        draft = self._some()
        if draft is None or not draft.reads:
            return None
        draft.reads.remove(gone := self._draw.choice(draft.reads))
        return f"{draft.name} {gone}"

    def _spoil_output(self) -> str | None:
        path = self._present()
        if path is None:
            return None
        (self._root / path).unlink()
        del self._world.tree[path]
        if self._draw.random() < 0.5:
            return f"deleted {path}"
        self._world.tree[path] = f"by hand {self._draw.randint(0, 1)}\n"
        (self._root / path).write_text(self._world.tree[path])
        return f"edited {path}"

    def _present(self) -> str | None:
        still = [draft for draft in self._project.drafts if draft.frozen]
        frozen = {path for draft in still for path in self._outputs(draft)}
        found = sorted(path for path in self._world.tree if not any(takes(path, other) for other in frozen))
        return self._draw.choice(found) if found else None

    def _lose_object(self) -> str | None:
        frozen = {name for draft in self._project.drafts if draft.frozen for name, _ in draft.instances()}
        needed = {text for name in frozen for text in self._world.lock[name].outputs.values()}
        objects = [path for path in sorted((self._root / ".dvc/cache/files/md5").glob("*/*")) if path.suffix != ".dir"]
        objects = [path for path in objects if path.read_text() in self._world.cache - needed]
        if not objects:
            return None
        chosen = self._draw.choice(objects)
        self._world.cache.remove(chosen.read_text())
        if self._draw.random() < 0.5:
            chosen.unlink()
            return f"deleted {chosen.name}"
        chosen.chmod(0o644)
        chosen.write_text("damaged")
        return f"damaged {chosen.name}"

    def _lose_lock(self) -> str | None:
        if any(draft.frozen for draft in self._project.drafts) or not self._world.lock:
            return None
        self._world.lock = {}
        (self._root / "pipeline.lock").unlink()
        return ""

    def _lose_state(self) -> str | None:
        files = sorted(path for path in (self._root / STATE).rglob("*") if path.is_file())
        files = [path for path in files if "replaced" not in path.parts]
        if not files:
            return None
        chosen = self._draw.choice([*files, self._root / STATE / "journal.jsonl", self._root / STATE])
        if chosen.name in {"journal.jsonl", STATE}:
            self._world.journal = {}
        if chosen.is_dir():
            shutil.rmtree(chosen)
        elif chosen.name == "journal.jsonl" or self._draw.random() < 0.3:
            chosen.unlink(missing_ok=True)
        else:
            data = bytearray(chosen.read_bytes())
            if data:
                data[self._draw.randrange(len(data))] ^= 1 << self._draw.randrange(8)
            chosen.write_bytes(data)
        return chosen.name


EDITS: list[tuple[Callable[[Editor], str | None], int]] = [
    (Editor._change_source, 6), (Editor._touch_source, 2), (Editor._change_param, 4), (Editor._change_shared, 2),
    (Editor._rename, 3), (Editor._reorder, 1), (Editor._add, 3), (Editor._remove, 2), (Editor._orphan, 2),
    (Editor._change_code, 3), (Editor._change_comment, 2), (Editor._describe, 2), (Editor._toggle_always, 1),
    (Editor._toggle_frozen, 2), (Editor._change_axis, 3), (Editor._change_paths, 3), (Editor._change_how, 2),
    (Editor._read_more, 3), (Editor._read_less, 2), (Editor._spoil_output, 6), (Editor._lose_object, 3),
    (Editor._lose_lock, 1), (Editor._lose_state, 3),
]  # fmt: skip
