"""Experiments: settings beside the files, the log of what was tried, and the way back into the files."""

import json
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

DEEPER = "training.candidates.boosted.params.max_depth=3"


def tried(project, *settings):
    answer = project.call("run", *(part for text in settings for part in ("--set", text)), "-m", "try")
    assert answer.code == 0, answer.err
    return answer


def test_a_setting_is_tried_and_no_file_of_the_project_changes(built):
    before, listing = built.content(), built.git("status", "--porcelain")
    answer = tried(built, DEEPER)
    assert "nothing in the project was changed" in answer.err
    assert {f: d for f, d in built.content().items() if f in before} == before
    assert built.git("status", "--porcelain") == listing
    assert set(built.to_do()) == set()


def test_what_was_tried_need_not_run_again_once_it_is_applied(built):
    tried(built, DEEPER, "training.candidates.boosted.rounds=7")
    executed = built.executed()
    answer = built.call("exp", "apply", "2")
    assert answer.code == 0, answer.err
    assert "+      max_depth: 3" in answer.out
    assert "max_depth: 3" in built.read("specs/training.yaml")
    assert "rounds: 7" in built.read("specs/training.yaml")
    assert built.call("run").code == 0
    assert built.executed() == executed
    assert "already say so" in built.call("exp", "apply", "2").err


def test_apply_keeps_comments_and_goes_back_as_well(built):
    built.edit("specs/training.yaml", "      max_depth: 2", "      max_depth: 4  # deep enough")
    built.edit("specs/training.yaml", "seed: 11\n", "# why eleven\nseed: 12\n")
    assert built.call("exp", "apply", "1").code == 0
    text = built.read("specs/training.yaml")
    assert "      max_depth: 2  # deep enough" in text
    assert "# why eleven\nseed: 11\n" in text
    assert built.call("plan", "--detailed-exitcode").code == 0


def test_runs_are_listed_sorted_shown_and_compared(built):
    tried(built, DEEPER)
    tried(built, "training.candidates.logistic.params.C=0.001", "evaluation.gates.useful.min=0.4")
    listed = built.call("exp", "list", "--json").value
    assert [run["number"] for run in listed] == [3, 2, 1]
    assert listed[1]["settings"] == [DEEPER]
    assert "max_depth=3" in built.call("exp", "list").out
    ordered = built.call("exp", "list", "--sort", "test.roc_auc", "--json").value
    values = [run["metrics"]["test.roc_auc"] for run in ordered]
    assert values == sorted(values, reverse=True)
    shown = built.call("exp", "show", "2", "--json").value
    assert shown["params"]["train.boosted"]["trainer.params.max_depth"] == 3
    assert shown["steps"]["train.boosted"]["how"] == "ran"
    assert set(shown["curves"]["boosted"]) == {"train", "validation"}
    compared = built.call("exp", "compare", "1", "2", "3", "--html", str(built.root / "c.html"), "--json").value
    assert compared["different"]["train.boosted.trainer.params.max_depth"] == {"1": 2, "2": 3, "3": 2}
    assert "Parameters that differ" in built.read("c.html")
    assert "<script" not in built.read("c.html")


def test_a_run_without_a_setting_is_recorded_when_it_executed_something(built):
    assert built.call("run").code == 0
    assert len(built.call("exp", "list", "--json").value) == 1
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    assert built.call("run", "-m", "deeper").code == 0
    assert [run["message"] for run in built.call("exp", "list", "--json").value] == ["deeper", ""]


def test_a_list_says_what_each_run_changed_in_the_files(built):
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    assert built.call("run").code == 0
    tried(built, "training.candidates.boosted.rounds=7")
    built.edit("callables/rule.py", "return", "print()\n    return")
    assert built.call("run").code == 0
    built.edit("specs/training.yaml", "      max_depth: 3", "      max_depth: 3\n      reg_lambda: 2.0")
    built.edit("specs/training.yaml", "strategy: prior", "strategy: nonsense")
    assert built.call("run").code == 1
    found = {run["number"]: run["changed"] for run in built.call("exp", "list", "--json").value}
    assert found[1] == []
    assert found[2] == ["candidates.boosted.params.max_depth 2 → 3"]
    assert found[3] == ["candidates.boosted.rounds=7"]
    assert found[4][0].startswith("ran again: train.baseline")
    assert found[5] == [
        "baseline.params.strategy prior → nonsense", "+candidates.boosted.params.reg_lambda=2.0",
    ]  # fmt: skip
    assert "candidates.boosted.params.max_depth 2 → 3" in built.call("exp", "list").out


