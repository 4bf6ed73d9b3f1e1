"""Steps in environments of their own: made by uv from a lock, of wheels that lie beside the test."""

import json
import os
import signal
import sysconfig
import threading
import time
from pathlib import Path

import pytest
from notebooks import notebook
from wheels import colours, wheel

from mlops_runner.api import load_project
from mlops_runner.durable import TEMPORARY
from mlops_runner.errors import PlanMismatch
from mlops_runner.execute import uv

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: paint
envs:
  vision:
    lock: vision.lock
steps:
  plain:
    kind: command
    command: [python, scripts/plain.py]
    code: [scripts/plain.py]
    outputs: [out/plain.txt]
  named:
    kind: command
    shell: colours > out/named.txt; python -c 'import colours; print(colours.__file__)'
    outputs: [out/named.txt]
    env: vision
  mixed:
    kind: python
    callable: project.paint:mix
    inputs: {parts: "out/*.txt", named: out/named.txt}
    outputs: {mixed: mixed.txt}
    params: {depth: 2, more: [1, null]}
    variables: {SHADE: dark}
    env: vision
"""

PAINT = """\
import os
import sys


def mix(parts, named, mixed, *, depth, more):
    import colours

    assert not any(name.startswith(("mlops_runner", "pydantic")) for name in sys.modules)
    print("painting with", os.environ["SHADE"], os.environ["OMP_NUM_THREADS"], os.environ["PYTHONHASHSEED"])
    mixed.write_text(f"{colours.NAME} {[part.name for part in parts]} {named.read_text().strip()} {more}")
    return {"depth": depth, "name": colours.NAME}
