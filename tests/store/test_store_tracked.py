"""What DVC tracks is found as dvc writes it, and brought back without touching what is there."""

import json
import os
import subprocess
import sys

import pytest

from mlops_runner.digest import digest_bytes
from mlops_runner.errors import InvalidInput
from mlops_runner.store.checkout import check_out
from mlops_runner.store.objects import ObjectStore
from mlops_runner.store.tracked import Tracked, Tracking, read_outputs

A, B, C = (letter * 32 for letter in "abc")


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def found(root, file):
    return [(tracked.path, tracked.md5, tracked.place.line) for tracked in read_outputs(root, file)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"outs:\n- md5: {A}\n  size: 1\n  hash: md5\n  path: x.csv\n", [("data/x.csv", A, 2)]),
        (f"outs:\n- path: x.csv\n  md5: {A}.dir\n  nfiles: 2\n", [("data/x.csv", f"{A}.dir", 3)]),
        (f"outs:\n  - md5: {A}\n    path: x.csv\n", [("data/x.csv", A, 2)]),
        (f"outs:\n- md5: {A}\n  path: 'it''s.csv'\n", [("data/it's.csv", A, 2)]),
        (f'outs:\n- md5: {A}\n  path: "\\xE9"\n', []),
        (f'outs:\n- md5: {A}\n  path: "a\\tb"\n', [("data/a\tb", A, 2)]),
        (f"md5: {C}\ndeps:\n- md5: {B}\n  path: there\nouts:\n- md5: {A}\n  path: x\n", [("data/x", A, 6)]),
        (f"outs:\n- md5: {A}\n  path: x\ndeps:\n- md5: {B}\n  path: there\n", [("data/x", A, 2)]),
        (f"outs:\n- path: d\n  md5: {A}.dir\n  files:\n  - relpath: a\n    md5: {B}\n", [("data/d", f"{A}.dir", 3)]),
        (f"wdir: ..\nouts:\n- md5: {A}\n  path: x.csv\n", []),
        (f"outs:\n- md5: {A}\n  path: ../x.csv\n", []),
        (f"outs:\n- md5: {A}\n  path: /etc/passwd\n", []),
        ("outs:\n- md5: short\n  path: x\n", []),
        ("outs: []\n", []), ("", []), ("{outs: [{md5: a}]}", []), ("\x00", []),
    ],
)  # fmt: skip
def test_a_pointer_is_read_as_dvc_writes_it(tmp_path, text, expected):
    write(tmp_path, {"data/x.csv.dvc": text})
    assert found(tmp_path, "data/x.csv.dvc") == expected


LOCK = f"""\
schema: '2.0'
stages:
  prepare:
    cmd: python prepare.py
    deps:
    - path: raw.csv
      hash: md5
      md5: {C}
      size: 4
    params:
      params.yaml:
        outs: 3
    outs:
    - path: clean.csv
      hash: md5
      md5: {A}
      size: 4
    - path: parts
      hash: md5
      md5: {B}.dir
      size: 8
      nfiles: 2
  train:
    cmd: "outs:"
    outs:
    - path: model
      md5: {C}
"""


def test_a_lock_of_dvc_names_the_outputs_of_its_stages(tmp_path):
    write(tmp_path, {"data/dvc.lock": LOCK})
    assert [(path, md5) for path, md5, _ in found(tmp_path, "data/dvc.lock")] == [
        ("data/clean.csv", A), ("data/parts", f"{B}.dir"), ("data/model", C),
    ]  # fmt: skip


def test_stages_of_other_folders_are_not_followed(tmp_path):
    write(tmp_path, {"dvc.lock": LOCK, "dvc.yaml": "stages:\n  prepare:\n    wdir: sub\n    cmd: x\n"})
    assert found(tmp_path, "dvc.lock") == []


@pytest.mark.parametrize("path", ["data/clean.csv", "data/model"])
def test_an_output_is_found_through_the_lock_of_its_folder_or_one_above(tmp_path, path):
    write(tmp_path, {"dvc.lock": LOCK.replace("path: ", "path: data/")})
    assert Tracking(tmp_path, ObjectStore(tmp_path)).find(path).path == path


