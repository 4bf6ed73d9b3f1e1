"""Steps of the project's own: a small pipeline of commands and functions, without a model."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: words
steps:
  gather:
    kind: python
    callable: project.tables:gather
    inputs: {counts: counts}
    outputs: {summary: out/summary.txt}
    params: {factor: 3}
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
    outputs: ["counts/{depth}.json"]
    metrics: "counts/{depth}.json"
"""

COUNT = """\
import json
import sys

from helpers import read

depth = int(sys.argv[1])
with open(f"counts/{depth}.json", "w") as stream:
    json.dump({"count": len(read("data/sorted.txt")), "depth": depth}, stream)
"""

TABLES = """\
import json
from pathlib import Path


def gather(counts: Path, summary: Path, *, factor: int) -> dict:
    total = sum(json.loads(path.read_text())["count"] for path in sorted(counts.glob("*.json")))
    summary.write_text(f"{total * factor}\\n")
    return {"total": total * factor}
"""

STEPS = ["sorted", "count@3", "count@6", "gather"]


@pytest.fixture
def words(sandbox_of):
    return sandbox_of(
        {
            "pipeline.yaml": PIPELINE,
            "data/words.txt": "b\na\nb\n",
            "scripts/count.py": COUNT,
            "scripts/helpers.py": "def read(path):\n    return open(path).read().split()\n",
            "project/tables.py": TABLES,
            ".gitignore": ".mlops/\n__pycache__/\n",
        }
    )


def done(answer):
    assert answer.code == 0, answer.err
    return answer


def refused(answer, code, *texts):
    assert answer.code == code, answer.err
    for text in texts:
        assert text in answer.err
    return answer.err


# -- a life


def test_a_run_does_every_step_in_the_order_of_its_paths_and_then_has_nothing_to_do(words):
    assert list(words.actions()) == STEPS
    answer = done(words.call("run"))
    assert words.executed()[0] == "sorted"
    assert words.executed()[-1] == "gather"
    assert answer.out.split() == ["DONE", "words", "4", "executed"]
    assert words.read("out/summary.txt") == "12\n"
    assert json.loads(words.read("counts/6.json")) == {"count": 2, "depth": 6}
    assert words.to_do() == {}
    assert done(words.call("run")).out.split() == ["DONE", "words", "4", "unchanged"]
    assert len(words.executed()) == 4
    done(words.call("verify"))


def test_the_lock_holds_what_a_step_said_of_itself_and_no_command_line(words):
    done(words.call("run"))
    lock = words.read("pipeline.lock")
    assert "total: 12" in lock
    assert "params.factor: 3" in lock
    assert "uniq" not in lock
    assert "scripts/count.py: a1:" in lock
    assert "scripts/helpers.py: a1:" in lock


def test_a_second_execution_gives_the_same_bytes(words):
    done(words.call("run"))
    assert "reproduced once" in done(words.call("verify", "--rerun", "1")).err


def test_equal_results_stop_the_chain(words):
    done(words.call("run"))
    words.write("data/words.txt", "b\na\nb\na\n")
    assert words.to_do() == {"sorted": "rerun", "count@3": "unknown", "count@6": "unknown", "gather": "unknown"}
    done(words.call("run"))
    assert words.executed()[4:] == ["sorted"], "the sorted words are the same ones"
    assert words.to_do() == {}


def test_only_what_changed_runs(words):
    done(words.call("run"))
    words.edit("pipeline.yaml", "factor: 3", "factor: 4")
    assert words.to_do() == {"gather": "rerun"}
    words.edit("scripts/helpers.py", "def read", "# a comment\ndef read")
    assert words.to_do() == {"gather": "rerun"}
    words.edit("scripts/helpers.py", ".split()", ".split() + ['x']")
    assert words.to_do() == {"count@3": "rerun", "count@6": "rerun", "gather": "rerun"}
    done(words.call("run"))
    assert words.read("out/summary.txt") == "24\n"


def test_params_may_be_lists_and_mappings(words):
    words.edit("pipeline.yaml", "{factor: 3}", "{factor: 3, more: [1, {deep: [2, null]}]}")
    words.edit("project/tables.py", "factor: int)", "factor: int, more: list)")
    words.edit("project/tables.py", "factor}\n", 'factor, "deep": len(more[1]["deep"])}\n')
    done(words.call("run"))
    assert "deep: 2\n" in words.read("pipeline.lock")


