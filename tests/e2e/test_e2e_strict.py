"""Under --strict the kernel closes the project to what a step does not declare, whatever the step is made of."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import mlops_runner
from mlops_runner.execute import fence, landlock

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: closed
steps:
  copy:
    kind: command
    shell: cat data/given.txt "{extra}" > out/copy.txt
    inputs: [data/given.txt]
    outputs: [out/copy.txt]
    params: {extra: data/given.txt}
  follow:
    kind: command
    command: [python, scripts/follow.py]
    code: [scripts/follow.py]
    inputs: [out/copy.txt, data/parts, "more/*.txt"]
    outputs: [out/follow]
"""

FOLLOW = """\
import helpers
import pathlib

pathlib.Path("out/follow").mkdir()
pathlib.Path("out/follow/all.txt").write_text(helpers.read())
"""

HELPERS = """\
import pathlib


def read():
    return "".join(p.read_text() for p in sorted(pathlib.Path().rglob("*.txt")))
"""

PYTHON = """\
import tests_of_nothing as other


def measure(given, result):
    result.write_text(other.read(given))
"""

pytestmark = pytest.mark.skipif(not fence.available(), reason="needs Landlock")


@pytest.fixture
def closed(sandbox_of):
    return sandbox_of(
        {
            "pipeline.yaml": PIPELINE,
            "data/given.txt": "given\n",
            "data/secret.txt": "secret\n",
            "data/parts/a.txt": "a\n",
            "data/parts/b/c.txt": "c\n",
            "more/d.txt": "d\n",
            "scripts/follow.py": FOLLOW,
            "scripts/helpers.py": HELPERS,
            "code/measures.py": PYTHON,
            "code/tests_of_nothing.py": "def read(path):\n    return path.read_text()\n",
            ".gitignore": ".mlops/\n__pycache__/\n",
        }
    )


def with_python(closed, body=None):
    closed.edit("pipeline.yaml", "name: closed\n", "name: closed\ncode: code\n")
    step = "{kind: python, callable: 'measures:measure', inputs: {given: data/given.txt}, outputs: {result: out/m}}"
    closed.write("pipeline.yaml", closed.read("pipeline.yaml") + f"  measure: {step}\n")
    if body:
        closed.write("code/measures.py", PYTHON.replace("result.write", f"{body}; result.write"))
    return closed


def test_what_is_declared_is_open(closed):
    with_python(closed)
    answer = closed.call("run", "--strict")
    assert answer.code == 0, answer.err
    assert closed.read("out/follow/all.txt") == "a\nc\nd\ngiven\ngiven\n"
    assert closed.read("out/m") == "given\n"
    assert closed.to_do() == {}


@pytest.mark.parametrize("limit", ["", "    timeout: 1m\n"])
def test_a_command_cannot_read_what_it_does_not_declare_by_a_path_from_the_root(closed, limit):
    secret = closed.root / "data/secret.txt"
    closed.edit("pipeline.yaml", "    params: {extra: data/given.txt}\n", f"    params: {{extra: {secret}}}\n{limit}")
    assert closed.call("run", "--only", "copy").code == 0, "nobody watches"
    answer = closed.call("run", "--force", "--strict")
    assert answer.code == 1
    assert "it opened data/secret.txt in the project, which it does not declare" in answer.err
    assert "declare it, or run without --strict" in answer.err


def test_a_command_cannot_change_or_list_the_project(closed):
    root = closed.root
    doing = f"sh -c 'echo x > {root}/made.txt' || rm {root}/data/secret.txt || mkdir {root}/made || ls {root}"
    closed.edit("pipeline.yaml", '"{extra}" >', f'>> out/copy.txt; {doing}; true "{{extra}}" >>')
    before = closed.listing().keys()
    answer = closed.call("run", "--strict")
    assert answer.code == 1
    assert "which it does not declare" in answer.err
    assert {path for path in closed.listing().keys() ^ before if not path.startswith(".mlops")} == set()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("import subprocess; subprocess.run(['cat', '{}/data/secret.txt'], check=True)", "data/secret.txt"),
        ("import importlib; importlib.import_module('un' + 'named')", "code/unnamed.py"),
    ],
)
def test_a_function_cannot_read_what_it_does_not_declare_nor_can_what_it_calls(closed, body, text):
    closed.write("code/unnamed.py", "")
    answer = with_python(closed, body.format(closed.root)).call("run", "--strict")
    assert answer.code == 1
    assert "which it does not declare" in answer.err
    assert text in answer.err