def test_three_runs_are_drawn_in_the_terminal(built):
    for depth in (3, 4):
        tried(built, f"training.candidates.boosted.params.max_depth={depth}", "training.candidates.boosted.rounds=40")
    out = built.call("exp", "compare", "1", "2", "3").out
    assert "test.roc_auc of the winner, from" in out
    drawn = out.split("run by run")[-1] if "run by run" in out else out
    assert "max_depth     rounds" in drawn
    assert "●···········  ●···········" in drawn
    assert "···········●  ···········●" in drawn
    assert "●" not in built.call("exp", "compare", "1", "2").out


def test_the_trials_of_a_search_are_in_the_log(built):
    built.edit("specs/training.yaml", "      max_depth: 2\n", """\
      max_depth: 2
    search: {space: {learning_rate: {min: 0.1, max: 0.9}}, method: random, trials: 3, measured_on: validation}
""")  # fmt: skip
    assert built.call("run").code == 0
    searched = built.call("exp", "show", "2", "--json").value["searches"]["boosted"]
    assert [trial["number"] for trial in searched["trials"]] == [0, 1, 2]
    shown = built.call("exp", "show", "2").out
    assert "search boosted: 3 trials by random" in shown
    best = max(searched["trials"], key=lambda trial: trial["value"])["params"]["learning_rate"]
    trained = built.call("exp", "show", "2", "--json").value["params"]["train.boosted"]
    assert trained["trainer.params.learning_rate"] == best
    compared = built.call("exp", "compare", "1", "2", "--json").value["different"]
    assert set(compared) == {"step search.boosted", "train.boosted.trainer.params.learning_rate"}
    (line,) = [line for line in built.call("exp", "export", "2").out.splitlines() if line]
    assert json.loads(line)["searches"]["boosted"] == searched


def test_a_run_that_fails_is_recorded_with_its_reason(built):
    answer = built.call("run", "--set", "training.baseline.params.strategy=nonsense")
    assert answer.code == 1
    (last, _) = built.call("exp", "list", "--json").value
    assert last["verdict"] == "failed"
    assert "strategy" in last["problem"]
    assert built.call("verify").code == 0


def test_a_gate_says_no_to_an_experiment_as_well(built):
    assert built.call("run", "--set", "evaluation.gates.useful.min=0.999").code == 3
    assert built.call("exp", "list", "--json").value[0]["verdict"] == "refused"
    assert built.call("gate").code == 0


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ("max_depth=3", 64, "is not a setting"),
        ("trainig.seed=3", 64, 'did you mean "training"?'),
        ("training.seed.deep=3", 64, "leads nowhere"),
        ("training.candidates.boosted.rounds=[1", 64, "training.candidates.boosted.rounds=[1"),
        ("training.sede=3", 65, "sede"),
        ("training.candidates.boosted.params.max_dept=3", 65, 'did you mean "max_depth"?'),
        ("training.seed=-3", 65, "seed"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(built, setting, code, said):
    answer = built.call("run", "--set", setting)
    assert (answer.code, said in answer.err) == (code, True), answer.err
    assert "Traceback" not in answer.err


def test_settings_and_a_reviewed_plan_exclude_each_other(built):
    assert built.call("plan", "--out", str(built.root / "p.json")).code == 0
    assert built.call("run", "--plan", str(built.root / "p.json"), "--set", DEEPER).code == 64


@pytest.mark.parametrize("command", [("show", "9"), ("compare", "1", "9"), ("apply", "9"), ("remove", "9")])
def test_an_experiment_that_does_not_exist_is_named(built, command):
    answer = built.call("exp", *command)
    assert answer.code == 64
    assert "there is no experiment 9" in answer.err


def test_forgotten_runs_are_gone_and_numbers_are_not_given_twice(built):
    tried(built, DEEPER)
    assert built.call("exp", "remove", "2").code == 0
    tried(built, DEEPER)
    assert [run["number"] for run in built.call("exp", "list", "--json").value] == [3, 1]


def test_a_damaged_log_stops_no_command_that_does_not_need_it(built):
    (built.root / ".mlops" / "experiments.sqlite").write_bytes(b"not a database" * 100)
    assert built.call("plan").code == 0
    answer = built.call("exp", "list")
    assert answer.code == 1
    assert "the experiment log cannot be used" in answer.err
    assert "Traceback" not in answer.err


def test_a_damaged_log_neither_fails_a_run_nor_hides_why_a_step_failed(built):
    (built.root / ".mlops" / "experiments.sqlite").write_bytes(b"not a database" * 100)
    built.edit("specs/training.yaml", "max_depth: 2", "max_depth: 3")
    answer = built.call("run")
    assert answer.code == 0, answer.err
    assert "this run is not in the experiment log: the experiment log cannot be used" in answer.err
    built.edit("specs/training.yaml", "strategy: prior", "strategy: nonsense")
    answer = built.call("run")
    assert answer.code == 1
    assert "nonsense" in answer.err
    assert "this run is not in the experiment log" in answer.err


def test_the_log_survives_a_kill(built):
    file = built.root / ".mlops" / "experiments.sqlite"
    with sqlite3.connect(file) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_runs_are_exported_as_lines_of_json(built):
    tried(built, DEEPER)
    lines = [json.loads(line) for line in built.call("exp", "export").out.splitlines()]
    assert [line["_id"] for line in lines] == [1, 2]
    assert lines[1]["config"]["train.boosted.trainer.params.max_depth"] == 3
    assert (
        lines[1]["summary"]["test.roc_auc"] == built.call("exp", "show", "2", "--json").value["metrics"]["test.roc_auc"]
    )
    history = lines[1]["history"]
    assert [entry["_step"] for entry in history] == list(range(len(history)))
    assert {"boosted/train/logloss", "boosted/validation/logloss"} <= history[0].keys()


class Tracker(BaseHTTPRequestHandler):
    """Takes what a tracking server takes, and keeps it."""

    def do_GET(self):
        self._answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.removeprefix("/api/2.0/mlflow/")
        self.server.calls.append((path, body))
        made = sum(path == "runs/create" for path, _ in self.server.calls)
        run = {"run": {"info": {"run_id": f"r{made}"}}}
        answers = {"experiments/create": {"experiment_id": "7"}, "runs/create": run}
        self._answer(200, answers.get(path, {}))

    def _answer(self, code, value):
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def tracker():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Tracker)
    server.calls = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_runs_are_sent_to_a_tracking_server_in_portions_it_takes(built, tracker):
    answer = built.call("exp", "export", "1", "--mlflow", f"http://127.0.0.1:{tracker.server_port}")
    assert answer.code == 0, answer.err
    assert "/#/experiments/7/runs/r1" in answer.err
    paths = [path for path, _ in tracker.calls]
    assert paths[:2] == ["experiments/create", "runs/create"]
    assert paths[-1] == "runs/update"
    batches = [body for path, body in tracker.calls if path == "runs/log-batch"]
    assert all(len(batch.get("params", [])) <= 100 for batch in batches)
    sent = {entry["key"]: entry["value"] for batch in batches for entry in batch.get("metrics", [])}
    assert sent["test.roc_auc"] == built.call("exp", "show", "1", "--json").value["metrics"]["test.roc_auc"]


