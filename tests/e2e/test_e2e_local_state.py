"""Every file below .mlops may be damaged, replaced or old: plan and run say and do the same as without it.

The files are those that a run leaves there, whatever they are: a new cache is tried here by itself.
"""

import shutil

import pytest

PIPELINE = """\
apiVersion: mlops/v1
kind: Pipeline
name: NAME
params: {times: 1}
steps:
  count:
    kind: command
    matrix: {axes: {part: [one, two]}}
    shell: |
      echo "{\\"lines\\": $(cat data/parts/* data/words | wc -l)}" > out/{part}.json; echo {times}
    inputs: [data/parts, data/words]
    outputs: ["out/{part}.json"]
    metrics: "out/{part}.json"
    params: {times: {param: times}}
  gather:
    kind: command
    command: [sh, scripts/gather.sh, "{lines}"]
    code: [scripts/gather.sh]
    inputs: ["out/*.json"]
    outputs: [site]
    params: {lines: {step: "count@one", value: lines}}
"""

NO_CACHE = frozenset({"runner.lock"})  # it is empty, and its content means nothing
LOG = "logs/"  # for people alone


def files_of(name):
    return {
        "pipeline.yaml": PIPELINE.replace("NAME", name),
        "data/words": f"{name}\n",
        "data/parts/a": f"{name} a\n",
        "data/parts/b": f"{name} b\n",
        "scripts/gather.sh": f"mkdir site; cat out/*.json > site/all; echo $1 > site/{name}\n",
        ".gitignore": ".mlops/\n",
    }


def ran(sandbox):
    answer = sandbox.call("run")
    assert answer.code == 0, answer.err
    return sandbox


@pytest.fixture
def here(sandbox_of, tmp_path):
    """A project that ran twice; beside it its state after the first run, and another project that ran."""
    sandbox = sandbox_of(files_of("here"))
    other = type(sandbox)(tmp_path / "other")
    for file, text in files_of("also").items():
        other.write(file, text)
    ran(other)
    shutil.copytree(ran(sandbox).root / ".mlops", tmp_path / "older")
    sandbox.write("data/words", "more\nwords\n")
    sandbox.write("data/parts/b", "more\n")
    sandbox.edit("pipeline.yaml", "times: 1", "times: 2")
    return ran(sandbox)


def flipped(data, share):
    at = min(len(data) - 1, int(len(data) * share))
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :] if data else b"\0"


def damages(here, file, data):
    """Yield what may have become of a file: its name, and the bytes."""
    yield "emptied", b""
    if file.startswith(LOG):
        return
    yield "cut", data[: len(data) // 2]
    yield "cut at its end", data[:-1]
    for share in (0, 0.3, 0.6, 0.99):
        yield f"flipped at {share}", flipped(data, share)
    yield "overwritten", b"[null, {}]\n"
    yield "doubled", data + data
    for where in ("other/.mlops", "older"):
        source = here.root.parent / where / file
        if source.exists():
            yield where, source.read_bytes()
        for found in sorted(source.parent.glob("*")) if not source.exists() else ():
            yield f"{where}/{found.name}", found.read_bytes()


def edited(here):
    """Return what a plan says when each of the things that it caches was changed, then put back."""
    found = [here.call("plan", "--json").out]
    for file, old, new in (
        ("data/words", "words", "fords"),
        ("data/parts/b", "more", "less"),
        ("pipeline.yaml", "times: 2", "times: 3"),
        ("scripts/gather.sh", "echo", "echo -n"),
    ):
        here.edit(file, old, new)
        found.append(here.call("plan", "--json").out)
        here.edit(file, new, old)
    return found


def test_no_file_of_the_local_state_can_make_an_answer_wrong(here):
    state = here.root / ".mlops"
    lock, results, whole = here.read("pipeline.lock"), here.content("out", "site"), here.root.parent / "whole"
    shutil.copytree(state, whole)
    found = [path for path in state.rglob("*") if path.is_file() and path.name not in NO_CACHE]
    files = sorted(str(path.relative_to(state)) for path in found)
    assert {"compiled.json", "journal.jsonl", "stats.json"} <= set(files)
    shutil.rmtree(state)
    answers = edited(here)
    assert len(set(answers)) == len(answers)
    for file in files:
        for what, data in damages(here, file, (whole / file).read_bytes()):
            shutil.rmtree(state, ignore_errors=True)
            shutil.copytree(whole, state)
            (state / file).write_bytes(data)
            assert edited(here) == answers, f"{file} {what}"
            if what in {"cut", "flipped at 0.3", "older", "other/.mlops"}:
                (here.root / "pipeline.lock").unlink()
                answer = here.call("run")
                assert answer.code == 0, f"{file} {what}: {answer.err}"
                assert here.read("pipeline.lock") == lock, f"{file} {what}"
                assert here.content("out", "site") == results, f"{file} {what}"
                assert edited(here) == answers, f"{file} {what}, after a run"