def test_a_renamed_step_does_not_run(words):
    done(words.call("run"))
    words.edit("pipeline.yaml", "  sorted:\n", "  unique:\n")
    assert words.to_do() == {"unique": "rename"}
    done(words.call("run"))
    assert len(words.executed()) == 4
    assert "  unique:\n" in words.read("pipeline.lock")
    assert words.to_do() == {}


def test_an_instance_that_is_gone_takes_its_file_and_its_pointer_with_it(words):
    done(words.call("run"))
    words.edit("pipeline.yaml", "[3, 6]", "[3, 7]")
    assert words.to_do() == {"count@7": "add", "gather": "unknown", "count@6": "remove"}
    done(words.call("run"))
    names = sorted(path.name for path in (words.root / "counts").iterdir())
    assert names == [".gitignore", "3.json", "3.json.dvc", "7.json", "7.json.dvc"]
    assert words.to_do() == {}
    done(words.call("verify"))


@pytest.mark.parametrize("read", ["data/sorted.txt", '"data/*d.txt"'])
def test_what_a_step_wrote_that_is_gone_stays_while_another_one_reads_it(words, read):
    words.edit("pipeline.yaml", "inputs: [data/sorted.txt]", f"inputs: [{read}]")
    done(words.call("run"))
    text = words.read("pipeline.yaml")
    words.write("pipeline.yaml", text[: text.index("  sorted:")] + text[text.index("  count:") :])
    done(words.call("run"))
    assert words.read("data/sorted.txt") == "a\nb\n"
    assert (words.root / "data/sorted.txt.dvc").exists()
    assert words.to_do() == {}
    words.edit("pipeline.yaml", "[3, 6]", "[3, 6, 9]")
    done(words.call("run"))
    done(words.call("verify"))


def test_a_clone_restores_everything_from_the_cache(words, tmp_path):
    done(words.call("run"))
    words.commit("run")
    for file in ("out/summary.txt", "data/sorted.txt", "counts/3.json", "counts/6.json"):
        (words.root / file).unlink()
    answer = done(words.call("run"))
    assert answer.out.split() == ["DONE", "words", "4", "restored"]
    assert words.read("out/summary.txt") == "12\n"


def test_dvc_sees_what_the_steps_wrote(words):
    done(words.call("run"))
    words.commit("run")
    answer = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"], cwd=words.root, capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == {}


def test_a_folder_as_output_keeps_the_files_it_has_now(words):
    step = """\
  parts:
    kind: command
    shell: mkdir parts/inner; echo {number} > parts/{number}.txt; echo x > parts/inner/x.txt
    params: {number: 1}
    outputs: [parts]
  all:
    kind: command
    shell: cat parts/*.txt parts/inner/x.txt > all.txt
    inputs: [parts/*.txt, parts/inner]
    outputs: [all.txt]
"""
    words.write(
        "pipeline.yaml", words.read("pipeline.yaml") + step.replace("mkdir parts/inner", "mkdir -p parts/inner")
    )
    done(words.call("run"))
    assert words.read("all.txt") == "1\nx\n"
    words.edit("pipeline.yaml", "number: 1", "number: 2")
    done(words.call("run"))
    assert words.read("all.txt") == "2\nx\n"
    assert sorted(p.name for p in (words.root / "parts").iterdir()) == ["2.txt", "inner"]
    assert "path: parts\n" in words.read("parts.dvc")
    done(words.call("verify"))


