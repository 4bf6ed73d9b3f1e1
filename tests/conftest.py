"""A small pipeline in a git repository, run once a session and copied for each test that needs one."""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# The suite answers the same twice; `pytest --hypothesis-profile explore` looks further, at other examples each time.
hypothesis.settings.register_profile("explore", hypothesis.settings.get_profile("default"))
hypothesis.settings.register_profile("repeatable", derandomize=True, database=None)
hypothesis.settings.load_profile("repeatable")

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: shop
specs:
  data: specs/data.yaml
  training: specs/training.yaml
  evaluation: specs/evaluation.yaml
"""

DATA = """\
apiVersion: mlops/v1
kind: Data
name: shop
source: {kind: csv, path: data/visits.csv}
columns:
  minutes: {type: float, min: 0}
  device: {type: string}
  bought: {type: string, role: target, allowed: ["yes", "no"]}
checks:
  rows: {min: 100}
split: {kind: random, seed: 3, validation: 0.25, test: 0.25, stratify: bought}
"""

TRAINING = """\
apiVersion: mlops/v1
kind: Training
name: shop
task: binary
positive: "yes"
seed: 11
preprocessing:
  numeric: {impute: median, scale: standard}
baseline:
  trainer: python
  callable: callables.rule:train
  params:
    strategy: prior
candidates:
  logistic:
    trainer: sklearn
    estimator: sklearn.linear_model.LogisticRegression
    params: {C: 1.0, max_iter: 200}
  boosted:
    trainer: xgboost
    rounds: 5
    params:
      max_depth: 2
select: {metric: roc_auc, split: validation, direction: maximize}
"""

EVALUATION = """\
apiVersion: mlops/v1
kind: Evaluation
name: shop
metrics: [roc_auc, accuracy]
gates:
  useful:
    kind: absolute
    metric: roc_auc
    split: test
    min: 0.5
"""

RULE = '''\
"""The baseline of the shop."""

from sklearn.dummy import DummyClassifier


def train(x, y, *, seed, strategy):
    """Answer with the share of buyers."""
    return DummyClassifier(strategy=strategy, random_state=seed).fit(x.to_numpy(), y)
'''

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
}  # fmt: skip


def _visits() -> str:
    """200 rows; longer visits and the desk buy more often."""
    draw = random.Random(5)
    lines = ["minutes,device,bought"]
    for _ in range(200):
        minutes, device = round(draw.uniform(0, 30), 2), draw.choice(["desk", "phone", "tablet"])
        chance = minutes / 30 * (1.2 if device == "desk" else 0.8)
        lines.append(f"{minutes},{device},{'yes' if draw.random() < chance else 'no'}")
    return "\n".join(lines) + "\n"


SOURCES = {
    "pipeline.yaml": PIPELINE,
    "specs/data.yaml": DATA,
    "specs/training.yaml": TRAINING,
    "specs/evaluation.yaml": EVALUATION,
    "callables/rule.py": RULE,
    "data/visits.csv": _visits(),
    ".gitignore": ".mlops/\n__pycache__/\n",
}


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The result as JSON."""
        return json.loads(self.out)

    def done(self) -> "Answer":
        """Hold that the command came to a good end."""
        assert self.code == 0, self.err
        return self

    def refused(self, code: int, *texts: str) -> str:
        """Hold that the command ended with a code and said these texts; return all that it said."""
        said = self.err + self.out
        assert self.code == code, said
        for text in texts:
            assert text in said
        return said


