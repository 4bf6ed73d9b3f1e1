"""Random pipelines of the project's own steps, as drafts that can be edited, and the files that say them.

Every step does the same thing: it reads all that it is shown, and writes what follows from that. So whatever reaches
a step that should not, or does not and should, moves its result; `naive_runs` works the results out without a runner.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any

SOURCES = ("src/a", "src/b", "src/dir/c", "src/dir/d")
READABLE = (*SOURCES, "src/dir", "src/*", "src/dir/*")
COMMON = "out/all"  # a folder into which several steps write
HALF = 0.5  # steps of a lower rank may write there, steps of a higher one may read it
WORDS = ("x", "y", "zz")

# How a result follows from what was read: wholly, in part, or not at all.
HOWS = ("all", "all", "size", "const")

PROGRAM = r"""
how=$1; shift
outs=; while [ "$1" != -- ]; do outs="$outs $1"; shift; done; shift
said="$*"; set --
for f in * */* */*/*; do
  case $f in scripts/*) ;; *) if [ -f "$f" ]; then set -- "$@" "$f"; fi ;; esac
done
text="$*
$(cat /dev/null "$@")"
count=$(( ${#text} % 3 ))
case $how in
  all) set -- $(printf %s "$text" | md5sum); body="$1 $said" ;;
  size) body="$count $said" ;;
  const) body=same ;;
esac
for out in $outs; do
  case $out in
    *.json) echo "{\"v\": $count}" > $out ;;
    */) mkdir -p $out; i=0; while [ $i -le $count ]; do echo "SALT $body $i" > $out$i; i=$((i + 1)); done ;;
    *) echo "SALT $body" > $out ;;
  esac