def test_what_other_steps_wrote_and_other_pipelines_keep_is_closed_wherever_the_cache_lies(closed, tmp_path):
    cache = tmp_path / "cache"
    closed.write(".dvc/config", f"[cache]\n    dir = {cache}\n")
    (cache / "files/md5/ab").mkdir(parents=True)
    (cache / "files/md5/ab/cdef").write_text("of another pipeline")
    assert closed.call("run", "--strict").code == 0
    closed.edit("pipeline.yaml", "extra: data/given.txt", f"extra: {cache}/files/md5/ab/cdef")
    answer = closed.call("run", "--strict")
    assert answer.code == 1
    assert "it was refused a file" in answer.err


def test_pipelines_beside_it_are_closed_to_a_step(closed, tmp_path):
    top = tmp_path / "top"
    (top / ".dvc").mkdir(parents=True)
    (top / ".dvc/config").write_text("")
    (top / "beside.txt").write_text("of another pipeline")
    shutil.copytree(closed.root, top / "one", ignore=shutil.ignore_patterns(".git"))
    one = type(closed)(top / "one")
    assert one.call("run", "--strict").code == 0
    assert not (one.root / ".dvc").exists()
    one.edit("pipeline.yaml", "extra: data/given.txt", f"extra: {top}/beside.txt")
    assert one.call("run", "--strict").code == 1


def test_an_input_may_be_a_link_into_the_cache(closed):
    assert closed.call("run").code == 0
    copy = closed.root / "out/copy.txt"
    target = closed.object_of("out/copy.txt")
    copy.unlink()
    copy.symlink_to(target)
    assert closed.call("run", "--force", "--strict").code == 0


def test_what_lies_outside_the_project_is_read_and_not_written(closed, tmp_path):
    (tmp_path / "outside.txt").write_text("outside\n")
    closed.edit("pipeline.yaml", "extra: data/given.txt", f"extra: {tmp_path / 'outside.txt'}")
    assert closed.call("run", "--strict").code == 0
    assert closed.read("out/copy.txt") == "given\noutside\n"
    closed.edit("pipeline.yaml", 'cat data/given.txt "{extra}" >', 'echo x > "{extra}"; date >')
    assert "it was refused a file" in closed.call("run", "--strict").err
    assert (tmp_path / "outside.txt").read_text() == "outside\n"


def test_a_command_that_is_not_there_is_said_so_under_strict_too(closed):
    closed.edit("pipeline.yaml", "command: [python, scripts", "command: [no-such-program, scripts")
    assert "no-such-program cannot be run: No such file or directory" in closed.call("run", "--strict").err


def test_without_landlock_strictness_says_what_it_does_not_see(closed, monkeypatch):
    monkeypatch.setattr(landlock, "version", lambda: 0)
    answer = closed.call("run", "--strict")
    assert answer.code == 0
    assert "this kernel has no Landlock" in answer.err


def test_an_interpreter_within_the_project_stays_open(closed):
    packages = closed.root / f".venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    packages.mkdir(parents=True)
    shutil.copy(f"{sys.prefix}/pyvenv.cfg", closed.root / ".venv")
    (packages / "inside.py").write_text("")
    (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n{Path(mlops_runner.__file__).parents[1]}\n")
    python = closed.root / ".venv/bin/python"
    python.parent.mkdir()
    python.symlink_to(os.path.realpath(sys.executable))
    closed.write("scripts/follow.py", f"import inside\n{FOLLOW}")
    command = [python, "-m", "mlops_runner", "run", "--strict"]
    done = subprocess.run(command, cwd=closed.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
