"""The real dvc beside us: what we write it can push, pull, check and keep, and what it tracks we follow."""

import json
import os
import shutil
import subprocess
import sys

import pytest


def dvc(folder, *arguments, check=True):
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder.parent / "dvc-site")}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done.stdout + ("" if check else done.stderr)


def clone(sandbox, place):
    second = type(sandbox)(place)
    sandbox.git("clone", "-q", str(sandbox.root), str(second.root))
    return second


def test_a_second_clone_pulls_and_need_not_execute_anything(built, tmp_path):
    dvc(built.root, "remote", "add", "-d", "shelf", str(tmp_path / "remote"))
    assert "up to date" in dvc(built.root, "status")
    dvc(built.root, "push", "-q")
    built.commit("remote")
    second = clone(built, tmp_path / "second")
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


@pytest.fixture
def tracked(fresh):
    """The shop, its table tracked by dvc, run and committed."""
    dvc(fresh.root, "init", "-q")
    fresh.git("rm", "-q", "--cached", "data/visits.csv")
    dvc(fresh.root, "add", "-q", "data/visits.csv")
    answer = fresh.call("run", "--no-report")
    assert answer.code == 0, answer.err
    fresh.commit("track the table")
    return fresh


def change(sandbox):
    """Add a row to the table, and move its pointer."""
    sandbox.write("data/visits.csv", sandbox.read("data/visits.csv") + "12.5,desk,yes\n")
    dvc(sandbox.root, "add", "-q", "data/visits.csv")


def test_the_lock_says_under_which_md5_dvc_keeps_an_input(tracked):
    md5 = tracked.read("data/visits.csv.dvc").partition("md5: ")[2][:32]
    assert f"    addresses:\n      data/visits.csv: md5:{md5}\n" in tracked.read("pipeline.lock")
    assert tracked.call("verify").code == 0


def test_a_pointer_that_moved_is_a_reason_to_run_without_the_data(tracked, tmp_path):
    change(tracked)
    tracked.commit("a new row")
    second = clone(tracked, tmp_path / "second")
    assert second.to_do()["data"] == "rerun"
    plan = second.call("plan")
    assert "input data/visits.csv: pointer moved, it is not here yet   data/visits.csv.dvc:2:1" in plan.out
    answer = second.call("run")
    assert (answer.code, "run: dvc pull data/visits.csv" in answer.err) == (65, True), answer.err
    assert second.executed() == []


def test_a_pointer_that_stands_counts_as_locked_without_the_data(tracked, tmp_path):
    second = clone(tracked, tmp_path / "second")
    assert second.to_do() == {}
    assert "counted as locked" in second.call("plan").out


def test_a_run_takes_what_is_not_here_from_the_cache_of_dvc(tracked):
    table = tracked.read("data/visits.csv")
    (tracked.root / "data/visits.csv").unlink()
    assert tracked.to_do() == {}
    assert tracked.call("run").code == 0
    assert not (tracked.root / "data/visits.csv").exists(), "nothing needed it"
    tracked.edit("specs/data.yaml", "seed: 3", "seed: 4")
    answer = tracked.call("run", "--no-report")
    assert answer.code == 0, answer.err
    assert tracked.read("data/visits.csv") == table
    assert "up to date" in dvc(tracked.root, "status")


def test_a_moved_pointer_is_followed_from_the_cache(tracked):
    change(tracked)
    table = tracked.read("data/visits.csv")
    (tracked.root / "data/visits.csv").unlink()
    assert tracked.to_do()["data"] == "rerun"
    answer = tracked.call("run", "--no-report")
    assert answer.code == 0, answer.err
    assert tracked.read("data/visits.csv") == table
    assert tracked.to_do() == {}
    assert tracked.call("verify").code == 0


def test_an_object_that_is_damaged_is_not_taken(tracked):
    change(tracked)
    md5 = tracked.read("data/visits.csv.dvc").partition("md5: ")[2][:32]
    stored = tracked.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    stored.chmod(0o644)
    stored.write_text("damaged")
    (tracked.root / "data/visits.csv").unlink()
    answer = tracked.call("run")
    assert (answer.code, "is neither here nor in DVC's cache" in answer.err) == (65, True), answer.err
    assert not (tracked.root / "data/visits.csv").exists()


def test_a_table_that_is_not_what_its_pointer_names_is_noted(tracked):
    tracked.write("data/visits.csv", tracked.read("data/visits.csv") + "12.5,desk,yes\n")
    assert "note: data/visits.csv is not what data/visits.csv.dvc names" in tracked.call("plan").out
    assert tracked.call("run", "--no-report").code == 0
    answer = tracked.call("verify")
    assert (answer.code, "run: dvc add data/visits.csv" in answer.err) == (4, True), answer.err


def test_the_cache_that_dvc_is_told_of_for_all_projects_is_used(fresh, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "global"))
    dvc(fresh.root, "init", "-q")
    dvc(fresh.root, "config", "--global", "cache.dir", str(tmp_path / "shared"))
    assert fresh.call("run", "--no-report").code == 0
    assert (tmp_path / "shared/files/md5").is_dir()
    assert not (fresh.root / ".dvc/cache").exists()
    assert "up to date" in dvc(fresh.root, "status")


PREPARE = "import shutil, sys; shutil.copy('raw/visits.csv', 'data/visits.csv')"


