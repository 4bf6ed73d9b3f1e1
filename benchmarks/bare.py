"""The root pipeline's work by hand: one process, no plan, no keys, no digests, no isolation, nothing read back.

Run in the project's folder: `python bare.py OUT`. scikit-learn, xgboost, skops and polars are called directly. The
division of the rows, the profile, the assessment (metrics with intervals, thresholds, gates, curves), the weak spots,
the worst rows and the permutation importance are mlops_runner's own pure functions, so that the arithmetic is the
same and only what stands around it differs.
Prints the metrics as JSON: they must be those in pipeline.lock.
"""

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import skops.io
import xgboost
import yaml
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mlops_runner.data.profile import profile
from mlops_runner.data.split import SIDES, divide
from mlops_runner.data.table import Table
from mlops_runner.evaluate.assess import assess
from mlops_runner.evaluate.found_slices import Drawn, Errors, find_slices, found_json, losses_of, measure_found
from mlops_runner.evaluate.importance import ImportanceOptions, permutation_importance
from mlops_runner.evaluate.values import Options, Side
from mlops_runner.evaluate.worst_rows import Shown, worst_rows
from mlops_runner.specs.data import Data
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.training import Training

TARGET, CLASSES = "target", ("benign", "malignant")
PROBE_ROWS = 16


def main(out: Path) -> None:
    data, training, evaluation = (_spec(kind) for kind in (Data, Training, Evaluation))
    frames = _load(data, out)
    features = [name for name in data.columns if name != TARGET]
    x = {side: frame.select(features) for side, frame in frames.items()}
    y = {side: (frame[TARGET] == training.positive).cast(pl.Int64).to_numpy() for side, frame in frames.items()}
    models = _fit(training, x, y, out)
    scores = {name: {side: predict(x[side]) for side in SIDES} for name, predict in models.items()}
    sides = {side: Side(side, y[side], _slices(evaluation, frames[side])) for side in SIDES}
    found = assess(Options("binary", CLASSES, training.select, evaluation), sides, scores)
    threshold = found.known.thresholds[found.winner]
    options = ImportanceOptions(
        metric=training.select.metric, task="binary", classes=CLASSES, seed=training.seed, threshold=threshold
    )
    weak = _weak_spots(found, frames, features, training.seed)
    chosen = training.select.split
    importance = permutation_importance(models[found.winner], x[chosen], features, y[chosen], options)
    _write(out / "evaluation.json", {**found.as_json(), **weak, "importance": [row._asdict() for row in importance]})
    _package(out, models[found.winner], x["test"].head(PROBE_ROWS), threshold)
    print(json.dumps({"winner": found.winner, **found.flat_metrics()}))


def _spec(kind):
    value = yaml.safe_load(Path(f"specs/{kind.__name__.lower()}.yaml").read_text(encoding="utf-8"))
    return kind.model_validate_json(json.dumps(value))


def _load(data, out):
    bunch = load_breast_cancer()
    columns = {str(name): bunch.data[:, index] for index, name in enumerate(bunch.feature_names)}
    target = pl.Series(TARGET, [str(bunch.target_names[code]) for code in bunch.target])
    frame = pl.DataFrame(columns).with_columns(target)
    codes = divide(data, Table(frame, "breast_cancer")).sides
    frames = {side: frame.filter(pl.Series(codes == code)) for code, side in enumerate(SIDES)}
    for side, part in frames.items():
        part.rechunk().write_parquet(out / f"{side}.parquet", compression="zstd", compression_level=3)
    rows = {side: part.height for side, part in frames.items()}
    _write(out / "profile.json", profile({side: part.lazy() for side, part in frames.items()}, data, rows))
    return frames


def _fit(training, x, y, out):
    from callables.single_feature import train as train_baseline

    baseline = train_baseline(x["train"], y["train"], seed=training.seed, **training.baseline.params)
    skops.io.dump(baseline, out / "baseline.skops")
    return {
        "baseline": lambda frame: baseline.predict_proba(frame.to_numpy())[:, 1],
        "logistic": _fit_logistic(training, x, y, out),
        "boosted": _fit_boosted(training, x, y, out),
    }


def _fit_logistic(training, x, y, out):
    prepare = _preprocessing(list(x["train"].columns)).fit(x["train"])
    params = {**training.candidates["logistic"].params, "random_state": training.seed}
    model = LogisticRegression(**params).fit(prepare.transform(x["train"]), y["train"])
    skops.io.dump(prepare, out / "logistic.preprocess.skops")
    skops.io.dump(model, out / "logistic.skops")
    return lambda frame: model.predict_proba(prepare.transform(frame))[:, 1]


def _fit_boosted(training, x, y, out):
    spec = training.candidates["boosted"]
    prepare = _preprocessing(list(x["train"].columns)).fit(x["train"])
    sides = [
        (xgboost.DMatrix(prepare.transform(x[side]), y[side], nthread=1), side) for side in ("train", "validation")
    ]
    params = {"objective": "binary:logistic", **spec.params, "seed": training.seed, "nthread": 1, "device": "cpu"}
    booster = xgboost.train(
        params, sides[0][0], num_boost_round=spec.rounds, evals=sides, verbose_eval=False, evals_result={},
        early_stopping_rounds=spec.early_stopping_rounds,
    )  # fmt: skip
    kept = booster[: booster.best_iteration + 1]
    kept.save_model(out / "boosted.ubj")
    skops.io.dump(prepare, out / "boosted.preprocess.skops")
    return lambda frame: kept.inplace_predict(prepare.transform(frame)).astype(np.float64)


def _preprocessing(names):
    numeric = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    return ColumnTransformer([("numeric", numeric, names)])


def _weak_spots(found, frames, features, seed):
    evaluation, samples = found.known.options.evaluation, found.known.samples[found.winner]
    losses = {side: losses_of(samples[side]) for side in SIDES}
    errors = {side: Errors(found.known.sides[side], frames[side], losses[side][1]) for side in SIDES}
    paths = find_slices(evaluation.find_slices, errors["validation"], features)
    drawn = {
        "validation": Drawn(None, seed, evaluation.digits),
        "test": Drawn(evaluation.intervals, seed, evaluation.digits),
    }
    measured = {side: measure_found(paths, errors[side], how) for side, how in drawn.items()}
    shown = Shown(features, frozenset(), answers=True)
    rows = worst_rows(frames["test"], samples["test"], errors["test"].losses, shown, evaluation.worst_rows)
    return {"found_slices": found_json(losses["test"][0], paths, measured, "validation"), "worst_rows": list(rows)}


def _slices(evaluation, frame):
    masks = {}
    for name, part in evaluation.slices.items():
        column = frame[part.column].to_numpy()
        low, high = (-np.inf if part.min is None else part.min), (np.inf if part.max is None else part.max)
        masks[name] = (column >= low) & (column < high)
    return masks


def _package(out, predict, probe, threshold):
    record = {"threshold": threshold, "rows": probe.to_dicts(), "predictions": predict(probe).tolist()}
    _write(out / "bundle.json", record)


def _write(path, value):
    path.write_text(json.dumps(value, sort_keys=True), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main(Path(sys.argv[1]))
