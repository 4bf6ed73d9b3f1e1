"""Steps on a Dask cluster: the same results as here, and nothing of them left there."""

import contextlib
import subprocess
import sys
from dataclasses import replace

import dask.config
import distributed
import psutil
import pytest
from dask_cluster import cluster, wait_until

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: words
steps:
  sorted:
    kind: command
    shell: sort data/words.txt | uniq > data/sorted.txt
    inputs: [data/words.txt]
    outputs: [data/sorted.txt]
  count:
    kind: command
    matrix: {axes: {depth: [3, 6]}}
    command: [python, scripts/count.py, "{depth}"]
    code: [scripts/count.py]
    inputs: [data/sorted.txt]
    outputs: ["out/count-{depth}.json"]
    metrics: "out/count-{depth}.json"
  shown:
    kind: command
    command: [scripts/show.sh, listing]
    code: [scripts/show.sh]
    inputs: [data/sorted.txt]
    outputs: [listing]
  gather:
    kind: python
    callable: project.tables:gather
    inputs: {counts: out, listing: listing}
    outputs: {summary: summary.txt}
    params: {factor: 3}
    secrets: [TOKEN]
"""

FILES = {
    "pipeline.yaml": PIPELINE,
    "data/words.txt": "b\na\nb\n" + "c" * 3_000_000 + "\n",
    "scripts/show.sh": "#!/bin/sh\nmkdir -p $1/deep && cp data/sorted.txt $1/deep/ && : > $1/empty\n",
    "scripts/count.py": (
        "import sys, json\n"
        'lines = open("data/sorted.txt").read().split()\n'
        'json.dump({"count": len(lines)}, open(f"out/count-{sys.argv[1]}.json", "w"))\n'
    ),
    "project/__init__.py": "",
    "project/adding.py": "def added(numbers):\n    return sum(numbers)\n",
    "project/tables.py": (
        "import json, os\n"
        "from project.adding import added\n\n\n"
        "def gather(counts, listing, summary, *, factor):\n"
        '    print("the token is", os.environ["TOKEN"])\n'
        '    assert (listing / "empty").stat().st_size == 0 and not os.path.exists("scripts")\n'
        '    total = added(json.loads(path.read_text())["count"] for path in sorted(counts.glob("*.json")))\n'
        "    summary.write_text(str(total * factor))\n"
        '    return {"total": total * factor}\n'
    ),
    ".gitignore": ".mlops/\n__pycache__/\n",
}
SEARCH = """\
      max_depth: 2
    search:
      space: {max_depth: {min: 1, max: 3}, learning_rate: {min: 0.05, max: 0.5}}
      trials: 4
      batch: 2
"""
TOKEN = "correct-horse-battery"
LATER = (
    "import sys, mlops_runner.api.running, mlops_runner.cli.run; print({'dask', 'distributed'} & sys.modules.keys())"
)


def test_a_cluster_makes_what_this_machine_makes_and_keeps_nothing(sandbox_of, built, tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", TOKEN)
    shop = replace(built, root=built.root.rename(tmp_path / "shop"))
    words = sandbox_of(FILES)
    (words.root / "scripts/show.sh").chmod(0o755)
    shop.edit("specs/training.yaml", "      max_depth: 2\n", SEARCH)
    shop.edit("specs/data.yaml", "stratify: bought}", "stratify: bought}\nfolds: {count: 2, seed: 5}")
    assert shop.call("run", "--no-report").code == 0
    with cluster(1) as dask:
        lock = shop.read("pipeline.lock")
        away = ("run", "--executor", "dask", "--scheduler", dask.address, "--no-report")
        answer = shop.mlops(*away, "--force", timeout=600)
        assert (answer.code, "7 of them byte for byte" in answer.out) == (0, True), answer.out
        assert shop.read("pipeline.lock") == lock

        dask.add_worker()
        assert words.call("run").code == 0
        local = words.content()
        answer = words.mlops(*away, "--force", "--strict", "--json", timeout=600)
        assert answer.code == 0, answer.err
        assert {step["how"] for step in answer.value["steps"]} == {"ran"}
        assert words.content() == local
        assert TOKEN not in words.read(".mlops/logs/gather.log")
        assert "the token is ***" in words.read(".mlops/logs/gather.log")
        wait_until(lambda: not dask.left() and not dask.steps())

        dask.add_worker(PYTHONPATH=_with_another_package(dask.folder))
        wait_until(lambda: "Registered to" in (dask.folder / "worker-2.log").read_text())
        answer = words.mlops(*away, "--force", timeout=600)
        assert answer.code == 65
        assert "differs: threadpoolctl 0.1" in answer.err
        assert TOKEN not in dask.said()


def _with_another_package(folder):
    (folder / "other" / "threadpoolctl-0.1.dist-info").mkdir(parents=True)
    return str(folder / "other")


def _listening(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    return set()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x", "tcp://127.0.0.1"])
def test_a_scheduler_that_does_not_answer_ends_a_run_with_one_message(sandbox_of, monkeypatch, address):
    monkeypatch.setenv("MLOPS_SCHEDULER", address)
    monkeypatch.setenv("TOKEN", TOKEN)
    assert distributed.config
    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}):
        answer = sandbox_of(FILES).call("run", "--executor", "dask")
    assert answer.code == 1
    assert answer.err.count("error[") == 1
    assert f"no Dask scheduler answers at {address}" in answer.err


def test_the_extra_is_asked_for_by_name_and_not_taken_otherwise(sandbox_of, monkeypatch):
    words = sandbox_of(FILES)
    assert subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True).stdout == "set()\n"
    answer = words.call("run", "--scheduler", "tcp://127.0.0.1:9")
    assert (answer.code, "add --executor dask" in answer.err) == (64, True)
    monkeypatch.setitem(sys.modules, "distributed", None)
    answer = words.call("run", "--executor", "dask")
    assert answer.code == 64
    assert "pip install mlops_runner[distributed]" in answer.err


def test_a_local_cluster_listens_on_the_loopback_and_ends_with_its_run(sandbox_of, tmp_path):
    sign = tmp_path / "sign"
    words = sandbox_of(FILES)
    words.edit("pipeline.yaml", "shell: sort", f"shell: touch {sign}; while test -e {sign}; do sleep 0.1; done; sort")
    running = words.start("run", "--executor", "dask", "--only", "sorted")
    try:
        wait_until(sign.exists)
        processes = psutil.Process(running.pid).children(recursive=True)
        assert {ip for p in (psutil.Process(running.pid), *processes) for ip in _listening(p)} == {"127.0.0.1"}
        running.terminate()
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
        sign.unlink(missing_ok=True)
    assert running.returncode == 130
    assert b"Traceback" not in err
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert not alive
    assert not (words.root / ".mlops/work").exists()