def test_steps_of_the_project_go_before_and_after_the_built_in_ones(fresh):
    fresh.edit(
        "pipeline.yaml",
        "name: shop\n",
        "name: shop\nsteps:\n"
        """\
  clean:
    kind: command
    shell: cat raw/visits.csv > data/visits.csv
    inputs: [raw/visits.csv]
    outputs: [data/visits.csv]
  publish:
    kind: python
    callable: callables.page:write
    inputs: {evidence: artifacts/evaluation/evaluation.json, model: artifacts/model}
    outputs: {page: site/index.html}
""",
    )
    fresh.write("raw/visits.csv", fresh.read("data/visits.csv"))
    (fresh.root / "data/visits.csv").unlink()
    page = "import json\n\n\ndef write(evidence, model, page):\n"
    page += "    page.write_text(json.loads(evidence.read_text())['winner'] + str(len(list(model.iterdir()))))\n"
    fresh.write("callables/page.py", page)
    order = list(fresh.actions())
    assert order[0] == "clean"
    assert order[-1] == "publish"
    done(fresh.call("run"))
    assert fresh.read("site/index.html")[:4] in {"logi", "boos", "base"}
    assert fresh.to_do() == {}
    done(fresh.call("verify", "--rerun", "1"))
    fresh.write("raw/visits.csv", fresh.read("raw/visits.csv") + "3.5,desk,no\n")
    assert fresh.to_do()["clean"] == "rerun"
    assert fresh.to_do()["publish"] == "unknown"


def test_a_setting_is_tried_without_touching_a_file(words):
    done(words.call("run"))
    before = words.content()
    answer = done(words.call("run", "--set", "pipeline.steps.gather.params.factor=10"))
    assert "3 unchanged" in answer.out
    assert words.content() == {**before, **{k: v for k, v in words.content().items() if ".dvc/cache" in k}}
    shown = done(words.call("exp", "show", "2", "--json"))
    assert '"gather.total": 40' in shown.out