def store_folder(root, files, tmp_path):
    store = ObjectStore(root)
    for data in files.values():
        (tmp_path / "one").write_bytes(data)
        store.add(tmp_path / "one", digest_bytes(data))
    digest = store.add_folder({name: digest_bytes(data) for name, data in files.items()})
    return store, f"{digest.md5}.dir"


FILES = {"a": b"1", "deep/b": b"2", "deep/c": b"3"}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_what_lies_in_a_tracked_folder_is_known_through_its_manifest(root, tmp_path):
    store, md5 = store_folder(root, FILES, tmp_path)
    write(root, {"data.dvc": f"outs:\n- md5: {md5}\n  path: data\n"})
    tracking = Tracking(root, store)
    assert tracking.find("data").md5 == md5
    assert tracking.find("data/deep/b").md5 == digest_bytes(b"2").md5
    assert tracking.find("data/nothing") is None
    deep = tracking.find("data/deep")
    assert deep.md5 == store_folder(root, {"b": b"2", "c": b"3"}, tmp_path)[1]
    store.path(md5).unlink()
    assert tracking.find("data/deep/b") is None


def test_a_folder_is_checked_out(root, tmp_path):
    store, md5 = store_folder(root, FILES, tmp_path)
    tracked = Tracked("data", md5, None)
    assert check_out(root, store, tracked)
    assert {name: (root / "data" / name).read_bytes() for name in FILES} == FILES
    assert (root / "data" / "a").stat().st_mode & 0o200, "a copy that may be edited"


def test_what_is_there_is_left_alone(root, tmp_path):
    store, md5 = store_folder(root, FILES, tmp_path)
    write(root, {"data/a": "mine"})
    assert check_out(root, store, Tracked("data", md5, None))
    assert (root / "data" / "a").read_text() == "mine"


@pytest.mark.parametrize("how", ["manifest gone", "object gone", "object damaged", "manifest damaged"])
def test_nothing_is_checked_out_unless_all_of_it_can_be(root, tmp_path, how):
    store, md5 = store_folder(root, FILES, tmp_path)
    path = store.path(md5 if how.startswith("manifest") else digest_bytes(b"3").md5)
    path.chmod(0o644)
    path.unlink() if how.endswith("gone") else path.write_bytes(b"[]")
    assert not check_out(root, store, Tracked("data", md5, None))
    assert not (root / "data").exists()


@pytest.mark.parametrize("name", ["../out", "/etc/x", "a/../../out"])
def test_a_manifest_that_leads_elsewhere_is_refused(root, tmp_path, name):
    store, _ = store_folder(root, FILES, tmp_path)
    data = json.dumps([{"md5": digest_bytes(b"1").md5, "relpath": name}]).encode()
    md5 = f"{digest_bytes(data).md5}.dir"
    store.path(md5).parent.mkdir(parents=True, exist_ok=True)
    store.path(md5).write_bytes(data)
    with pytest.raises(InvalidInput, match="does not lie in it"):
        check_out(root, store, Tracked("data", md5, None))


def test_what_dvc_itself_writes_is_understood(root):
    def dvc(*arguments):
        environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(root / "../site")}
        subprocess.run([sys.executable, "-m", "dvc", "-q", *arguments], cwd=root, env=environment, check=True)

    dvc("init", "--no-scm")
    write(root, {"data/it's ü.csv": "1", "raw/a": "1", "raw/deep/b": "2"})
    dvc("add", "data/it's ü.csv", "raw")
    dvc(
        "stage",
        "add",
        "-q",
        "--run",
        "-n",
        "prepare",
        "-d",
        "raw",
        "-o",
        "out/clean.csv",
        "mkdir -p out; cp raw/a out/clean.csv",
    )
    tracking = Tracking(root, ObjectStore(root))
    one, two = digest_bytes(b"1").md5, digest_bytes(b"2").md5
    paths = {"data/it's ü.csv": one, "raw/deep/b": two, "out/clean.csv": one}
    assert {path: tracking.find(path).md5 for path in paths} == paths
    assert tracking.find("raw").folder
