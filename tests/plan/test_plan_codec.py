"""Plans as JSON and compiled specs in a cache: the same bytes for the same plan, and nothing stale or damaged."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_values import CSV, ENVIRONMENT, FACTS, STEPS, plan

from mlops_runner.errors import Place
from mlops_runner.lock.model import Lock
from mlops_runner.plan import cache
from mlops_runner.plan.cache import Entry, decode, encode, fresh, source_digest
from mlops_runner.plan.codec import compiled_from_json, compiled_json, plan_json
from mlops_runner.plan.environment import Declared, Need
from mlops_runner.plan.steps import Compiled

ENVIRONMENTS = {
    "default": Declared("default", "requirements.lock", None, (), Place("pipeline.yaml", 3, 5)),
    "vision": Declared("vision", "vision.lock", "3.12", (Need("driver", "nvidia", ">=550"),)),
}
COMPILED = Compiled("loans", "ü", tuple(STEPS), "", ENVIRONMENTS, ("pipeline.yaml",))
FILES = {"pipeline.yaml": b"one", "requirements.lock": b"two"}
ENTRY = Entry(COMPILED, {"default": ENVIRONMENT}, {name: source_digest(data) for name, data in FILES.items()})
TEXT = encode(ENTRY, "3.11").encode()


def test_a_plan_is_this_json():
    facts = replace(FACTS, external={}, absent=frozenset({CSV}), notes=("a note",))
    found = plan_json(plan(STEPS[:2], facts=facts))
    digest = found.pop("plan_digest")
    key = found["steps"][0].pop("key"), found["steps"][1].pop("key")
    assert all(text.startswith("k1:") for text in key)
    assert digest.startswith("p1:")
    assert found == {
        "plan_version": 1,
        "pipeline": "p",
        "changes": True,
        "steps": [
            {"name": "data", "action": "unchanged", "reasons": [], "counted_as_locked": [CSV]},
            {"name": "train.a", "action": "unchanged", "reasons": []},
            {"name": "evaluate", "action": "remove", "key": None, "reasons": []},
            {"name": "train.b", "action": "remove", "key": None, "reasons": []},
        ],
        "notes": ["a note"],
    }


def test_a_reason_is_this_json():
    found = plan_json(plan(facts=replace(FACTS, code={"rules:train": {"rules.py": "a1:bb"}})))
    assert found["steps"][2]["reasons"] == [
        {"code": "code-changed", "what": "rules.py", "old": "a1:aa", "new": "a1:bb", "place": "rules.py:1:1"}
    ]
    assert plan_json(plan(lock=Lock()))["steps"][3]["reasons"][1]["place"] is None


def test_a_plan_has_the_same_bytes_in_every_process():
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from plan_values import *; from mlops_runner.plan.codec import plan_json\n"
        "print(json.dumps([plan_json(plan()), plan_json(plan(lock=Lock()))]))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)], capture_output=True, check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert found == {(json.dumps([plan_json(plan()), plan_json(plan(lock=Lock()))]) + "\n").encode()}


def test_compiled_specs_survive_json():
    assert compiled_from_json(json.loads(json.dumps(compiled_json(COMPILED)))) == COMPILED


@pytest.mark.parametrize("environments", [{"default": ENVIRONMENT, "vision": ENVIRONMENT}, {}])
def test_what_was_cached_comes_back(environments):
    entry = replace(ENTRY, environments=environments)
    assert decode(encode(entry, "3.11").encode(), "3.11") == entry


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"changed", b"", None])
def test_an_entry_is_not_fresh_when_a_source_changed_or_is_gone(name, content):
    entry = decode(TEXT, "3.11")
    assert fresh(entry.sources, FILES.get)
    assert not fresh(entry.sources, {**FILES, name: content}.get)


def test_another_python_is_a_miss():
    assert decode(TEXT, "3.12") is None


def test_other_code_that_compiles_is_a_miss_even_of_the_same_size_and_age(monkeypatch, tmp_path):
    before = cache.rules()
    for room in cache.ROOMS:
        source = Path(cache.__file__).parents[1] / room
        for file in source.glob("*.py") if source.is_dir() else [source]:
            target = tmp_path / file.relative_to(Path(cache.__file__).parents[1])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "plan" / "cache.py"))
    assert cache.rules() == before
    target = tmp_path / "plan" / "versions.py"
    target.write_bytes(target.read_bytes().replace(b"TRAIN_VERSION = 2", b"TRAIN_VERSION = 99"))
    assert cache.rules() != before
    assert decode(TEXT, "3.11") is None


def test_every_module_that_compiles_counts_as_one():
    code = "import sys; import mlops_runner.plan.check, mlops_runner.plan.check_steps, mlops_runner.plan.compile\n"
    code += "import mlops_runner.specs.load; print(*(m for m in sys.modules if m.startswith('mlops_runner.')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    package = Path(cache.__file__).parents[1]
    files = {package.joinpath(*name.split(".")[1:]).with_suffix(".py").relative_to(package) for name in loaded}
    counted = {room for room in cache.ROOMS if room.endswith(".py")}
    missed = {
        str(f) for f in files if (package / f).exists() and str(f) not in counted and f.parts[0] not in cache.ROOMS
    }
    assert missed == set()


@settings(deadline=None, max_examples=100)
@given(st.integers(0, len(TEXT) - 1), st.integers(1, 255), st.sampled_from(["flip", "cut", "drop", "insert"]))
def test_a_damaged_cache_is_a_miss(position, bits, how):
    damaged = bytearray(TEXT)
    match how:
        case "flip":
            damaged[position] ^= bits
        case "cut":
            del damaged[position:]
        case "drop":
            del damaged[position]
        case "insert":
            damaged.insert(position, bits)
    assert decode(bytes(damaged), "3.11") in {None} or bytes(damaged) == TEXT


@pytest.mark.parametrize("text", [b"", b"{}", b"null", b'{"digest":"","entry":"{}"}'])
def test_a_cache_of_another_form_is_a_miss(text):
    assert decode(text, "3.11") is None
