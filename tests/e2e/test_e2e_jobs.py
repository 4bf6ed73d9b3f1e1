"""Steps side by side: those that do not wait for each other run at the same time, and do not touch each other."""

import pytest

RULES = '''
import os, pathlib, subprocess, sys, time
from sklearn.dummy import DummyClassifier

SIGN = pathlib.Path("{sign}")


def wait_for(name):
    deadline = time.monotonic() + 30
    while not (SIGN / name).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(name)
        time.sleep(0.01)


def fitted(x, y, seed):
    return DummyClassifier(strategy="prior", random_state=seed).fit(x.to_numpy(), y)


def meet(x, y, *, seed, me, other):
    """Wait for another step that runs at the same time."""
    (SIGN / me).touch()
    wait_for(other)
    return fitted(x, y, seed)


def alone(x, y, *, seed, me):
    """Fail when another step is here."""
    (SIGN / "busy").touch(exist_ok=False)
    time.sleep(0.2)
    (SIGN / "busy").unlink()
    return fitted(x, y, seed)


def fail(x, y, *, seed, after):
    """Fail once another step runs."""
    wait_for(after)
    raise RuntimeError("no luck")


def go_on(x, y, *, seed, me):
    """Start, see a neighbour fail, and finish with a child that is still alive."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (SIGN / me).touch()
    time.sleep(1)
    assert child.poll() is None
    child.kill()
    return fitted(x, y, seed)


def end_lane(x, y, *, seed, after):
    """Kill the process that this one was forked from, in the moment in which the neighbour ends."""
    wait_for(after)
    time.sleep(0.5)
    os.kill(os.getppid(), 9)
    time.sleep(60)


def leave(x, y, *, seed, after):
    """Leave a process behind, in a session of its own."""
    wait_for(after)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    return fitted(x, y, seed)
'''


@pytest.fixture
def pair(built, tmp_path):
    """Replace baseline and first candidate by two functions with their parameters; boosted goes."""
    sign = tmp_path / "sign"
    sign.mkdir()
    built.write("callables/rules.py", RULES.format(sign=sign))

    def become(first, second):
        text = built.read("specs/training.yaml")
        head, tail = text[: text.index("baseline:")], text[text.index("select:") :]
        candidate = f"candidates:\n  other: {trainer(second)}\n"
        built.write("specs/training.yaml", f"{head}baseline: {trainer(first)}\n{candidate}{tail}")
        return built

    return become


def trainer(spec):
    name, *params = spec.split()
    pairs = ", ".join(pair.replace("=", ": ") for pair in params)
    return f"{{trainer: python, callable: 'callables.rules:{name}', params: {{{pairs}}}}}"


def test_steps_that_do_not_wait_for_each_other_run_at_the_same_time(pair):
    project = pair("meet me=a other=b", "meet me=b other=a")
    answer = project.mlops("run", "--no-report", "--jobs", "2")
    assert answer.code == 0, answer.err
    assert set(project.executed()[6:8]) == {"train.baseline", "train.other"}
    assert project.call("verify").code == 0


def test_one_job_runs_one_step_after_the_other(pair):
    answer = pair("alone me=a", "alone me=b").mlops("run", "--no-report", "-j", "1")
    assert answer.code == 0, answer.err


def test_the_lock_does_not_depend_on_the_number_of_jobs(pair):
    project = pair("leave after=.", "leave after=.")
    locks = []
    for jobs in ("1", "3"):
        assert project.mlops("run", "--no-report", "--force", "-j", jobs).code == 0
        locks.append(project.read("pipeline.lock"))
    assert locks[0] == locks[1]


def test_what_runs_beside_a_step_that_fails_is_finished_and_kept(pair):
    project = pair("fail after=b", "go_on me=b")
    answer = project.mlops("run", "--no-report", "-j", "2")
    assert answer.code == 1
    assert "no luck" in answer.err
    assert "train.baseline failed; what already runs may finish: train.other" in answer.err
    assert project.executed()[6:] == ["train.other"]
    answer = pair("meet me=a other=b", "go_on me=b").mlops("run", "--no-report", "-j", "2")
    assert answer.code == 0, answer.err
    assert project.executed()[6:] == ["train.other", "train.baseline", "evaluate", "package"]


def test_every_step_that_fails_is_named(pair):
    answer = pair("fail after=.", "fail after=.").mlops("run", "--no-report", "-j", "2")
    assert answer.code == 1
    assert answer.err.count("no luck") == 2


def test_what_a_step_leaves_behind_is_killed_and_its_neighbours_children_are_not(pair):
    answer = pair("leave after=b", "go_on me=b").mlops("run", "--no-report", "-j", "2")
    assert answer.code == 0, answer.err


def test_what_finished_is_kept_when_the_lane_beside_it_dies(pair):
    project = pair("end_lane after=b", "meet me=b other=b")
    answer = project.mlops("run", "--no-report", "-j", "2")
    assert answer.code == 1
    assert "the process that starts steps has died" in answer.err
    assert project.executed()[6:] == ["train.other"]


WAITS = """\
apiVersion: mlops/v1
kind: Pipeline
name: waits
steps:
  slow: {kind: command, shell: sleep 0.3; echo 1 > out/1.txt, outputs: [out/1.txt]}
  fast: {kind: command, shell: echo 2 > out/2.txt, outputs: [out/2.txt]}
"""


def test_what_git_ignores_does_not_depend_on_which_step_ends_first(sandbox_of):
    waits = sandbox_of({"pipeline.yaml": WAITS, ".gitignore": ".mlops/\n"})
    assert waits.call("run", "--jobs", "2").code == 0
    assert waits.executed() == ["fast", "slow"]
    assert waits.read("out/.gitignore") == "/1.txt\n/2.txt\n"
