"""Notebooks as steps: run by real kernels, kept with what they have shown."""

import json
import signal
import time
from pathlib import Path

import pytest
from notebooks import code, notebook, text

pytest.importorskip("ipykernel")
pytest.importorskip("nbclient")

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: words
steps:
  report:
    kind: notebook
    notebook: notebooks/report.ipynb
    inputs: [data/words.txt]
    params: {depth: 6}
    executed: artifacts/report.ipynb
    outputs: [artifacts/figures]
"""

CELLS = (
    text("# Words"),
    code("depth = 2  # for those who try it out", "parameters"),
    "%matplotlib inline\nimport os, sys, warnings\nfrom near import read\nfrom project.far import twice",
    "words = read('data/words.txt')\nprint(len(words), 'words')\nprint('and an error', file=sys.stderr)\ntwice(depth)",
    "warnings.warn('odd words')\nos.getcwd()",
    "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(1, 1))\nax.plot([1, 2]);",
    "os.makedirs('artifacts/figures', exist_ok=True)\nfig.savefig('artifacts/figures/a.svg')\nvalue = 1",
)
NEAR = "def read(path):\n    return open(path).read().split()\n"


@pytest.fixture
def words(sandbox_of):
    return sandbox_of(
        {
            "pipeline.yaml": PIPELINE,
            "data/words.txt": "b\na\nb\n",
            "notebooks/report.ipynb": notebook(*CELLS),
            "notebooks/near.py": NEAR,
            "project/far.py": "def twice(x):\n    return 2 * x\n",
            ".gitignore": ".mlops/\n__pycache__/\n",
        }
    )


def executed(words, file="artifacts/report.ipynb"):
    return json.loads(words.read(file))["cells"]


def said(cell):
    return [output.get("text") or output.get("data", {}).get("text/plain") for output in cell["outputs"]]


def rewritten(words, *cells):
    words.write("notebooks/report.ipynb", notebook(*cells))


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def failed(words, code):
    answer = words.call("run")
    assert answer.code == code, answer.err
    return answer.err


def test_a_notebook_is_run_kept_and_repeats_itself(words):
    answer = words.call("run")
    assert answer.code == 0, answer.err
    assert "declare" not in answer.err
    cells = executed(words)
    assert [cell["execution_count"] for cell in cells[1:]] == [1, 2, 3, 4, 5, 6, 7]
    assert cells[2]["source"] == ["# Parameters\n", "depth = 6"]
    assert said(cells[4]) == [["3 words\n"], ["and an error\n"], ["12"]]
    assert said(cells[5]) == [["<cell>:1: UserWarning: odd words\n", "  warnings.warn('odd words')\n"], ["'.'"]]
    assert list(cells[6]["outputs"][0]["data"]) == ["image/png", "text/plain"]
    assert (words.root / "artifacts/figures/a.svg").is_file()
    assert not list(words.root.glob("**/.ipython")), "the kernel writes into the step's folder alone"

    edited = [text("# All words"), *CELLS[1:3], f"# counted\n{CELLS[3]}", *CELLS[4:]]
    rewritten(words, *[code(cell, count=9) if isinstance(cell, str) else cell for cell in edited])
    words.write("notebooks/near.py", f"# a comment\n{NEAR}")
    assert words.to_do() == {}
    rerun = words.call("verify", "--rerun", "1")
    assert rerun.code == 0, rerun.err
    assert "equal by what its cells show" in rerun.err
    words.git("checkout", "-q", "notebooks")
    assert "equal by every byte" in words.call("verify", "--rerun", "1").err

    rewritten(words, *CELLS[:-1], "value = 2")
    assert words.to_do() == {"report": "rerun"}
    rewritten(words, *CELLS)
    assert words.to_do() == {}
    words.write("notebooks/near.py", NEAR.replace(".split()", ".split()[1:]"))
    assert "notebooks/near.py" in words.call("plan").out


def test_a_notebook_that_fails_names_its_cell_and_stays_to_be_looked_at(words):
    rewritten(words, *CELLS[:4], "a = 1", "b = 2", "c = 3\n\nread('data/secret.txt')", "print('later')")
    err = failed(words, 1)
    assert "cell 7 of notebooks/report.ipynb: FileNotFoundError: [Errno 2]" in err
    assert "----> 3 read('data/secret.txt')" in err
    assert "notebooks/near.py:2, in read(path)" in err
    lines = words.read("notebooks/report.ipynb").splitlines()
    line = next(number for number, line in enumerate(lines, 1) if "secret" in line)
    assert f"--> notebooks/report.ipynb:{line}:1" in err
    assert "the notebook up to there: .mlops/logs/report.ipynb" in err
    assert "3 words" in words.read(".mlops/logs/report.log")
    kept = executed(words, ".mlops/logs/report.ipynb")
    assert said(kept[4])[0] == ["3 words\n"]
    assert kept[7]["outputs"][0]["ename"] == "FileNotFoundError"
    assert kept[8]["outputs"] == []
    assert not (words.root / "artifacts").exists()

    words.edit("pipeline.yaml", "    outputs: [artifacts/figures]\n", "")
    rewritten(words, "depth")
    assert words.call("run").code == 0
    assert not (words.root / ".mlops/logs/report.ipynb").exists(), "it is not the last execution's any more"


@pytest.mark.parametrize(
    ("cell", "said_"),
    [
        ("import time\ntime.sleep(600)", "cell 2 of notebooks/report.ipynb was still running when the timeout of 15 s"),
        ("import os\nos._exit(7)", "cell 2 of notebooks/report.ipynb ended its kernel with exit code 7"),
        ("import sys\nsys.exit('enough')", "cell 2 of notebooks/report.ipynb: SystemExit: enough"),
        ("x = = 1", "cell 2 of notebooks/report.ipynb: SyntaxError: invalid syntax"),
    ],
    ids=["hangs", "dies", "leaves", "syntax"],
)
def test_a_cell_that_does_not_come_to_its_end_is_named(words, cell, said_):
    words.edit("pipeline.yaml", "    params: {depth: 6}\n", "    timeout: 15s\n")
    rewritten(words, "pid = __import__('os').getpid()\nprint(pid)", cell, "print('later')")
    assert said_ in failed(words, 1)
    (pid,) = words.read(".mlops/logs/report.log").split()[:1]
    assert not alive(pid)
    assert [bool(cell["outputs"]) for cell in executed(words, ".mlops/logs/report.ipynb")][::2] == [True, False]


@pytest.mark.parametrize(("sent", "code_"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_stopped_run_leaves_no_kernel_behind(words, sent, code_):
    pid_file = words.root / "pid"
    rewritten(
        words, f"open({str(pid_file)!r}, 'w').write(str(__import__('os').getpid()))\nimport time\ntime.sleep(600)"
    )
    runner = words.start("run")
    for _ in range(600):
        if pid_file.exists() and (pid := pid_file.read_text()):
            break
        time.sleep(0.1)
    runner.send_signal(sent)
    runner.communicate(timeout=60)
    assert runner.returncode == code_
    deadline = time.monotonic() + 20
    while alive(pid):
        assert time.monotonic() < deadline, "the kernel outlived its runner"
        time.sleep(0.1)


def test_instances_of_a_notebook_take_their_values_and_others_read_what_they_write(words, monkeypatch):
    matrix = """\
    matrix: {axes: {depth: [1, 2]}}
    params: {depth: "{depth}", more: [1, null, {a: 0.5}]}
    secrets: [TOKEN]
    executed: "artifacts/report-{depth}.ipynb"
    outputs: ["out/{depth}.json"]
    metrics: "out/{depth}.json"
  sum:
    kind: command
    shell: cat out/*.json > sum.txt
    inputs: [out]
    outputs: [sum.txt]
"""
    monkeypatch.setenv("TOKEN", "a-great-secret")
    words.write("pipeline.yaml", PIPELINE.partition("    params")[0] + matrix)
    rewritten(
        words,
        "import json, os\nprint(os.environ['TOKEN'])",
        "open(f'out/{depth}.json', 'w').write(json.dumps({'twice': 2 * depth}))",
        "more",
    )
    answer = words.call("run")
    assert answer.code == 0, answer.err
    assert words.read("sum.txt") == '{"twice": 2}{"twice": 4}'
    assert "twice: 4" in words.read("pipeline.lock")
    cells = executed(words, "artifacts/report-2.ipynb")
    assert said(cells[1])[0] == ["***\n"]
    assert said(cells[3]) == [["[1, None, {'a': 0.5}]"]]
    assert "great" not in words.read(".mlops/logs/report@2.log")
    words.edit("pipeline.yaml", "[1, 2]", "[1, 3]")
    assert words.to_do() == {"report@3": "add", "sum": "unknown", "report@2": "remove"}


def test_a_notebook_takes_a_value_of_another_step(words):
    tune = """\
  tune:
    kind: python
    callable: project.tune:tune
    inputs: {raw: data/words.txt}
    outputs: {log: out/tuned.txt}
"""
    function = "def tune(raw, log):\n    words = raw.read_text().split()\n    log.write_text(' '.join(words))\n"
    words.write("project/tune.py", function + "    return {'best': len(words), 'name': words[0]}\n")
    words.edit("pipeline.yaml", "{depth: 6}", "{depth: {step: tune, value: best}, name: {step: tune, value: name}}")
    words.edit("pipeline.yaml", "    outputs: [artifacts/figures]\n", tune)
    rewritten(words, code("depth = 2\nname = 'x'", "parameters"), "depth, name")
    assert list(words.actions()) == ["tune", "report"]
    assert words.call("run").code == 0
    assert executed(words)[1]["source"] == ["# Parameters\n", "depth = 3\n", "name = 'b'"]
    assert said(executed(words)[2]) == [["(3, 'b')"]]
    assert "params.depth: 3" in words.read("pipeline.lock")
    words.write("data/words.txt", "b\na\nc\n")
    assert words.to_do() == {"tune": "rerun", "report": "rerun"}
    words.edit("pipeline.yaml", "    inputs: [data/words.txt]\n", "")
    assert words.call("run").code == 0
    words.write("data/words.txt", "b b b\n")
    assert words.to_do() == {"tune": "rerun", "report": "unknown"}
    assert words.call("run").code == 0
    assert words.executed()[-1] == "tune", "the value is the same one"
    words.write("data/words.txt", "b b\n")
    assert words.call("run").code == 0
    assert said(executed(words)[2]) == [["(2, 'b')"]]


@pytest.mark.parametrize(
    ("old", "new", "said_"),
    [
        ("executed: artifacts/report.ipynb\n    outputs: [artifacts/figures]", "", "the step keeps nothing"),
        ("executed: artifacts/report.ipynb", "executed: notebooks/report.ipynb", "take the place of the notebook"),
        ("[artifacts/figures]", "[notebooks]", "notebooks would take the place of the notebook"),
        ("notebook: notebooks/report.ipynb", "notebook: notebooks/report.py", "does not end in .ipynb"),
        ("{depth: 6}", "{class: 6}", '"class" is a word of Python'),
        ("notebook: notebooks/report.ipynb", "notebook: notebooks/none.ipynb", "notebooks/none.ipynb cannot be read"),
        ("executed: artifacts/report.ipynb", 'executed: "artifacts/{x}.ipynb"', '"x" in braces is no axis'),
        (
            PIPELINE.partition("    kind")[2].partition("    outputs")[0],
            ": command\n    command: [jupyter]\n    code: [notebooks/report.ipynb]\n",
            "is a notebook, no program",
        ),
    ],
)
def test_a_notebook_step_that_cannot_be_run_is_refused_where_it_says_so(words, old, new, said_):
    words.edit("pipeline.yaml", old, new)
    answer = words.call("plan")
    assert answer.code == 65
    assert said_ in answer.err
    assert "--> pipeline.yaml:" in answer.err


def test_a_notebook_that_is_none_is_refused_by_the_plan(words):
    words.write("notebooks/report.ipynb", "{\n <<<<<<< HEAD")
    answer = words.call("plan")
    assert answer.code == 65
    assert "notebooks/report.ipynb is not a notebook: it is not JSON" in answer.err
    assert "git left a conflict in it" in answer.err
    assert not (words.root / ".mlops").exists(), "a plan writes nothing"


def test_a_run_begins_nothing_where_its_notebook_could_not_run_and_asks_nothing_of_one_that_stands(words, monkeypatch):
    from mlops_runner.api import capacity

    first = "  first:\n    kind: command\n    shell: sort data/words.txt > sorted.txt\n    outputs: [sorted.txt]\n"
    words.edit(
        "pipeline.yaml", "steps:\n", "steps:\n" + first.replace("outputs", "inputs: [data/words.txt]\n    outputs")
    )
    found = capacity.find_spec
    with monkeypatch.context() as patch:
        patch.setattr(capacity, "find_spec", lambda name: None if name == "nbclient" else found(name))
        answer = words.call("run")
        assert answer.code == 65
        assert "step report runs a notebook, and nbclient is not installed\n  --> pipeline.yaml:" in answer.err
        assert "hint: pip install mlops_runner[notebook]" in answer.err
        assert words.executed() == []
    assert words.call("run").code == 0
    assert sorted(words.executed()) == ["first", "report"]
    monkeypatch.setattr(capacity, "find_spec", lambda name: None)
    assert words.call("run").code == 0