done
"""

LIBRARY = r'''
"""COMMENT"""
import hashlib
from pathlib import Path


def shown():
    """Name and read all files that lie here, as the shell of the other steps does."""
    found = [path for depth in ("*", "*/*", "*/*/*") for path in sorted(map(str, Path().glob(depth)))]
    files = [path for path in found if Path(path).is_file()]
    return " ".join(files) + "\n" + "".join(Path(path).read_text() for path in files).rstrip("\n")


def write(how, outs, said, salt):
    text = shown()
    count = len(text) % 3
    body = {"all": hashlib.md5(text.encode()).hexdigest() + " " + said, "size": f"{count} {said}", "const": "same"}[how]
    for out in outs:
        path = Path(out)
        if out.endswith(".json"):
            path.write_text(f'{{"v": {count}}}\n')
        elif out.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            for number in range(count + 1):
                (path / str(number)).write_text(f"{salt}SALT {body} {number}\n")
        else:
            path.write_text(f"{salt}SALT {body}\n")
    return {"v": count}
'''

MODULE = '''
"""COMMENT"""
from project.library import write


def do(**given):
    # COMMENT
    outs = [given[name] for name in sorted(given) if name.startswith("told")]
    said = " ".join(str(given[name]) for name in sorted(given) if name.startswith("p"))
    return write(given["how"], outs, said, "SALT")
'''


@dataclass
class Draft:
    """A step as somebody might write it. `number` names its files for good; its name may change."""

    number: int
    name: str
    form: str  # shell, script or python
    how: str
    rank: float
    reads: list[str]
    version: int = 0  # of its paths
    kinds: tuple[str, ...] = ("file",)  # of its outputs: file, folder, common, json
    params: dict[str, Any] = field(default_factory=dict)
    axis: list[int] = field(default_factory=list)
    always: bool = False
    frozen: bool = False
    described: int = 0
    threads: int = 1

    @property
    def measures(self) -> bool:
        """Whether others can take a value of it."""
        return self.form == "python" or "json" in self.kinds

    def outputs(self, value: object = "{a}") -> list[str]:
        """Return its paths, a folder with a slash at its end."""
        one = f"-{value}" if self.axis else ""
        paths = {
            "file": f"out/{self.number}{one}.{self.version}",
            "folder": f"out/{self.number}{one}.{self.version}d/",
            "common": f"{COMMON}/{self.number}{one}",
            "json": f"out/{self.number}{one}.json",
        }
        return [paths[kind] for kind in self.kinds]

    def instances(self) -> Iterator[tuple[str, object]]:
        """Yield the name and the value of the axis of each instance; without an axis the value is empty."""
        yield from ((f"{self.name}@{value}", value) for value in self.axis) if self.axis else [(self.name, "")]


@dataclass
class Project:
    """The documents, sources and programs of a project."""

    sources: dict[str, str] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    shared: dict[str, int] = field(default_factory=lambda: {"k": 1, "m": 2})
    salts: dict[str, int] = field(default_factory=dict)  # of programs: they change what is written
    comments: dict[str, int] = field(default_factory=dict)  # of programs and of pipeline.yaml: they do not
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def draft(self, number: int) -> Draft | None:
        """Return a draft by its number."""
        return next((draft for draft in self.drafts if draft.number == number), None)

    def written(self) -> list[str]:
        """Return the paths of all outputs."""
        return [path for draft in self.drafts for _, value in draft.instances() for path in draft.outputs(value)]

    def resolve(self, param: Any) -> Any:
        """Return a param as the document says it."""
        match param:
            case ("shared", key):
                return {"param": key}
            case ("value", number, axis):
                draft = self.draft(number)
                assert draft is not None
                return {"step": f"{draft.name}@{axis}" if draft.axis else draft.name, "value": "v"}
        return param

    def files(self) -> dict[str, str]:
        """Return path → text of everything that a person wrote."""
        steps = {draft.name: self._step(draft) for draft in self.drafts}
        head = {"apiVersion": "mlops/v1", "kind": "Pipeline", "name": "random", "params": self.shared, "steps": steps}
        found = {**self.sources, "pipeline.yaml": f"# {self.comments.get('pipeline.yaml', 0)}\n{json.dumps(head)}\n"}
        found["project/library.py"] = self._filled(LIBRARY, "project/library.py")
        for draft in self.drafts:
            if draft.form == "python":
                found[self.program(draft)] = self._filled(MODULE, self.program(draft))
            if draft.form == "script":
                found[self.program(draft)] = self._filled("# COMMENT" + PROGRAM, self.program(draft))
        return found

    def program(self, draft: Draft) -> str:
        """Return the file of a step's program; of a text for the shell, what would be."""
        return f"project/m{draft.number}.py" if draft.form == "python" else f"scripts/{draft.number}.sh"

    def salt(self, file: str) -> str:
        """Return what a program puts before all that it writes."""
        return f"s{self.salts.get(file, 0)}"

    def _filled(self, text: str, file: str) -> str:
        return text.replace("SALT", self.salt(file)).replace("COMMENT", f"comment {self.comments.get(file, 0)}")

    def _step(self, draft: Draft) -> dict[str, Any]:
        outs = draft.outputs()
        paths = [path.rstrip("/") for path in outs]
        params = {name: self.resolve(param) for name, param in draft.params.items()}
        told = [f"{{{name}}}" for name in sorted(params)] + (["{a}"] if draft.axis else [])
        step: dict[str, Any] = {"description": f"number {draft.described}", "resources": {"threads": draft.threads}}
        if draft.axis:
            step["matrix"] = {"axes": {"a": draft.axis}}
        step |= {name: True for name in ("always", "frozen") if getattr(draft, name)}
        if draft.form == "python":
            params |= {"how": draft.how} | ({"pz": "{a}"} if draft.axis else {})
            params |= {f"told{at}": path for at, path in enumerate(outs)}
            named = {"inputs": {f"i{at}": path for at, path in enumerate(draft.reads)}}
            named["outputs"] = {f"o{at}": path for at, path in enumerate(paths)}
            return {"kind": "python", "callable": f"project.m{draft.number}:do", "params": params, **named, **step}
        step |= {"kind": "command", "inputs": draft.reads, "outputs": paths, "params": params}
        if "json" in draft.kinds:
            step["metrics"] = next(path for path in paths if path.endswith(".json"))
        if draft.form == "script":
            program = self.program(draft)
            return {**step, "command": ["sh", program, draft.how, *outs, "--", *told], "code": [program]}
        text = self._filled(PROGRAM, self.program(draft))
        return {**step, "shell": f"set -- {' '.join([draft.how, *outs, '--', *told])}\n{text}"}


