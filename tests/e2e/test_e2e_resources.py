"""What steps take up: memory, disk, graphics processors and pools, shared, bounded, and refused where there is none."""

import json
import os

import pytest

HEAD = "apiVersion: mlops/v1\nkind: Pipeline\nname: sharing\n"
IGNORED = ".mlops/\n__pycache__/\n"

# Each instance notes that it is there, looks who else is, stays a little, and leaves.
MEET = """\
import os, sys, time
from pathlib import Path

folder, me, out = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
mine = folder / me
mine.touch()
most = 0
for _ in range(12):
    most = max(most, len(list(folder.iterdir())))
    time.sleep(0.02)
mine.unlink()
with open(out, "w") as stream:
    stream.write(f"{most} {os.environ['CUDA_VISIBLE_DEVICES']}")
"""

MEETING = """\
{pools}steps:
  meet:
    kind: command
    matrix: {{axes: {{who: [a, b, c, d]}}}}
    command: [python, meet.py, {place}, "{{who}}", "out/{{who}}"]
    code: [meet.py]
    outputs: ["out/{{who}}"]
    resources: {resources}
"""


def done(answer):
    assert answer.code == 0, answer.err
    return answer


@pytest.fixture
def meeting(sandbox_of, tmp_path):
    place = tmp_path / "place"
    place.mkdir()

    def made(resources, pools=""):
        text = HEAD + MEETING.format(resources=resources, pools=pools, place=place)
        return sandbox_of({"pipeline.yaml": text, "meet.py": MEET, ".gitignore": IGNORED})

    return made


def met(project):
    """Return how many were there at most at a time, and what each saw of the graphics processors."""
    found = [project.read(f"out/{who}").split(" ") for who in "abcd"]
    return max(int(most) for most, _ in found), [devices for _, devices in found]


def test_steps_share_a_pool(meeting):
    project = meeting("{pools: {warehouse: 1}}", "pools: {warehouse: 2}\n")
    done(project.call("run", "--jobs", "4"))
    assert met(project) == (2, [""] * 4)
    lock = project.read("pipeline.lock")
    project.edit("pipeline.yaml", "pools: {warehouse: 2}", "pools: {warehouse: 1}")
    project.edit("pipeline.yaml", "resources: {pools: {warehouse: 1}}", "resources: {memory: 2GiB, gpus: 1}")
    assert project.to_do() == {}, "what a step takes up is in no key"
    done(project.call("run"))
    assert project.read("pipeline.lock") == lock


def test_steps_see_graphics_processors_of_their_own(meeting):
    project = meeting("{gpus: 1}")
    done(project.call("run", "--jobs", "4", "--gpus", "2"))
    most, devices = met(project)
    assert most == 2
    assert set(devices) == {"0", "1"}