def test_a_secret_reaches_the_step_and_nothing_else(words, monkeypatch):
    words.write(
        "pipeline.yaml",
        words.read("pipeline.yaml")
        + """\
  ask:
    kind: command
    shell: test -n "$TOKEN" && echo "using $TOKEN" && echo "$LEVEL" > level.txt
    secrets: [TOKEN]
    variables: {LEVEL: high}
    outputs: [level.txt]
""",
    )
    monkeypatch.delenv("TOKEN", raising=False)
    refused(words.call("run"), 65, "the environment variable TOKEN is not set", "pipeline.yaml:")
    monkeypatch.setenv("TOKEN", "hunter2-hunter2")
    done(words.call("run"))
    assert words.read("level.txt") == "high\n"
    assert "using ***" in words.read(".mlops/logs/ask.log")
    found = [path for path in words.root.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    assert found == []


def test_a_value_of_an_axis_may_hold_a_slash(words):
    step = "  part:\n    kind: command\n    matrix: {axes: {place: [a/b, c]}}\n    shell: echo x > parts/{place}.txt\n"
    words.write("pipeline.yaml", words.read("pipeline.yaml") + step + '    outputs: ["parts/{place}.txt"]\n')
    done(words.call("run"))
    assert words.read("parts/a/b.txt") == "x\n"
    assert (words.root / ".mlops/logs/part@a%2Fb.log").exists()
    done(words.call("verify"))


# -- what a step may see


def test_a_step_sees_its_inputs_and_its_code_and_nothing_else(words):
    words.write(
        "pipeline.yaml",
        words.read("pipeline.yaml")
        + """\
  look:
    kind: command
    shell: find . -type f -o -type l | sort > seen.txt; env | sort | cut -d= -f1 > names.txt
    inputs: [data/words.txt]
    outputs: [seen.txt, names.txt]
""",
    )
    os.environ["STRAY"] = "1"
    try:
        done(words.call("run"))
    finally:
        del os.environ["STRAY"]
    assert set(words.read("seen.txt").split()) - {"./seen.txt"} == {"./data/words.txt"}
    assert "STRAY" not in words.read("names.txt").split()
    assert "OMP_NUM_THREADS" in words.read("names.txt").split()


def test_a_pattern_gives_a_function_the_files_it_takes(words):
    words.edit("pipeline.yaml", "counts: counts", 'counts: "counts/*.json"')
    words.write(
        "project/tables.py",
        "def gather(counts, summary, *, factor):\n    summary.write_text(' '.join(path.name for path in counts))\n",
    )
    done(words.call("run"))
    assert words.read("out/summary.txt") == "3.json 6.json"


def test_what_a_step_does_beyond_its_spec_is_told(words):
    words.edit(
        "pipeline.yaml",
        "shell: sort data/words.txt |",
        "shell: echo x > stray.txt; cp data/words.txt w; rm data/words.txt; sort w |",
    )
    answer = done(words.call("run"))
    assert "it wrote stray.txt, w, which it does not declare" in answer.err
    assert "it removed or replaced data/words.txt, an input" in answer.err
    assert words.read("data/words.txt") == "b\na\nb\n"
    assert not (words.root / "stray.txt").exists()


# -- faults


@pytest.mark.parametrize(
    ("old", "new", "code", "texts"),
    [
        ("> data/sorted.txt\n", "> other.txt\n", 1, ("did not write data/sorted.txt", "pipeline.yaml:15:15")),
        (
            "| uniq > data/sorted.txt\n",
            "> /dev/null; mkdir data/sorted.txt\n",
            1,
            ("wrote nothing into data/sorted.txt",),
        ),
        ("sort data/words.txt |", "false |", 0, ()),
        ("sort data/words.txt | uniq", "echo bad luck >&2; exit 7", 1, ("ended with exit code 7", "bad luck")),
        ("sort data/words.txt | uniq", "kill -9 $$; sort data/words.txt", 1, ("was killed by signal 9",)),
        (
            "shell: sort data/words.txt | uniq > data/sorted.txt",
            "command: [no-such-program]",
            1,
            ("no-such-program cannot be run: No such file or directory",),
        ),
        ("> data/sorted.txt\n", "> x; ln -s /etc/passwd data/sorted.txt\n", 1, ("not a regular file",)),
        (
            "outputs: [data/sorted.txt]",
            "outputs: [data/sorted.txt, data/words.txt]",
            65,
            ("reads what it writes itself",),
        ),
        ("inputs: [data/words.txt]", "inputs: [out/summary.txt]", 65, ("wait for each other in a circle",)),
        ("outputs: [data/sorted.txt]", "outputs: [counts/3.json]", 65, ("both write counts/3.json",)),
        ("outputs: [data/sorted.txt]", "outputs: [counts]", 65, ("lies in counts of",)),
        ("[3, 6]", '[3, "3"]', 65, ("2 instances would be called count@3", "pipeline.yaml:18:13")),
        ("{axes: {depth: [3, 6]}}", "{axes: {depth: [3]}, exclude: [{depth: 3}]}", 65, ("leaves nothing",)),
        ("{axes: {depth: [3, 6]}}", "{axes: {depth: [3]}, exclude: [{depth: 4}]}", 65, ("leaves nothing out",)),
        (
            '"counts/{depth}.json"]',
            '"counts/{depth}.json", "x/{dept}"]',
            65,
            ('"dept" in braces', 'did you mean "depth"?'),
        ),
        (
            'counts/{depth}.json"]',
            'counts/{depth}.json", counts.json]',
            65,
            ("both write counts.json", "put the values that differ"),
        ),
        ("project.tables:gather", "project.tables:gathre", 65, ('has no "gathre"', 'did you mean "gather"?')),
        ("project.tables:gather", "project.table:gather", 65, ("is not in the project",)),
        ("code: [scripts/count.py]", "code: [scripts/cuont.py]", 65, ("scripts/cuont.py cannot be read",)),
        ("data/words.txt | uniq", "data/words.txt | {uniq} uniq", 65, ("double them",)),
        ("params: {factor: 3}", "params: {counts: 3}", 65, ('"counts" is the name of one of the inputs, too',)),
        ("shell: sort", "command: [sort]\n    shell: sort", 65, ("has a command and a text for the shell",)),
        ("  gather:", "  train:", 65, ('a step cannot be called "train"', "pipeline.yaml:6:", "taken: data, evaluate")),
        ("inputs: [data/words.txt]", "inputs: [data/none.txt]", 65, ("data/none.txt is not there",)),
        ('metrics: "counts', 'metrics: "count', 65, ("is not an output",)),
        ("inputs: {counts: counts}", "inputs: {counts: counts/9.json}", 65, ("counts/9.json is not there",)),
        ("inputs: {counts: counts}", "inputs: {counts: counts, x: out/summary.txt/y}", 65, ("reads what it writes",)),
    ],
)
def test_a_fault_has_one_message_and_loses_nothing(words, old, new, code, texts):
    words.edit("pipeline.yaml", old, new)
    refused(words.call("run"), code, *texts)
    assert (words.root / "pipeline.lock").exists() == (code == 0)
    assert not (words.root / ".mlops" / "work").exists()


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (
            "raise ValueError('no luck')",
            (
                "step gather: project.tables:gather: ValueError: no luck",
                "project/tables.py:2",
                "what it printed: mlops logs gather",
            ),
        ),
        ("return 5", ("returned int, not a mapping",)),
        ("summary.write_text('x'); return {'a': [1]}", ("returned a of type list",)),
        ("summary.write_text('x'); return {'a': float('nan')}", ("a = nan, which is not finite",)),
        ("pass", ("did not write out/summary.txt",)),
        ("import os; os._exit(3)", ("ended with exit code 3",)),
        ("import os; os.kill(os.getpid(), 9)", ("was killed by signal 9",)),
        ("import sys; sys.exit(0)", ("SystemExit",)),
    ],
)
def test_a_function_that_fails_is_blamed_at_its_line(words, body, texts):
    words.write("project/tables.py", f"def gather(counts, summary, *, factor):\n    {body}\n")
    refused(words.call("run"), 1, *texts)


