"""The real dvc beside us: what we write it can push, pull, check and keep."""

import os
import subprocess
import sys


def dvc(folder, *arguments):
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder.parent / "dvc-site")}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_second_clone_pulls_and_need_not_execute_anything(built, tmp_path):
    dvc(built.root, "remote", "add", "-d", "shelf", str(tmp_path / "remote"))
    assert "up to date" in dvc(built.root, "status")
    dvc(built.root, "push", "-q")
    built.commit("remote")
    second = type(built)(tmp_path / "second")
    built.git("clone", "-q", str(built.root), str(second.root))
    dvc(second.root, "pull", "-q")
    assert second.to_do() == {}
    assert second.call("verify").code == 0
    answer = second.call("run", "--json")
    assert {step["how"] for step in answer.value["steps"]} == {"unchanged"}
    assert second.executed() == []
    assert second.content("artifacts") == built.content("artifacts")
    assert second.git("status", "--porcelain") == ""
    dvc(second.root, "gc", "-w", "-f", "-q")
    assert second.call("verify").code == 0
    assert {path.name for path in second.objects()} == {path.name for path in built.objects()}
    assert "up to date" in dvc(second.root, "status")