def test_the_runner_gives_only_the_graphics_processors_that_it_may_use_itself(meeting, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-7,3")
    project = meeting("{gpus: 2}")
    done(project.call("run", "--jobs", "4"))
    assert met(project) == (1, ["GPU-7,3"] * 4)


def test_steps_share_the_memory_that_there_is(meeting):
    project = meeting("{memory: 1GiB}")
    done(project.call("run", "--jobs", "4", "--memory", "2GiB"))
    assert met(project)[0] <= 2


FIRST = "steps:\n  first:\n    kind: command\n    shell: echo x > first\n    outputs: [first]\n"


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Put a program of this name first on the path."""

    def made(text):
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return made


def test_a_step_without_a_graphics_processor_is_refused_before_anything_runs(meeting, nvidia_smi):
    nvidia_smi("exit 9")
    project = meeting("{gpus: 2}")
    project.edit("pipeline.yaml", "steps:\n", FIRST)
    answer = project.call("run")
    assert answer.code == 65
    assert "error[no-gpu]: step meet@a needs 2 GPUs, and here are no GPUs\n  --> pipeline.yaml:15:23" in answer.err
    assert "--gpus N" in answer.err
    assert project.executed() == []
    assert "here is 1 GPU\n" in project.call("run", "--gpus", "1").err
    nvidia_smi("printf '0\\n1\\n'")
    done(project.call("run"))
    nvidia_smi("exit 9")
    (project.root / "out/a").unlink()
    assert "restored" in done(project.call("run")).out, "what comes from the cache needs none"
    project.edit("meet.py", "most = 0", "most = -1")
    assert project.call("run").code == 65
    done(project.call("run", "--only", "first"))


def test_more_memory_than_there_is_is_refused_before_anything_runs(meeting):
    project = meeting("{memory: 4000000GiB}")
    answer = project.call("run")
    assert answer.code == 65
    assert "error[no-memory]: step meet@a needs 4e+06 GiB of memory, and there are" in answer.err
    assert "--memory SIZE" in answer.err
    assert project.call("run", "--memory", "many").code == 64
    assert project.executed() == []


POOL = 'the pipeline has no pool "{}"'


@pytest.mark.parametrize(
    ("resources", "pools", "texts"),
    [
        ("{pools: {warehous: 1}}", "{warehouse: 2}", (POOL.format("warehous"), ":12:25", 'did you mean "warehouse"?')),
        ("{pools: {lab: 1}}", "{}", (POOL.format("lab"), "pools of the pipeline stand under pools")),
        ("{pools: {lab: 3}}", "{lab: 2}", ("takes 3 of lab, of which there are 2", ":12:30", "pools: {lab: 3}")),
        ("{pools: {lab: 0}}", "{lab: 2}", ("pipeline.yaml:12:30",)),
        ("{memory: 2GB}", "{}", ('"2GB" is not a size', "512MiB, 4GiB")),
        ("{gpus: 1}\n    variables: {CUDA_VISIBLE_DEVICES: '1'}", "{}", ("is set by the runner for a step that asks",)),
        ("{}\n    retry_delay: 3s", "{}", ("there is nothing to wait for", "give retries, too")),
    ],
)
def test_what_nobody_has_is_refused_where_it_is_asked_for(meeting, resources, pools, texts):
    project = meeting(resources, f"pools: {pools}\n")
    for verb in ("plan", "validate", "run"):
        answer = project.call(verb)
        assert answer.code == 65
        for text in texts:
            assert text in answer.err
    assert project.executed() == []


HUNGRY = """\
steps:
  light:
    kind: command
    shell: echo x > light
    outputs: [light]
  eat:
    kind: python
    callable: work:eat
    outputs: {out: out}
    resources: {memory: 300MiB}
"""

WORK = """\
import mmap
import subprocess
import sys

import numpy


def eat(out):
    reserved = mmap.mmap(-1, 2**32, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # asked for, and never touched
    total = numpy.ones(2**20).sum()
    BODY
    out.write_text(str(total))
"""
OUT = "step eat needed more than 300 MiB of memory and was ended"


@pytest.fixture
def hungry(sandbox_of):
    def made(body, step=HUNGRY):
        files = {"pipeline.yaml": HEAD + step, "work.py": WORK.replace("BODY", body), ".gitignore": IGNORED}
        return sandbox_of(files)

    return made


def test_memory_is_what_a_step_holds_and_not_what_it_asks_for(hungry):
    done(hungry("pass").call("run"))


HOLD = "import time; held = bytearray(b'x') * {}; time.sleep(60)"
CHILDREN = (
    f'for child in [subprocess.Popen([sys.executable, "-c", "{HOLD.format("2**27")}"]) for _ in "abcd"]: child.wait()'
)
TOGETHER = "held = [numpy.ones(2**23) for _ in range(10**4)]"


@pytest.mark.parametrize("body", [TOGETHER, CHILDREN], ids=["itself", "its children together"])
def test_a_step_that_takes_too_much_memory_is_ended_and_told_so(hungry, body):
    project = hungry(body)
    answer = project.call("run")
    assert answer.code == 1
    assert f"error[out-of-memory]: {OUT}\n  --> pipeline.yaml:13:25" in answer.err
    assert answer.err.count("error[") == 1
    assert project.executed() == ["light"]


COMMAND = """\
steps:
  eat:
    kind: command
    {}
    outputs: [out]
    resources: {}
"""


def test_a_command_that_takes_too_much_memory_is_ended_and_told_so(hungry):
    command = "command: [python, -c, 'held = [bytearray(b\"x\") * 2**25 for _ in range(10**4)]']"
    assert OUT in hungry("pass", COMMAND.format(command, "{memory: 300MiB}")).call("run").err


@pytest.mark.parametrize("what", ["head -c 1000000 /dev/zero >> big", "echo $$; seq 100000"], ids=["a file", "its log"])
def test_a_step_that_writes_for_ever_is_ended_at_its_bound(hungry, what):
    command = f"shell: while true; do {what}; sleep 0.01; done"
    project = hungry("pass", COMMAND.format(command, "{disk: 20MiB}"))
    answer = project.call("run")
    assert answer.code == 1
    assert "error[out-of-disk]: step eat wrote more than 20 MiB and was ended\n  --> pipeline.yaml:9:23" in answer.err
    assert not (project.root / ".mlops/work").exists()


def test_a_plan_knows_that_steps_wait_for_a_pool(meeting):
    project = meeting("{pools: {lab: 1}}", "pools: {lab: 1}\n")
    done(project.call("run", "--jobs", "4"))
    journal = project.root / ".mlops/journal.jsonl"
    project.edit("meet.py", "most = 0", "most = -1")
    seconds = [json.loads(line[line.index("{") :])["seconds"] for line in journal.read_text().splitlines()]
    first = done(project.call("plan", "--jobs", "4")).out.splitlines()[0]
    assert sum(seconds) > 0.96
    assert "with 4 jobs" not in first, "four at a time take as long as one after the other"
    project.edit("pipeline.yaml", "pools: {lab: 1}\n", "pools: {lab: 4}\n")
    assert "with 4 jobs" in done(project.call("plan", "--jobs", "4")).out.splitlines()[0]