def test_a_function_is_not_called_with_arguments_that_it_does_not_take(words):
    words.edit("pipeline.yaml", "params: {factor: 3}", "params: {facter: 3}")
    for verb in ("plan", "run", "validate"):
        texts = ('project/tables.py:5: gather() has no parameter "facter"', "pipeline.yaml:10:22", "factor")
        refused(words.call(verb), 65, *texts)
    assert words.executed() == []


def test_an_edit_of_a_function_alone_shows_that_a_step_calls_it_wrongly(words):
    done(words.call("run"))
    words.edit("project/tables.py", "factor: int", "factor: str")
    refused(words.call("plan"), 65, "gather() takes factor: str, not 3", "pipeline.yaml:10:22")
    words.edit("project/tables.py", "def gather", "@wrapped\ndef gather")
    done(words.call("plan"))


def test_a_step_of_many_instances_is_complained_about_once(words):
    words.edit("pipeline.yaml", "    kind: python\n", "    kind: python\n    matrix: {axes: {x: [1, 2]}}\n")
    words.edit("pipeline.yaml", "out/summary.txt}", "'out/{x}.txt'}")
    words.edit("pipeline.yaml", "params: {factor: 3}", "params: {facter: 3}")
    answer = words.call("plan")
    refused(answer, 65, "facter")
    assert answer.err.count("facter") == 1


def test_a_step_that_takes_too_long_is_ended(words):
    words.edit(
        "pipeline.yaml",
        "shell: sort data/words.txt",
        "timeout: 300ms\n    shell: trap '' TERM; sleep 30 & sleep 30; sort data/words.txt",
    )
    started = time.monotonic()
    refused(words.call("run"), 1, "took longer than its timeout of 0.3 s")
    assert time.monotonic() - started < 20


def test_what_a_step_starts_and_leaves_behind_is_ended_with_it(words, tmp_path):
    sign = tmp_path / "sign"
    words.edit(
        "pipeline.yaml",
        "shell: sort data/words.txt",
        f"shell: (setsid sh -c 'sleep 2; touch {sign}' &) ; sort data/words.txt",
    )
    done(words.call("run"))
    time.sleep(2.5)
    assert not sign.exists()


def test_a_run_goes_on_where_a_failure_stopped_it(words):
    words.edit("project/tables.py", "total = sum", "1 / 0; total = sum")
    refused(words.call("run"), 1, "ZeroDivisionError")
    assert sorted(words.executed()) == ["count@3", "count@6", "sorted"]
    words.write("project/tables.py", TABLES)
    answer = done(words.call("run"))
    assert words.executed()[3:] == ["gather"]
    assert "1 executed" in answer.out


def test_files_beside_what_steps_write_are_not_left_out_silently(words):
    words.write("counts/9.json", '{"count": 1}')
    refused(words.call("run"), 65, "counts takes in what steps write, and also counts/9.json", "pipeline.yaml:8:22")


