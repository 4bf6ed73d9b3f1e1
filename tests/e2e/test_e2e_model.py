"""The packaged model on the command line: its signature, and the file for other runtimes."""

import json
import sys

import pytest

from mlops_runner import load_project


def test_show_prints_what_the_model_reads_and_where_it_comes_from(built):
    answer = built.call("model", "show", "--check")
    assert answer.code == 0
    stage = load_project(built.root).lock().stages["package"]
    assert stage.key in answer.out
    assert f"sha256:{stage.outputs['artifacts/model/bundle.json'].sha256}" in answer.out
    (line,) = [line for line in answer.out.splitlines() if line.startswith("device")]
    assert line.split() == ["device", "string", "not", "allowed", "desk,", "phone,", "tablet"]
    assert "rows of its probe as recorded" in answer.err


def test_show_as_json_lists_the_columns_in_order(built):
    value = built.call("model", "show", "--json").value
    assert [column["name"] for column in value["columns"]] == ["minutes", "device"]
    assert value["columns"][0]["min"] == 0
    assert value["classes"] == ["no", "yes"]


def test_without_a_model_there_is_nothing_to_show_or_to_export(fresh):
    for command in ("show", "export"):
        answer = fresh.call("model", command)
        assert answer.code == 64
        assert "no model has been packaged yet" in answer.err


def test_export_writes_the_same_file_again_and_says_how_it_compares(built, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("skl2onnx")
    first = built.call("model", "export", "--format", "onnx", "--out", str(tmp_path / "one.onnx"))
    assert first.code == 0
    assert first.out.strip() == str(tmp_path / "one.onnx")
    assert "rows of the probe and of the test side agree with the bundle" in first.err
    again = built.call("model", "export", "--json")
    assert json.loads(again.out)["sides"] == ["test"]
    assert (tmp_path / "one.onnx").read_bytes() == (built.root / ".mlops/model.onnx").read_bytes()


def test_a_file_that_cannot_be_written_is_named(built, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    (tmp_path / "file").write_text("")
    answer = built.call("model", "export", "--out", str(tmp_path / "file/model.onnx"))
    assert answer.code == 64
    assert "file/model.onnx cannot be written: File exists" in answer.err


def test_an_opset_that_is_not_offered_is_a_usage_error(built):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    answer = built.call("model", "export", "--opset", "12")
    assert answer.code == 64
    assert "opset 12 is not one of 18 to 22" in answer.err


def test_without_the_extra_the_message_says_what_to_install(built, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "onnx" or "train.onnx" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    answer = built.call("model", "export")
    assert answer.code == 65
    assert "exporting to ONNX needs onnx, which is not installed" in answer.err
    assert "pip install mlops_runner[onnx]" in answer.err