def matches(read: str, path: str) -> bool:
    """Say whether an input takes a file: by its own name, as a folder, or by a pattern, whose star meets no slash."""
    if "*" in read:
        return fnmatchcase(path, read) and path.count("/") == read.count("/")
    return path == read or path.startswith(f"{read}/")


def takes(read: str, written: str) -> bool:
    """Say whether an input can take an output, or a part of it; a folder has a slash at its end."""
    if written.endswith("/"):
        return f"{read}/".startswith(written) or (written.startswith(f"{read}/") and "*" not in read)
    return matches(read, written)


def draw_project(draw: Random, most: int, forms: tuple[str, ...]) -> Project:
    """Draw a project of up to `most` drafts."""
    project = Project({path: f"{draw.choice(WORDS)}\n" for path in SOURCES})
    for _ in range(draw.randint(1, most)):
        project.drafts.insert(draw.randint(0, len(project.drafts)), draw_draft(draw, project, forms))
    return project


def draw_draft(draw: Random, project: Project, forms: tuple[str, ...]) -> Draft:
    """Draw a draft that reads sources and what drafts of a lower rank write."""
    number = next(project.numbers)
    rank = draw.random()
    kinds = ["file", "folder", *(["common"] if rank < HALF else [])]
    chosen = tuple(draw.sample(kinds, draw.randint(1, len(kinds)))) + (("json",) if draw.random() < 0.4 else ())
    draft = Draft(
        number, f"n{number}", draw.choice(forms), draw.choice(HOWS), rank, [], kinds=chosen,
        axis=draw.sample(range(1, 5), draw.randint(1, 3)) if draw.random() < 0.3 else [],
    )  # fmt: skip
    for _ in range(draw.randint(0, 3)):
        add_read(draw, project, draft)
    for name in draw.sample(["p0", "p1", "p2"], draw.randint(0, 3)):
        draft.params[name] = draw_param(draw, project, draft)
    return draft


def add_read(draw: Random, project: Project, draft: Draft) -> None:
    """Have a draft read one thing more, if it does not yet."""
    lower = [other for other in project.drafts if other.rank < draft.rank]
    found = [draw.choice(READABLE)]
    if lower:
        other = draw.choice(lower)
        value = draw.choice([value for _, value in other.instances()])
        found += [draw.choice(other.outputs(value)).rstrip("/")] * 3
        if other.axis and not {"folder", "common"} & set(other.kinds):
            found += [f"out/{other.number}-*"] * 2
        if other.axis and set(draft.axis) <= set(other.axis) and draft.axis:
            found += [draw.choice(other.outputs()).rstrip("/")] * 2
        if draft.rank > HALF and any("common" in other.kinds for other in lower):
            found += [COMMON, f"{COMMON}/*"]
    read = draw.choice(found)
    if read not in draft.reads:
        draft.reads.append(read)


def draw_param(draw: Random, project: Project, draft: Draft) -> Any:
    """Draw a value, or what stands for one."""
    others = [other for other in project.drafts if other.rank < draft.rank and other.measures]
    if others and draw.random() < 0.4:
        other = draw.choice(others)
        return ("value", other.number, draw.choice([value for _, value in other.instances()]))
    return ("shared", draw.choice(["k", "m"])) if draw.random() < 0.3 else draw.randint(1, 3)
