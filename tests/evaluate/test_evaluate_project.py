"""The evaluate step in a project: the champion's folder, times that stay out of the lock, personal data, revisions."""

import json
import shutil

GATES = "gates:\n  useful:\n"
NO_WORSE = "  no_worse: {kind: champion, metric: roc_auc, test: non_inferiority, margin: 0.05}\n"
CHAMPION = f"champion: {{bundle: models/champion}}\n{GATES.replace('  useful', NO_WORSE + '  useful')}"
EVALUATION, LOCK = "specs/evaluation.yaml", "pipeline.lock"


def crown(project):
    """Make the present model the champion."""
    shutil.copytree(project.root / "artifacts/model", project.root / "models/champion")
    project.edit(EVALUATION, GATES, CHAMPION)


def evidence(project):
    return json.loads(project.read("artifacts/evaluation/evaluation.json"))


def test_the_champion_is_measured_beside_the_candidates_and_is_part_of_the_key(built):
    crown(built)
    assert built.to_do() == {"evaluate": "rerun", "package": "unknown"}
    answer = built.call("run")
    assert answer.code == 0, answer.err + answer.out
    assert "(champion) = 0, at least 0 with 95 % confidence > -0.05" in answer.out
    found = evidence(built)
    winner = found["metrics"][found["winner"]]["test"]
    assert found["metrics"]["champion"]["test"] == winner
    assert found["comparison"]["test"]["champion"]["roc_auc"]["gain"] == 0
    assert "models/champion: f1:" in built.read(LOCK)
    assert built.to_do() == {}
    shutil.copytree(built.root / "models/champion", built.root / "models/other")
    built.write("models/other/note.txt", "another")
    built.edit(EVALUATION, "models/champion", "models/other")
    assert built.to_do()["evaluate"] == "rerun"


def test_an_altered_champion_is_named(built):
    crown(built)
    record = built.root / "models/champion/candidate.json"
    record.write_bytes(record.read_bytes().replace(b"minutes", b"minuten"))
    answer = built.call("run")
    assert answer.code == 1
    assert "candidate.json is not the file that was recorded" in answer.err


def test_a_champion_that_reads_other_columns_could_not_be_measured(built):
    crown(built)
    built.edit("specs/data.yaml", "  device: {type: string}\n", "")
    built.edit("specs/data.yaml", "checks:", "undeclared: ignore\nchecks:")
    answer = built.call("run")
    assert answer.code == 3
    assert "champion's roc_auc could not be measured: the champion cannot read these rows" in answer.out


def test_a_missing_champion_is_complained_about_at_its_line(built):
    built.edit(EVALUATION, GATES, CHAMPION)
    answer = built.call("run")
    assert answer.code == 65
    assert "models/champion" in answer.err
    assert "specs/evaluation.yaml:5" in answer.err


def test_a_time_is_answered_and_in_no_file_that_is_shared(built):
    slow, quick = "  slow: {kind: latency, max_ms: 0.0000001}\n", "  quick: {kind: latency, max_ms: 60000, rows: 20}\n"
    built.edit(EVALUATION, GATES, GATES.replace("  useful", slow + quick + "  useful"))
    answer = built.call("run")
    assert answer.code == 3
    assert "ms a row at p95, for single rows > 1e-07 ms" in answer.out
    assert "in requests of 20 rows <= 60000 ms" in answer.out
    assert "gates.slow" not in json.dumps(evidence(built))
    assert [gate["name"] for gate in evidence(built)["gates"]] == ["useful"]
    lock = built.read(LOCK)
    assert "slow: fail" not in lock
    assert built.call("verify").code == 0
    (built.root / ".mlops/journal.jsonl").unlink()
    elsewhere = built.call("gate")
    assert (elsewhere.code, elsewhere.out.count("the model was not evaluated on this machine")) == (0, 2)


def test_personal_data_is_masked_in_the_evidence(built):
    built.edit("specs/data.yaml", "device: {type: string}", "device: {type: string, tags: [pii]}")
    gate = "  fair: {kind: fairness, criterion: demographic_parity, column: device, max_difference: 1.0, min_rows: 1}\n"
    built.edit(EVALUATION, GATES, GATES.replace("  useful", gate + "  useful"))
    assert built.call("run").code == 0
    text = built.read("artifacts/evaluation/evaluation.json")
    assert not [word for word in ("desk", "phone", "tablet") if word in text]
    assert "group 1" in text
    assert '"device":"***"' in text


def test_a_revision_is_what_the_winner_is_held_against(built):
    same = built.call("gate", "--baseline", "HEAD")
    assert (same.code, "= test.roc_auc" in same.out) == (0, True)
    built.edit("specs/training.yaml", "C: 1.0", "C: 0.00001")
    built.edit("specs/training.yaml", "rounds: 5", "rounds: 1")
    built.call("run")
    worse = built.call("gate", "--baseline", "HEAD", "--json")
    since = worse.value["since"]
    assert since["same_rows"]
    assert {metric["name"] for metric in since["metrics"]} == {"test.roc_auc", "test.accuracy"}
    verdicts = {metric["verdict"] for metric in since["metrics"]}
    assert worse.code == (3 if "worse" in verdicts or not worse.value["passed"] else 0)


def test_other_rows_say_nothing_about_the_model(built):
    built.edit("specs/data.yaml", "seed: 3", "seed: 4")
    assert built.call("run").code == 0
    answer = built.call("gate", "--baseline", "HEAD")
    assert (answer.code, "? test.roc_auc" in answer.out) == (0, True)
    assert "the rows are others than then" in answer.out


def test_a_revision_without_an_evaluation_is_refused(fresh):
    assert fresh.call("run").code == 0
    answer = fresh.call("gate", "--baseline", "HEAD")
    assert answer.code == 64
    assert "the lock of HEAD has no evaluation to compare with" in answer.err