def test_code_that_changes_while_a_step_runs_is_not_taken_for_what_ran(words):
    words.edit("pipeline.yaml", "shell: sort", f"shell: echo z >> {words.root}/data/words.txt; sort")
    refused(words.call("run"), 5, "data/words.txt changed while sorted was reading it")


def test_a_damaged_compact_lock_changes_no_answer(words):
    done(words.call("run"))
    before = words.call("plan", "--json").out
    compact = words.root / ".mlops" / "lock.json"
    data = compact.read_bytes()
    for broken in (data[:-1], data.replace(b"sorted", b"sotred", 1), b"", b"{}"):
        compact.write_bytes(broken)
        assert words.call("plan", "--json").out == before
    compact.write_bytes(data)
    words.write("pipeline.lock", words.read("pipeline.lock").replace("total: 12", "total: 13"))
    assert words.call("plan", "--json").out == before


@pytest.mark.skipif(not shutil.which("git"), reason="no git")
def test_two_branches_that_add_steps_merge_without_conflict(words):
    done(words.call("run"))
    words.commit("run")
    for branch, name in (("one", "alpha"), ("two", "omega")):
        words.git("checkout", "-q", "-b", branch, "main")
        text = words.read("pipeline.yaml")
        step = f"  {name}:\n    kind: command\n    shell: echo {name} > {name}/x.txt\n    outputs: [{name}/x.txt]\n"
        position = text.index("  gather:") if name == "alpha" else len(text)
        words.write("pipeline.yaml", text[:position] + step + text[position:])
        done(words.call("run"))
        words.commit(name)
    words.git("merge", "-q", "-m", "both", "one")
    assert words.to_do() == {}
    done(words.call("verify"))


# -- when a step runs


FLAKY = """\
  flaky:
    kind: command
    {handling}
    shell: echo x >> {log}; test "$(wc -l < {log})" -ge {good} || (echo not yet; exit 9); echo done > flaky.txt
    outputs: [flaky.txt]
"""


def flaky(words, tmp_path, handling, good):
    log = tmp_path / "tries"
    log.touch()
    words.write("pipeline.yaml", words.read("pipeline.yaml") + FLAKY.format(handling=handling, log=log, good=good))
    return log


def test_a_step_is_tried_again_as_often_as_it_says(words, tmp_path):
    log = flaky(words, tmp_path, "retries: 2", good=3)
    answer = done(words.call("run"))
    assert "exit code 9; trying again (2 of 2)" in answer.err
    assert log.read_text() == "x\nx\nx\n"
    words.edit("pipeline.yaml", "-ge 3", "-ge 9")
    refused(words.call("run"), 1, "ended with exit code 9")
    assert log.read_text() == "x\n" * 6


