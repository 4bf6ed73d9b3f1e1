"""The cells that are run, and the file that is kept of them."""

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebooks import code, notebook, text

from mlops_runner.errors import InvalidInput
from mlops_runner.execute.executed import prepared, same_outputs, written
from mlops_runner.execute.messages import Request
from mlops_runner.execute.stages import notebook as stage
from mlops_runner.plan.notebook import read_notebook

PARAMS = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).map(lambda name: f"p_{name}"),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
    min_size=1,
)


def cells(*given):
    return read_notebook(notebook(*given).encode(), "n.ipynb")


@given(PARAMS)
def test_params_become_variables_of_their_own_type(params):
    found = {}
    exec(prepared(cells("x"), params)[0][0]["source"], {}, found)
    assert repr(found) == repr(dict(sorted(params.items())))


@pytest.mark.parametrize(
    ("given_cells", "sources"),
    [
        (("a", "b"), ["# Parameters\ndepth = 3", "a", "b"]),
        ((text("T"), code("depth = 1", "parameters"), "b"), ["T", "depth = 1", "# Parameters\ndepth = 3", "b"]),
        ((code("depth = 9", "injected-parameters"), "b"), ["# Parameters\ndepth = 3", "b"]),
    ],
    ids=["first", "after the tagged cell", "in place of what papermill left"],
)
def test_params_are_set_after_the_tagged_cell_or_first(given_cells, sources):
    assert [document["source"] for document, _ in prepared(cells(*given_cells), {"depth": 3})] == sources
    assert "# Parameters" not in [document["source"] for document, _ in prepared(cells(*given_cells), {})]


def stream(name, words):
    return {"output_type": "stream", "name": name, "text": words}


def shown(*outputs, work="/w/1", **other):
    documents = [{**code("x", outputs=outputs), "source": "x", **other}]
    value = json.loads(written(documents, Path(work), Path(work) / "project"))
    return value["cells"][0]["outputs"]


def test_in_which_pieces_streams_come_is_not_in_the_file():
    display = {"output_type": "display_data", "data": {"text/plain": "d"}, "metadata": {}}
    one = shown(
        stream("stdout", "a\n"), stream("stderr", "e\n"), stream("stdout", "b\n"), display, stream("stdout", "c")
    )
    other = shown(stream("stderr", "e\n"), stream("stdout", "a\nb\n"), display, stream("stdout", "c"))
    assert one == other
    assert [output.get("text", output.get("data")) for output in one] == [
        ["a\n", "b\n"], ["e\n"], {"text/plain": ["d"]}, ["c"],
    ]  # fmt: skip


def test_of_a_progress_bar_the_last_state_is_kept():
    assert shown(stream("stderr", "10%\r50%\r100%\ndone\r\n"))[0]["text"] == ["100%\n", "done\r\n"]


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("/w/1/project/data/x.csv", "data/x.csv"),
        ("at /w/1/project, and", "at ., and"),
        ("~/project/src/a.py:3", "src/a.py:3"),
        ("/w/1/ipykernel_812/99.py:1: UserWarning", "<cell>:1: UserWarning"),
        ("/w/1/projects/x", "/w/1/projects/x"),
        ("/w/12/project/x", "/w/12/project/x"),
    ],
)
def test_paths_of_the_folder_of_a_step_become_paths_of_the_project(words, kept):
    display = {
        "output_type": "execute_result",
        "data": {"text/plain": words, "x/y+json": {"a": [words]}},
        "metadata": {},
    }
    assert shown(stream("stdout", words))[0]["text"] == [kept]
    assert shown(display)[0]["data"] == {"text/plain": [kept], "x/y+json": {"a": [kept]}}


def test_what_needs_a_live_kernel_is_left_out_and_bytes_stay_in_one_piece():
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "7f"}, "image/png": "iVBO\nRw0\n"}
    assert shown({"output_type": "display_data", "data": data, "metadata": {}})[0]["data"] == {
        "image/png": "iVBO\nRw0\n"
    }


def test_of_two_executed_notebooks_the_outputs_are_compared():
    def file(title, source, said):
        return notebook(text(title), code(source, outputs=[stream("stdout", said)])).encode()

    assert same_outputs(file("A", "x", "1"), file("B", "x  # c", "1"))
    assert not same_outputs(file("A", "x", "1"), file("A", "x", "2"))
    assert not same_outputs(file("A", "x", "1"), b"{")


@pytest.mark.parametrize("missing", ["nbclient", "jupyter_client.manager", "nbformat"])
def test_without_the_extra_one_message_says_what_to_install(missing, tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    (tmp_path / "project/n.ipynb").write_text(notebook("x = 1"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "mlops_runner.execute.kernel", raising=False)
    monkeypatch.delattr("mlops_runner.execute.kernel", raising=False)
    request = Request("notebook", {"notebook": "n.ipynb"}, {}, os.fspath(tmp_path), os.fspath(tmp_path), project="/")
    with pytest.raises(InvalidInput) as caught:
        stage.execute(request)
    (found,) = caught.value.diagnostics
    assert (found.code, found.hint) == ("missing-extra", "pip install mlops_runner[notebook]")
    assert missing.partition(".")[0] in found.message