@pytest.fixture
def imported(fresh):
    """A DVC repository as others have them: a tracked table, and a stage that makes the one we read."""
    (fresh.root / "raw").mkdir()
    (fresh.root / "data/visits.csv").rename(fresh.root / "raw/visits.csv")
    fresh.git("rm", "-q", "--cached", "data/visits.csv")
    fresh.write("prepare.py", PREPARE)
    fresh.write("data/keep", "")
    dvc(fresh.root, "init", "-q")
    dvc(fresh.root, "add", "-q", "raw/visits.csv")
    stage = ["-n", "prepare", "-d", "raw/visits.csv", "-d", "prepare.py", "-o", "data/visits.csv"]
    dvc(fresh.root, "stage", "add", "-q", *stage, f"{sys.executable} prepare.py")
    dvc(fresh.root, "repro", "-q")
    fresh.commit("a repository of dvc")
    return fresh


def test_the_output_of_a_stage_of_dvc_is_followed(imported, tmp_path):
    answer = imported.call("run", "--no-report")
    assert answer.code == 0, answer.err
    imported.commit("run")
    assert imported.call("verify").code == 0
    assert "up to date" in dvc(imported.root, "status")
    second = clone(imported, tmp_path / "second")
    assert second.to_do() == {}
    imported.write("raw/visits.csv", imported.read("raw/visits.csv") + "12.5,desk,yes\n")
    dvc(imported.root, "repro", "-q")
    imported.commit("a new row")
    second.git("pull", "-q")
    assert "input data/visits.csv: pointer moved, it is not here yet   dvc.lock:" in second.call("plan").out
    assert imported.to_do()["data"] == "rerun"
    table = imported.read("data/visits.csv")
    (imported.root / "data/visits.csv").unlink()
    assert imported.call("run", "--no-report").code == 0
    assert imported.read("data/visits.csv") == table


def test_a_first_run_takes_the_table_from_the_cache(imported):
    (imported.root / "data/visits.csv").unlink()
    plan = imported.call("plan")
    assert "input data/visits.csv is not here yet: the run takes it from DVC's cache" in plan.out
    answer = imported.call("run", "--no-report")
    assert answer.code == 0, answer.err
    assert imported.call("verify").code == 0


def test_a_table_in_a_folder_that_dvc_tracks_is_followed(imported):
    imported.write("lake/deep/visits.csv", imported.read("raw/visits.csv"))
    dvc(imported.root, "add", "-q", "lake")
    imported.edit("specs/data.yaml", "data/visits.csv", "lake/deep/visits.csv")
    assert imported.call("run", "--no-report").code == 0
    table = imported.read("lake/deep/visits.csv")
    shutil.rmtree(imported.root / "lake")
    assert imported.to_do() == {}
    imported.edit("specs/data.yaml", "seed: 3", "seed: 4")
    assert imported.call("run", "--no-report").code == 0
    assert imported.read("lake/deep/visits.csv") == table


def test_a_remote_that_is_down_is_dvcs_to_report_and_changes_nothing(built, tmp_path):
    dvc(built.root, "remote", "add", "-d", "shelf", str(tmp_path / "remote"))
    dvc(built.root, "push", "-q")
    built.commit("remote")
    second = clone(built, tmp_path / "second")
    (tmp_path / "remote").rename(tmp_path / "away")
    said = dvc(second.root, "pull", check=False)
    assert "failed to pull" in said.lower(), said
    assert "6 to build again here" in second.call("plan").out
    (tmp_path / "away").rename(tmp_path / "remote")
    dvc(second.root, "pull", "-q")
    assert second.call("verify").code == 0


def test_a_remote_that_lacks_an_object_takes_it_once_its_manifest_is_gone(built, tmp_path):
    """As docs/dvc.md says: while the manifest is there, dvc takes the files of a folder for pushed."""
    dvc(built.root, "remote", "add", "-d", "shelf", str(tmp_path / "remote"))
    dvc(built.root, "push", "-q")
    built.commit("remote")
    remote = tmp_path / "remote/files/md5"
    model = built.object_of("artifacts/model/bundle.json")
    lacking = remote / model.parent.name / model.name
    lacking.unlink()
    second = clone(built, tmp_path / "second")
    assert lacking.name in dvc(second.root, "pull", check=False)
    assert second.call("run", "--no-report").code == 0
    dvc(second.root, "push", "-q")
    assert not lacking.exists()
    manifest = next(line.split()[-1] for line in second.read("artifacts/model.dvc").splitlines() if ".dir" in line)
    (remote / manifest[:2] / manifest[2:]).unlink()
    dvc(second.root, "push", "-q", "artifacts/model.dvc")
    assert lacking.exists()


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_an_object_that_a_remote_does_not_hold_whole_is_made_again(built, tmp_path, how):
    dvc(built.root, "remote", "add", "-d", "shelf", str(tmp_path / "remote"))
    dvc(built.root, "push", "-q")
    built.commit("remote")
    model = built.object_of("artifacts/model/bundle.json")
    stored = tmp_path / "remote/files/md5" / model.parent.name / model.name
    stored.chmod(0o644)
    stored.unlink() if how == "missing" else stored.write_text(json.dumps("damaged"))
    second = clone(built, tmp_path / "second")
    dvc(second.root, "pull", "-q", check=False)
    found = second.call("verify")
    assert found.code == 4, found.err
    answer = second.call("run", "--no-report")
    assert answer.code == 0, answer.err
    assert second.call("verify").code == 0
    assert second.content("artifacts/model") == built.content("artifacts/model")
