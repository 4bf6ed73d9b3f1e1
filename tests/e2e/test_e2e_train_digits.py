"""The example with PyTorch, where PyTorch is installed: an image classifier, bit for bit the same again."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"
LOAD = "from mlops_runner import load_model; load_model('.', project_code={}).check_probe()"


def test_the_example_of_digits_learns_to_read_and_repeats_itself(fresh, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    shutil.copytree(EXAMPLE, tmp_path / "digits")
    sandbox = type(fresh)(tmp_path / "digits")
    sandbox.edit("specs/training.yaml", "epochs: 30", "epochs: 15")
    sandbox.git("init", "-q", "-b", "main")
    sandbox.commit("digits")
    assert sandbox.mlops("run").code == 0
    assert "winner: network" in sandbox.read("pipeline.lock")
    assert sandbox.mlops("verify", "--rerun", "1", timeout=300).code == 0
    refused, loaded = (
        subprocess.run([sys.executable, "-c", LOAD.format(trust)], cwd=sandbox.root, capture_output=True, text=True)
        for trust in (False, True)
    )
    assert "the model is read by callables.network:load, which is code of its project" in refused.stderr
    assert loaded.returncode == 0, loaded.stderr
