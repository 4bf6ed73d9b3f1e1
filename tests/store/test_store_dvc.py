"""Beside the real dvc: objects, manifests and pointers are byte for byte its own, and it is content with ours."""

import os
import subprocess
from pathlib import Path

import pytest

from mlops_runner.digest import digest_bytes
from mlops_runner.store.objects import ObjectStore, cache_folder, manifest
from mlops_runner.store.pointers import Pointers, ensure_dvc, pointer_text

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what dvc imports


def write(project, output, files):
    pointers = Pointers(project)
    pointers.write(output, files)
    pointers.save()


FILES = {
    "ü.txt": b"x", "e\u0301": b"combining", "a b.txt": b"space", "empty": b"", "crlf.csv": b"a\r\nb\r\n", "a-b": b"3",
    "A": b"4", "sub/x": b"5", "sub-x": b"6", 'q"uote': b"7", "back\\slash": b"8", "\U0001f600": b"9", "same": b"x",
}  # fmt: skip
DIGESTS = {name: digest_bytes(data) for name, data in FILES.items()}


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "global"))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path / "system"))


@pytest.fixture
def theirs(tmp_path):
    """A repository of dvc's own making, with one folder added."""
    from dvc.repo import Repo

    root = tmp_path / "theirs"
    root.mkdir()
    with Repo.init(str(root), no_scm=True) as repo:
        write_files(root / "artifacts" / "data")
        repo.add([str(root / "artifacts" / "data")])
    return root


@pytest.fixture
def ours(tmp_path):
    """A project whose folder this project stored and pointed to."""
    root = tmp_path / "ours"
    root.mkdir()
    return publish(root)


def publish(root):
    ensure_dvc(root)
    write_files(root / "artifacts" / "data")
    store = ObjectStore(root)
    for name, digest in DIGESTS.items():
        store.add(root / "artifacts" / "data" / name, digest)
    store.add_folder(DIGESTS)
    write(root, "artifacts/data", DIGESTS)
    return root


def write_files(folder):
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def cached(root):
    files = (path for path in (root / ".dvc" / "cache").rglob("*") if path.is_file())
    return {str(path.relative_to(root)): (path.stat().st_mode, path.read_bytes()) for path in files}


def status(root):
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        return repo.status()


def test_objects_have_the_paths_modes_and_bytes_that_dvc_gives_them(theirs, ours):
    assert cached(ours) == cached(theirs)


def test_a_pointer_has_the_text_that_dvc_gives_it(theirs, ours):
    assert (ours / "artifacts/data.dvc").read_bytes() == (theirs / "artifacts/data.dvc").read_bytes()


def test_dvc_finds_nothing_to_complain_about(ours):
    assert status(ours) == {}


def test_dvc_sees_a_change(ours):
    (ours / "artifacts/data/A").write_bytes(b"changed")
    assert list(status(ours).values()) == [[{"changed outs": {"artifacts/data": "modified"}}]]


def test_dvc_restores_from_our_objects(ours):
    from dvc.repo import Repo

    for name in FILES:
        (ours / "artifacts/data" / name).unlink()
    with Repo(str(ours)) as repo:
        repo.checkout(force=True)
    assert {name: (ours / "artifacts/data" / name).read_bytes() for name in FILES} == FILES


def test_dvc_works_below_the_top_of_a_git_repository(tmp_path):
    root = tmp_path / "top" / "models"
    root.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(tmp_path / "top")], check=True)
    publish(root)
    assert status(root) == {}
    seen = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=root, capture_output=True, text=True, check=True
    )
    assert "artifacts/data/" not in seen.stdout, "git leaves the folder itself alone"
    assert "artifacts/data.dvc" in seen.stdout


@pytest.mark.parametrize("name", ["null", "true", "false", "no", "yes", "on", "y", "nan", "123", "boosted", "a-b_1"])
def test_a_name_that_yaml_takes_for_something_else_is_quoted_as_dvc_does(theirs, name):
    from dvc.repo import Repo

    (theirs / name).mkdir()
    (theirs / name / "x").write_bytes(b"x")
    with Repo(str(theirs)) as repo:
        repo.add([str(theirs / name)])
    assert pointer_text(f"artifacts/{name}", {"x": digest_bytes(b"x")}) == (theirs / f"{name}.dvc").read_text()


def test_a_manifest_lists_paths_in_the_order_of_their_characters():
    digest = digest_bytes(b"")
    listed = manifest(dict.fromkeys(["sub/x", "sub-x", "b", "B"], digest)).decode()
    assert [part.split('"')[0] for part in listed.split('"relpath": "')[1:]] == ["B", "b", "sub-x", "sub/x"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, ".dvc/cache"),
        ({"config": "[core]\n    remote = r\n['remote \"r\"']\n    url = s3://b\n"}, ".dvc/cache"),
        ({"config": "[cache]\n    dir = ../../shared\n"}, "../shared"),
        ({"config": "[cache]\n    dir = other  # a note\n    type = copy\n"}, ".dvc/other"),
        ({"config": '[cache]\n    dir = "with space"\n'}, ".dvc/with space"),
        ({"config": "[cache]\n    dir = 'with space'\n"}, ".dvc/with space"),
        ({"config": "[cache]\n    dir = a%b\n"}, ".dvc/a%b"),
        ({"config": "[cache]\ntype = copy\n", "config.local": "[cache]\n    dir = /abs/olute\n"}, "/abs/olute"),
        ({"config": "[cache]\n    dir = one\n", "config.local": "[cache]\n    dir = two\n"}, ".dvc/two"),
        ({"config": "[cache]\n    dir = one\n", "config.local": "[core]\n    autostage = true\n"}, ".dvc/one"),
        ({"config": "[cache]\n    dir = ~/elsewhere\n"}, str(Path("~/elsewhere").expanduser())),
    ],
)  # fmt: skip
def test_the_cache_lies_where_dvc_looks_for_it(tmp_path, files, expected):
    from dvc.repo import Repo

    ensure_dvc(tmp_path)
    for name, text in files.items():
        (tmp_path / ".dvc" / name).write_text(text + ("[core]\n    no_scm = True\n" if "[core]" not in text else ""))
    if "config" in files and "[core]" in files["config"]:
        (tmp_path / ".dvc" / "config").write_text(files["config"].replace("[core]", "[core]\n    no_scm = True"))
    found = cache_folder(tmp_path)
    assert str(found) == os.path.normpath(tmp_path / expected)
    with Repo(str(tmp_path)) as repo:
        assert str(found) == os.path.normpath(repo.cache.local_cache_dir)
