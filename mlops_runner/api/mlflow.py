"""Sends experiments to an MLflow tracking server, over its REST interface (version 2.0)."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import requests

from mlops_runner.errors import Diagnostic, StepFailed
from mlops_runner.execute.tracking import Experiment

SECONDS = 30
MOST_METRICS, MOST_PARAMS, MOST_LETTERS = 1000, 100, 6000  # limits of the interface for one request, one value
STATUS = {"passed": "FINISHED", "refused": "FINISHED", "failed": "FAILED"}
TRIAL_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}


def send(runs: Sequence[Experiment], pipeline: str, server: str) -> Iterator[tuple[Experiment, str]]:
    """Send runs into the experiment named after the pipeline; yield each with the address of its page.

    The trials of searches are nested runs, children of the run that made them.
    MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD, are read from the environment. Raises StepFailed.
    """
    client = _Client(server.rstrip("/"))
    experiment = client.experiment(pipeline)
    for run in runs:
        number = client.create(experiment, run, run.message or f"run {run.number}", _tags(run))
        for batch in _batches(_params(run), list(_metrics(run))):
            client.post("runs/log-batch", {"run_id": number, **batch})
        for candidate, found in run.searches.items():
            for trial in found.get("trials", ()):
                _send_trial(client, experiment, number, run, (candidate, found["metric"], trial))
        end = {"run_id": number, "status": STATUS[run.verdict], "end_time": _start(run) + int(run.seconds * 1000)}
        client.post("runs/update", end)
        yield run, f"{client.server}/#/experiments/{experiment}/runs/{number}"


def _send_trial(
    client: "_Client", experiment: str, parent: str, run: Experiment, told: tuple[str, str, Mapping[str, Any]]
) -> None:
    """Send a trial: its parameters, the metric, and its value on each fold; when it ran is not recorded.

    told: the candidate, the metric of its search, and the trial.
    """
    candidate, metric, trial = told
    tags = {"mlflow.parentRunId": parent, "mlops.candidate": candidate, "mlops.trial": str(trial["number"]),
            "mlops.state": trial["state"], "mlops.problem": trial.get("reason", "")}  # fmt: skip
    number = client.create(experiment, run, f"{candidate} trial {trial['number']}", tags)
    start = _start(run)
    metrics = [
        {"key": f"fold.{metric}", "value": value, "timestamp": start, "step": fold}
        for fold, value in enumerate(trial["folds"])
    ]
    if trial["value"] is not None:
        metrics.append({"key": metric, "value": trial["value"], "timestamp": start, "step": 0})
    for batch in _batches(_entries(trial["params"].items()), metrics):
        client.post("runs/log-batch", {"run_id": number, **batch})
    client.post("runs/update", {"run_id": number, "status": TRIAL_STATUS[trial["state"]]})


class _Client:
    def __init__(self, server: str) -> None:
        self.server = server
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc between us and what was named
        if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
            self._session.headers["Authorization"] = f"Bearer {token}"
        elif user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
            self._session.auth = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, which is made if it is not there."""
        found = self._call("GET", "experiments/get-by-name", {"experiment_name": name}, missing=True)
        if found is None:
            return str(self.post("experiments/create", {"name": name})["experiment_id"])
        return str(found["experiment"]["experiment_id"])

    def create(self, experiment: str, run: Experiment, name: str, tags: Mapping[str, str]) -> str:
        """Create a run that began with an experiment's, and return its id."""
        said = [{"key": key, "value": value[:MOST_LETTERS]} for key, value in tags.items() if value]
        body = {"experiment_id": experiment, "start_time": _start(run), "run_name": name}
        return str(self.post("runs/create", {**body, "tags": said})["run"]["info"]["run_id"])

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call the interface. Raises StepFailed with what the server says."""
        return self._call("POST", path, body) or {}

    def _call(self, method: str, path: str, body: Mapping[str, Any], *, missing: bool = False) -> dict[str, Any] | None:
        given: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
        try:
            answer = self._session.request(
                method, f"{self.server}/api/2.0/mlflow/{path}", timeout=SECONDS, allow_redirects=False, **given
            )
            if missing and answer.status_code == requests.codes.not_found:
                return None
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise _failed(self.server, type(error).__name__) from None
        if answer.status_code != requests.codes.ok:
            raise _failed(self.server, f"{answer.status_code} {found.get('message', '')}"[:300])
        return dict(found)


def _failed(server: str, what: str) -> StepFailed:
    message = f"the tracking server {server.rpartition('@')[2]} did not take the run: {what}"
    return StepFailed(Diagnostic("tracking-failed", message, hint="is it an MLflow server, and does it run?"))


def _start(run: Experiment) -> int:
    """Return when a run began, in milliseconds of the epoch."""
    return int((datetime.fromisoformat(run.at).timestamp() - run.seconds) * 1000)


def _tags(run: Experiment) -> dict[str, str]:
    return {
        "mlflow.source.git.commit": run.revision, "mlops.experiment": str(run.number), "mlops.verdict": run.verdict,
        "mlops.winner": run.winner, "mlops.settings": "\n".join(run.settings), "mlops.problem": run.problem,
    }  # fmt: skip


def _params(run: Experiment) -> list[dict[str, Any]]:
    return _entries((f"{step}.{path}", value) for step, found in run.params.items() for path, value in found.items())


def _entries(params: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [{"key": key, "value": str(value)[:MOST_LETTERS]} for key, value in params]


def _batches(params: list[dict[str, Any]], metrics: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield params and metrics in portions that the interface takes."""
    for at in range(0, len(params), MOST_PARAMS):
        yield {"params": params[at : at + MOST_PARAMS]}
    for at in range(0, len(metrics), MOST_METRICS):
        yield {"metrics": metrics[at : at + MOST_METRICS]}


def _metrics(run: Experiment) -> Iterator[dict[str, Any]]:
    start = _start(run)
    for name, value in run.metrics.items():
        if isinstance(value, int | float):
            yield {"key": name, "value": value, "timestamp": start, "step": 0}
    for model, sides in run.curves.items():
        for side, found in sides.items():
            for metric, values in found.items():
                for step, value in enumerate(values):
                    yield {"key": f"{model}.{side}.{metric}", "value": value, "timestamp": start, "step": step}