def test_trials_are_sent_as_children_of_their_run(fresh, tracker):
    fresh.edit("specs/data.yaml", "stratify: bought}", "stratify: bought}\nfolds: {count: 2, seed: 5}")
    search = "    search: {method: random, trials: 3, space: {max_depth: {min: 1, max: 4}}}\n"
    fresh.edit("specs/training.yaml", "    rounds: 5\n", f"    rounds: 5\n{search}")
    assert fresh.call("run", "--no-report").code == 0
    answer = fresh.call("exp", "export", "1", "--mlflow", f"http://127.0.0.1:{tracker.server_port}")
    assert answer.code == 0, answer.err
    made = [body for path, body in tracker.calls if path == "runs/create"]
    assert [body["run_name"] for body in made] == ["run 1", *(f"boosted trial {at}" for at in range(3))]
    tags = [{tag["key"]: tag["value"] for tag in body["tags"]} for body in made]
    assert [found.get("mlflow.parentRunId") for found in tags] == [None, "r1", "r1", "r1"]
    assert tags[1]["mlops.state"] == "complete"
    trials = json.loads(fresh.read("artifacts/searches/boosted/trials.json"))["trials"]
    for at, trial in enumerate(trials):
        batches = [body for path, body in tracker.calls if path == "runs/log-batch" and body["run_id"] == f"r{at + 2}"]
        params = {entry["key"]: entry["value"] for body in batches for entry in body.get("params", [])}
        metrics = [
            (entry["key"], entry["step"], entry["value"]) for body in batches for entry in body.get("metrics", [])
        ]
        assert params == {"max_depth": str(trial["params"]["max_depth"])}
        folds = [("fold.roc_auc", fold, value) for fold, value in enumerate(trial["folds"])]
        assert metrics == [*folds, ("roc_auc", 0, trial["value"])]
    ended = [(body["run_id"], body["status"]) for path, body in tracker.calls if path == "runs/update"]
    assert ended == [("r2", "FINISHED"), ("r3", "FINISHED"), ("r4", "FINISHED"), ("r1", "FINISHED")]


def test_a_tracking_server_that_is_down_is_one_message(built):
    answer = built.call("exp", "export", "1", "--mlflow", "http://127.0.0.1:9")
    assert answer.code == 1
    assert "did not take the run" in answer.err
    assert "Traceback" not in answer.err