@dataclass(frozen=True)
class Sandbox:
    """A project of its own, and the hands to work on it."""

    root: Path

    def call(self, *arguments: str) -> Answer:
        """Run the command line in this process (its steps still get processes of their own)."""
        from mlops_runner.cli.main import run

        out, err = io.StringIO(), io.StringIO()
        before = signal.getsignal(signal.SIGTERM)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = run(["-C", str(self.root), *arguments])
        finally:
            signal.signal(signal.SIGTERM, before)
        assert "Traceback" not in err.getvalue(), err.getvalue()
        return Answer(code, out.getvalue(), err.getvalue())

    def mlops(self, *arguments: str, **options: Any) -> Answer:
        """Run the command line as a process in the project's folder."""
        done = subprocess.run(
            [sys.executable, "-m", "mlops_runner", *arguments],
            **{"cwd": self.root, "stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 120, **options},
        )
        out, err = ((stream or b"").decode() for stream in (done.stdout, done.stderr))
        assert "Traceback" not in err, err
        return Answer(done.returncode, out, err)

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
        """Start the command line and return at once."""
        given = {"cwd": self.root, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([sys.executable, "-m", "mlops_runner", *arguments], **{**given, **options})

    def git(self, *arguments: str, check: bool = True) -> str:
        """Run git and return what it printed."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env={**os.environ, **IDENTITY}, capture_output=True, text=True
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def commit(self, message: str = "change") -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "--no-gpg-sign", "-m", message)

    def read(self, file: str) -> str:
        """Return a file's text."""
        return (self.root / file).read_text(encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        """Write a file of the project."""
        (self.root / file).parent.mkdir(parents=True, exist_ok=True)
        (self.root / file).write_text(text, encoding="utf-8")

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that must be there once."""
        text = self.read(file)
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
        self.write(file, text.replace(old, new))

    def executed(self) -> list[str]:
        """Return the steps that were ever executed here, in order."""
        journal = self.root / ".mlops" / "journal.jsonl"
        return (
            [json.loads(line[line.index("{") :])["step"] for line in journal.read_text().splitlines()]
            if journal.exists()
            else []
        )

    def actions(self, *options: str) -> dict[str, str]:
        """Return step → action as `plan` says them."""
        answer = self.call("plan", "--json", *options)
        assert answer.code == 0, answer.err
        return {step["name"]: step["action"] for step in answer.value["steps"]}

    def to_do(self, *options: str) -> dict[str, str]:
        """Return step → action of what `plan` would change."""
        return {name: action for name, action in self.actions(*options).items() if action != "unchanged"}

    def content(self, *folders: str) -> dict[str, str]:
        """Return path → sha256 of all files below the folders, without git's and the runner's own state."""
        found = {}
        for folder in folders or (".",):
            for path in sorted((self.root / folder).rglob("*")):
                name = str(path.relative_to(self.root))
                if path.is_file() and not name.startswith((".git/", ".mlops/", ".dvc/tmp")):
                    found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def listing(self) -> dict[str, tuple[int, int, int]]:
        """Return path → mode, size and time of change of everything, hidden or not."""
        paths = [self.root, *sorted(self.root.rglob("*"))]
        stats = {str(path.relative_to(self.root)): path.lstat() for path in paths}
        return {name: (s.st_mode, s.st_size, s.st_mtime_ns) for name, s in stats.items()}

    def objects(self) -> list[Path]:
        """Return the files of the object store."""
        return sorted(path for path in (self.root / ".dvc/cache/files/md5").rglob("*") if path.is_file())

    def object_of(self, artifact: str) -> Path:
        """Return the stored object of an artifact that the lock names."""
        md5 = self.read("pipeline.lock").partition(f"      {artifact}:\n        md5: ")[2][:32]
        return self.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def make_sandbox(root: Path) -> Sandbox:
    """Write the pipeline's files into a git repository and commit them."""
    sandbox = Sandbox(root)
    for file, text in SOURCES.items():
        sandbox.write(file, text)
    sandbox.git("init", "-q", "-b", "main")
    sandbox.commit("the shop")
    return sandbox


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline after its first run, committed; shared by the workers of a parallel session."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with (shared / "built.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        root = shared / "built"
        if not (root / "done").exists():
            shutil.rmtree(root, ignore_errors=True)
            sandbox = make_sandbox(root / "project")
            answer = sandbox.mlops("run")
            assert answer.code == 0, answer.err
            sandbox.commit("run")
            (root / "done").touch()
    return root / "project"


@pytest.fixture(scope="session")
def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sandbox(tmp_path_factory.mktemp("fresh") / "project").root


@pytest.fixture
def fresh(_fresh: Path, tmp_path: Path) -> Sandbox:
    """The pipeline, never run."""
    shutil.copytree(_fresh, tmp_path / "project")
    return Sandbox(tmp_path / "project")


@pytest.fixture
def example(tmp_path: Path) -> Callable[[str, dict[str, tuple[str, str]]], Sandbox]:
    """Copy a project of examples/ by its name, committed, with edits that make it smaller: file → (old, new)."""

    def copied(name: str, edits: dict[str, tuple[str, str]]) -> Sandbox:
        root = tmp_path / name
        shutil.copytree(Path(__file__).resolve().parents[1] / "examples" / name, root)
        sandbox = Sandbox(root)
        for file, (old, new) in edits.items():
            sandbox.edit(file, old, new)
        sandbox.git("init", "-q", "-b", "main")
        sandbox.commit(name)
        return sandbox

    return copied


@pytest.fixture
def sandbox_of(tmp_path: Path) -> Callable[[dict[str, str]], Sandbox]:
    """Make a project of these files (path → text) in a git repository, committed."""

    def made(files: dict[str, str]) -> Sandbox:
        sandbox = Sandbox(tmp_path / "project")
        for file, text in files.items():
            sandbox.write(file, text)
        sandbox.git("init", "-q", "-b", "main")
        sandbox.commit("begin")
        return sandbox

    return made


@pytest.fixture
def built(_built: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """The pipeline after its first run, committed."""
    root = tmp_path / "project"
    shutil.copytree(_built, root, symlinks=True)
    yield Sandbox(root)
    shutil.rmtree(root, ignore_errors=True)