"""


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    """uv finds what the test makes, and nothing else."""
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))


@pytest.fixture
def paint(sandbox_of, tmp_path):
    return sandbox_of(
        {
            "pipeline.yaml": PIPELINE,
            "vision.lock": colours(tmp_path / "wheels", "1.2", "red"),
            "scripts/plain.py": "open('out/plain.txt', 'w').write('plain')\n",
            "project/paint.py": PAINT,
            ".gitignore": ".mlops/\n__pycache__/\n",
        }
    )


@pytest.fixture
def alone(paint):
    """The pipeline, with the function alone in it."""
    paint.write("pipeline.yaml", PIPELINE.partition("  plain:")[0] + "  mixed:" + PIPELINE.partition("  mixed:")[2])
    paint.edit("pipeline.yaml", '    inputs: {parts: "out/*.txt", named: out/named.txt}\n', "")
    paint.edit("pipeline.yaml", "    params: {depth: 2, more: [1, null]}\n", "")
    paint.write("project/paint.py", "def mix(mixed):\n    mixed.write_text('x')\n")
    return paint


@pytest.fixture
def light(paint):
    """The pipeline, with one command alone in it: it needs no process that imports much."""
    head, _, steps = PIPELINE.partition("  plain:")
    paint.write("pipeline.yaml", head + "  named:" + steps.partition("  named:")[2].partition("  mixed:")[0])
    return paint


def done(answer):
    assert answer.code == 0, answer.err
    return answer


def refused(paint, code, *texts, command="run"):
    answer = paint.call(command)
    assert answer.code == code, answer.err
    for text in texts:
        assert text in answer.err
    return answer.err


def made(paint):
    """Return the environments that are whole, by the names of their folders."""
    return sorted(path.parent.name for path in (paint.root / ".mlops/environments").glob("[!.]*/mlops.json"))


def begun(paint):
    return list((paint.root / ".mlops/environments").glob(f"{TEMPORARY}*"))


def fake_uv(tmp_path, monkeypatch, body):
    """Put a program called uv before all others: a shell script, which can call the real one as `real`."""
    program = tmp_path / "bin" / "uv"
    program.parent.mkdir(exist_ok=True)
    real = " ".join(uv.find_uv(os.environ))
    program.write_text(f'#!/bin/sh\nreal() {{ {real} "$@"; }}\n{body}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


# -- a life


def test_steps_run_in_the_environments_that_their_locks_describe(paint, tmp_path):
    assert paint.call("plan").code == 0
    assert not (paint.root / ".mlops/environments").exists(), "a plan makes nothing"
    answer = done(paint.call("run"))
    assert "making the environment vision from vision.lock" in answer.err
    assert "the environment vision is ready (1 package, " in answer.err
    assert paint.read("mixed.txt") == "red ['named.txt', 'plain.txt'] red [1, None]"
    assert paint.read(".mlops/logs/mixed.log") == "painting with dark 1 0\n"
    assert str(paint.root / ".mlops/environments") in paint.read(".mlops/logs/named.log")
    lock = paint.read("pipeline.lock")
    assert lock.count("env: vision") == 2
    assert lock.count("env: default") == 1
    assert "name: red" in lock
    assert paint.to_do() == {}
    again = done(paint.call("verify", "--rerun", "1"))
    assert "making" not in again.err, "what was made is kept"

    renamed = paint.read("pipeline.yaml").replace("  vision:", "  sight:").replace("env: vision", "env: sight")
    paint.write("pipeline.yaml", renamed)
    assert paint.to_do() == {}, "a name is in no key"
    done(paint.call("run"))
    assert len(paint.executed()) == 3
    assert "vision" not in paint.read("pipeline.lock")
    assert "env: sight" in paint.read("pipeline.lock")

    paint.write("vision.lock", colours(tmp_path / "wheels", "1.3", "blue"))
    assert paint.to_do() == {"named": "rerun", "mixed": "rerun"}
    assert "the environment differs: other dependencies" in paint.call("plan").out
    done(paint.call("run"))
    assert paint.executed()[3:] == ["named", "mixed"]
    assert paint.read("mixed.txt").startswith("blue")
    assert len(made(paint)) == 2
    done(paint.call("verify"))


def test_a_notebook_runs_in_its_environment(paint, tmp_path):
    there = sysconfig.get_path("purelib")
    kernel = wheel(tmp_path / "wheels", "ipykernel", "7.0", {"kernel.pth": f"{there}\n"})  # the real one, from there
    paint.write("vision.lock", paint.read("vision.lock") + kernel)
    steps = "  seen:\n    kind: notebook\n    notebook: n.ipynb\n    executed: out/n.ipynb\n    env: vision\n"
    paint.write("pipeline.yaml", PIPELINE.partition("  plain:")[0] + steps)
    paint.write("n.ipynb", notebook("import colours, sys\nprint(colours.NAME, sys.prefix)"))
    done(paint.call("run"))
    (cell,) = json.loads(paint.read("out/n.ipynb"))["cells"]
    assert cell["outputs"][0]["text"] == [f"red {paint.root}/.mlops/environments/{made(paint)[0]}\n"]


# -- what a function may do there


def test_a_function_is_held_to_its_contract_there_too(alone, monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter-two")
    alone.edit("pipeline.yaml", "    env: vision\n", "    env: vision\n    secrets: [TOKEN]\n")
    body = (
        "import os\n\n\ndef mix(mixed):\n    open('../../../../vision.lock').read()\n    print(os.environ['TOKEN'])\n"
    )
    alone.write("project/paint.py", f"{body}    raise ValueError('no ' + os.environ['TOKEN'])\n")
    said = refused(alone, 1, "project.paint:mix: ValueError: no ***", "--> project/paint.py:7:1")
    assert "hunter" not in said + alone.read(".mlops/logs/mixed.log")
    alone.write("project/paint.py", f"{body}    mixed.write_text('x')\n")
    assert "it read vision.lock in the project, which it does not declare" in done(alone.call("run")).err
    answer = alone.call("run", "--strict", "--force")
    assert answer.code == 1
    assert "Permission denied" in answer.err or "it read vision.lock in the project" in answer.err  # without Landlock
    alone.write("project/paint.py", "def mix(mixed):\n    import colours\n    mixed.write_text(colours.NAME)\n")
    done(alone.call("run", "--strict"))


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("import time; print('here'); time.sleep(99)", "took longer than its timeout of 3 s"),
        ("import os; os.kill(os.getpid(), 9)", "was killed by signal 9"),
    ],
)
def test_a_function_that_does_not_come_back_as_it_should_fails_there_too(alone, does, said):
    alone.edit("pipeline.yaml", "    env: vision\n", "    env: vision\n    timeout: 3s\n")
    alone.write("project/paint.py", f"def mix(mixed):\n    mixed.write_text('x')\n    {does}\n")
    refused(alone, 1, said)


# -- what is refused before anything is made


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("pipeline.yaml", "  env: vision", "  env: visoin", ['no environment "visoin"', 'did you mean "vision"?']),
        ("pipeline.yaml", "lock: vision.lock", "lock: sight.lock", ["there is no file sight.lock", "yaml:6:11"]),
        ("pipeline.yaml", "lock: vision.lock", 'lock: vision.lock\n    python: "3"', ['"3" is not the minor version']),
        ("pipeline.yaml", "  vision:", "  default:", ['an environment cannot be called "default"']),
        ("vision.lock", " \\\n    --hash=sha256:", "  # sha256:", ["colours 1.2 has no hash", "vision.lock:1:1"]),
        ("vision.lock", "colours==", "colours>=", ["this line does not pin a version", "vision.lock:1:1"]),
        ("vision.lock", "colours", "-i https://bob:hunter2@example.org/\ncolours", ["holds a password", "lock:1:1"]),
        ("vision.lock", "colours", "-i https://hunter2@example.org/\ncolours", ["holds a password", "${NAME}"]),
    ],
)  # fmt: skip
def test_what_cannot_be_an_environment_is_refused_by_the_plan(light, file, old, new, said):
    light.edit(file, old, new)
    assert "hunter2" not in refused(light, 65, *said, command="plan")


def test_a_python_that_is_too_old_for_a_function_is_refused(alone):
    alone.edit("pipeline.yaml", "lock: vision.lock", 'lock: vision.lock\n    python: "3.9"')
    refused(alone, 65, "a function cannot be called in Python 3.9, which is too old", command="plan")


def test_a_notebook_is_refused_where_nothing_runs_it(light):
    steps = "  seen: {kind: notebook, notebook: n.ipynb, executed: out/n.ipynb, env: vision}\n"
    light.write("pipeline.yaml", PIPELINE.partition("  plain:")[0] + steps)
    refused(light, 65, "seen is a notebook, and vision.lock does not hold ipykernel", command="plan")


def test_an_environment_that_no_step_runs_in_is_named(light):
    light.edit("pipeline.yaml", "    env: vision\n", "")
    answer = done(light.call("validate"))
    assert "no step runs in the environment vision" in answer.err + answer.out


# -- what cannot be made


def test_without_uv_only_what_needs_it_is_refused(light, monkeypatch):
    real = uv.find_uv(os.environ)
    monkeypatch.setattr(uv, "MODULE", "no_such_module")
    monkeypatch.setenv("PATH", os.defpath)
    assert light.call("plan").code == 0
    refused(light, 65, "environments of steps are made by uv, which is not here", "pip install uv")
    monkeypatch.undo()
    assert real == uv.find_uv(os.environ)


def test_a_package_that_cannot_be_found_is_named_and_nothing_is_kept(light):
    light.write("vision.lock", light.read("vision.lock").replace("colours", "colors"))
    said = refused(light, 1, "the environment vision could not be made from vision.lock", "colors", "vision.log")
    assert "--> pipeline.yaml:6:11" in said
    assert made(light) == begun(light) == []


def test_bytes_that_are_not_those_of_the_lock_are_refused(light):
    lock = light.read("vision.lock")
    light.write("vision.lock", lock[:-8] + "00000000"[: len(lock[-8:-1])] + "\n")
    refused(light, 1, "Hash mismatch")


def test_a_python_that_is_not_here_is_named(light):
    light.edit("pipeline.yaml", "lock: vision.lock", 'lock: vision.lock\n    python: "3.99"')
    refused(light, 65, "there is no Python 3.99 for the environment vision", "uv python install 3.99")


def test_a_password_that_uv_reads_from_a_variable_is_in_no_message(light, tmp_path, monkeypatch):
    monkeypatch.setenv("INDEX_KEY", "hunter2")
    light.write("vision.lock", "-i https://bob:${INDEX_KEY}@example.org/\n" + light.read("vision.lock"))
    fake_uv(tmp_path, monkeypatch, 'echo "no https://bob:hunter2@example.org, with hunter2" >&2; exit 2')
    said = refused(light, 1, "no https://***@example.org, with ***")
    assert "hunter2" not in said + light.read(".mlops/environments/vision.log")


def test_a_full_disk_leaves_no_environment_and_the_next_run_makes_it(light, tmp_path, monkeypatch):
    with monkeypatch.context() as full:
        body = (
            'if test "$1" = venv; then real "$@"; else echo "error: No space left on device (os error 28)"; exit 2; fi'
        )
        fake_uv(tmp_path, full, body)
        refused(light, 1, "No space left on device", "free some space, and run again")
    assert made(light) == begun(light) == []
    (tmp_path / "bin/uv").unlink()
    done(light.call("run"))
    assert len(made(light)) == 1


def test_a_run_that_is_killed_while_it_makes_an_environment_leaves_none(light, tmp_path, monkeypatch):
    with monkeypatch.context() as slow:
        fake_uv(tmp_path, slow, 'real "$@" || exit; if test "$1" = pip; then echo $$ > ../asleep; exec sleep 99; fi')
        process = light.start("run")
        asleep = tmp_path / "asleep"
        while not (asleep.exists() and asleep.read_text().strip()):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    (tmp_path / "bin/uv").unlink()
    assert made(light) == []
    assert len(begun(light)) == 1
    ends = time.monotonic() + 10
    while Path(f"/proc/{asleep.read_text().strip()}").exists() and time.monotonic() < ends:
        time.sleep(0.02)
    assert not Path(f"/proc/{asleep.read_text().strip()}").exists(), "uv ends with the run"
    done(light.call("run"))
    assert begun(light) == []
    assert len(made(light)) == 1


def test_two_that_make_the_same_environment_make_one(light):
    notes: list[str] = []
    sources = load_project(light.root).sources
    facts, found = sources.facts(), []

    def make():
        found.append(sources.environments(facts, notes.append).interpreter("vision"))

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert Path(found[0]).exists()
    assert len([note for note in notes if "making" in note]) == 1


def test_a_lock_that_changes_after_the_plan_was_made_is_noticed(light):
    sources = load_project(light.root).sources
    environments = sources.environments(sources.facts(), print)
    light.edit("vision.lock", "sha256:", "sha256:0")
    with pytest.raises(PlanMismatch, match=r"vision.lock changed after the plan was made"):
        environments.interpreter("vision")
    assert made(light) == []


def test_a_lock_that_changes_while_uv_reads_it_is_noticed(light, tmp_path, monkeypatch):
    fake_uv(tmp_path, monkeypatch, 'real "$@"; test "$1" = venv || sed -i s/sha256:./sha256:0/ vision.lock')
    refused(light, 5, "vision.lock changed after the plan was made")
    assert made(light) == begun(light) == []


def test_one_environment_that_fails_fails_once_for_all_its_steps(paint):
    paint.edit("vision.lock", "colours", "colors")
    answer = paint.call("run", "--keep-going")
    assert answer.code == 1
    assert answer.err.count("could not be made") == 1
    assert paint.executed() == ["plain"]


# -- looking after them


def looked(light):
    return {found["name"]: (found["ok"], found["what"]) for found in light.call("doctor", "--json").value}


def test_the_doctor_says_what_differs_from_a_lock_and_the_run_makes_it_again(light):
    assert looked(light)["environment vision"][0]
    assert looked(light)["environment vision"][1].startswith("not made yet: 1 package of vision.lock, for Python 3.")
    done(light.call("run"))
    ok, what = looked(light)["environment vision"]
    assert (ok, what.startswith("as vision.lock says, Python 3.")) == (True, True)
    (folder,) = (light.root / ".mlops/environments").glob("[!.]*/lib/python*/site-packages")
    (folder / "other-1.0.dist-info").mkdir()
    (folder / "colours-1.2.dist-info").rename(folder / "colours-1.1.dist-info")
    ok, what = looked(light)["environment vision"]
    assert (ok, what.partition(" (Python 3.")[0]) == (
        False,
        "colours 1.1, the lock has 1.2; other 1.0, which the lock does not have",
    )
    (folder / "colours-1.1.dist-info").rename(folder / "colours-1.2.dist-info")
    (folder / "other-1.0.dist-info").rmdir()
    (folder.parents[2] / "bin/python").unlink()
    assert "its interpreter is gone" in looked(light)["environment vision"][1]
    answer = done(light.call("run", "--force"))
    assert "again, because it is not what its lock says any more" in answer.err
    assert looked(light)["environment vision"][0]
    assert (begun(light), len(made(light))) == ([], 1)


def test_a_machine_that_is_not_as_declared_is_told_by_the_doctor_and_refused_by_the_run(light):
    light.edit("pipeline.yaml", "vision.lock", 'vision.lock\n    system: {programs: {nowhere: ">=2"}}')
    before = light.to_do()
    said = "this machine is not what the environment vision needs: the program nowhere is not installed, and >=2 is"
    refused(light, 65, said)
    assert made(light) == []
    assert looked(light)["machine for vision"] == (False, "the program nowhere is not installed, and >=2 is declared")
    assert light.to_do() == before, "a plan measures nothing"
    light.edit("pipeline.yaml", "    system: {programs: {nowhere", "    system: {programs: {sh")
    light.edit("pipeline.yaml", "envs:", 'dependencies: {system: {nvidia_driver: ">=9999"}}\nenvs:')
    assert looked(light)["machine"][0] is False


def test_what_needs_the_machine_otherwise_runs_again(light):
    done(light.call("run"))
    light.edit("pipeline.yaml", "vision.lock", 'vision.lock\n    system: {programs: {git: ">=2"}}')
    assert light.to_do() == {"named": "rerun"}
    done(light.call("run"))
    light.edit("pipeline.yaml", '">=2"', '">=1,<99"')
    assert light.to_do() == {"named": "rerun"}


def test_gc_removes_the_environments_that_nothing_names(light, tmp_path):
    done(light.call("run"))
    light.commit("with red")
    light.write("vision.lock", colours(tmp_path / "wheels", "1.3", "blue"))
    done(light.call("run"))
    red, blue = sorted(made(light), key=lambda name: name in light.read("pipeline.lock"))
    assert light.call("gc", "--json").value["environments"]["unused"] == 0, "a commit names the first one"
    light.git("commit", "-q", "--no-gpg-sign", "--amend", "-am", "with blue")
    light.git("reflog", "expire", "--expire=now", "--all")
    assert "1 environments" in done(light.call("gc", "--days", "0")).out
    assert made(light) == sorted([red, blue])
    done(light.call("gc", "--days", "0", "--yes"))
    assert made(light) == [blue]
    light.write(f".mlops/environments/{TEMPORARY}0123456789abcdef/pyvenv.cfg", "torn")
    assert "leftovers" in [found["name"] for found in light.call("doctor", "--json").value if not found["ok"]]
    assert light.call("doctor", "--fix").code == 0
    assert begun(light) == []
