"""The example with PyTorch, where PyTorch is installed: an image classifier, bit for bit the same again."""

import subprocess
import sys

import pytest

LOAD = "from mlops_runner import load_model; load_model('.', project_code={}).check_probe()"


def test_the_example_of_digits_learns_to_read_and_repeats_itself(example):
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    sandbox = example("digits", {"specs/training.yaml": ("epochs: 30", "epochs: 15")})
    assert sandbox.mlops("run").code == 0
    assert "winner: network" in sandbox.read("pipeline.lock")
    assert sandbox.mlops("verify", "--rerun", "1", timeout=300).code == 0
    refused, loaded = (
        subprocess.run([sys.executable, "-c", LOAD.format(trust)], cwd=sandbox.root, capture_output=True, text=True)
        for trust in (False, True)
    )
    assert "the model is read by callables.network:load, which is code of its project" in refused.stderr
    assert loaded.returncode == 0, loaded.stderr