def test_a_step_that_runs_always_moves_what_follows_only_if_its_result_moves(words, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("a\n")
    words.edit(
        "pipeline.yaml",
        "    shell: sort data/words.txt",
        f"    always: true\n    shell: cat {outside} data/words.txt | sort",
    )
    done(words.call("run"))
    assert words.to_do() == {"sorted": "rerun", "count@3": "unknown", "count@6": "unknown", "gather": "unknown"}
    done(words.call("verify"))
    done(words.call("run"))
    assert words.executed()[4:] == ["sorted"]
    outside.write_text("q\n")
    done(words.call("run"))
    assert sorted(words.executed()[5:]) == ["count@3", "count@6", "gather", "sorted"]
    assert words.read("out/summary.txt") == "18\n"


def test_a_pattern_that_takes_in_what_a_step_writes_every_time_leaves_a_run_verified(words):
    words.edit("pipeline.yaml", "{counts: counts}", '{counts: "counts/*"}')
    words.edit("project/tables.py", 'sorted(counts.glob("*.json"))', "counts")
    words.edit("project/tables.py", "counts: Path", "counts: list")
    words.edit("pipeline.yaml", "  count:\n", "  count:\n    always: true\n")
    done(words.call("run"))
    assert words.to_do() == {"count@3": "rerun", "count@6": "rerun", "gather": "unknown"}
    done(words.call("verify"))


def test_a_frozen_step_may_be_older_than_what_it_read(words):
    done(words.call("run"))
    words.edit("pipeline.yaml", "  gather:\n", "  gather:\n    frozen: true\n")
    words.write("data/words.txt", "z\n")
    done(words.call("run"))
    assert sorted(words.executed()[4:]) == ["count@3", "count@6", "sorted"]
    done(words.call("verify"))


def test_a_frozen_step_stays_as_it_was_locked(words):
    words.edit("pipeline.yaml", "    shell: sort", "    frozen: true\n    shell: sort")
    refused(words.call("run"), 65, "sorted is frozen, and nothing of it is locked", "pipeline.yaml:13:13")
    words.edit("pipeline.yaml", "    frozen: true\n", "")
    done(words.call("run"))
    words.edit("pipeline.yaml", "    shell: sort", "    frozen: true\n    shell: sort -r")
    words.write("data/words.txt", "z\n")
    assert words.to_do() == {}
    done(words.call("run"))
    done(words.call("verify"))
    done(words.call("verify", "--rerun", "1"))
    assert words.read("data/sorted.txt") == "a\nb\n"
    (words.root / "data/sorted.txt").unlink()
    done(words.call("run"))
    assert words.read("data/sorted.txt") == "a\nb\n"


def test_a_run_that_keeps_going_does_what_does_not_wait_for_a_failure(words):
    step = "  {0}:\n    kind: command\n    shell: {1}\n    outputs: [{0}.txt]\n"
    more = step.format("bad", "exit 4") + step.format("other", "echo x > other.txt")
    more += step.format("after", "cat bad.txt > after.txt").replace("    outputs", "    inputs: [bad.txt]\n    outputs")
    text = words.read("pipeline.yaml").replace("steps:\n", "steps:\n" + more)
    words.write("pipeline.yaml", text)
    said = refused(words.call("run", "--keep-going"), 1, "the command of bad ended with exit code 4")
    assert "not run, because of what failed: after" in said
    assert sorted(words.executed()) == ["count@3", "count@6", "gather", "other", "sorted"]
    assert not (words.root / "pipeline.lock").exists()


def test_strictness_fails_a_step_for_what_it_does_not_declare(words):
    words.write("config.json", "{}")
    words.edit(
        "project/tables.py",
        "    total = sum",
        "    root = Path(__file__).parents[1]\n    (root / 'config.json').read_text()\n    total = sum",
    )
    answer = done(words.call("run"))
    assert "it read config.json in the project, which it does not declare" in answer.err
    refused(words.call("run", "--force", "--strict"), 1, "config.json", "does not declare")
    words.edit("pipeline.yaml", "{counts: counts}", "{counts: counts, config: config.json}")
    words.edit("project/tables.py", "(counts: Path,", "(counts: Path, config: Path,")
    done(words.call("run", "--strict"))
    words.edit("project/tables.py", "(root / 'config.json').read_text()", "(root / 'x.json').write_text('1')")
    assert "it wrote x.json in the project" in done(words.call("run")).err


def test_threads_of_a_step_are_told_to_libraries_and_share_the_processors(words):
    words.edit(
        "pipeline.yaml", "    shell: sort", "    resources: {threads: 3}\n    shell: test $OMP_NUM_THREADS = 3; sort"
    )
    words.edit(
        "project/tables.py",
        "    total = sum",
        "    import os\n    assert os.environ['OMP_NUM_THREADS'] == '1'\n    total = sum",
    )
    done(words.call("run"))
    assert "execution.threads: 3" in words.read("pipeline.lock")


def test_a_function_in_a_folder_for_code_is_blamed_by_its_path_in_the_project(words):
    words.edit("pipeline.yaml", "name: words\n", "name: words\ncode: project\n")
    words.edit("pipeline.yaml", "project.tables:gather", "tables:gather")
    words.write("project/tables.py", "def gather(counts, summary, *, factor):\n    raise ValueError('no luck')\n")
    refused(words.call("run"), 1, "step gather: tables:gather: ValueError", "--> project/tables.py:2:1")


def test_metrics_that_are_odd_are_named_with_their_step_and_line(words):
    words.edit("scripts/count.py", '"depth": depth}', '"depth": [depth]}')
    text = refused(words.call("run"), 1, "step count@3: counts/3.json has depth of type list, which is no single value")
    assert "--> pipeline.yaml:23:14" in text
