"""The refit stage: train the winner again, each time with one thing changed, and measure every training alike."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mlops_runner.digest import canonical_json, digest_bytes
from mlops_runner.errors import MlopsError
from mlops_runner.evaluate.alone import measure_all
from mlops_runner.evaluate.refits import Refits, refit_from
from mlops_runner.evaluate.values import Measurement, Unmeasured
from mlops_runner.execute.messages import Reply, Request
from mlops_runner.execute.stages.common import (
    SIDES,
    columns_from,
    log,
    out_folder,
    setting_from,
    trainer_from,
    training_folder,
    who_fits,
)
from mlops_runner.execute.stages.evaluated_rows import Marks
from mlops_runner.execute.stages.evaluated_series import measured_sides
from mlops_runner.execute.stages.limits import limits_of, within
from mlops_runner.execute.stages.measuring import reading_from
from mlops_runner.execute.stages.train import found_params
from mlops_runner.journal import append_line, read_lines
from mlops_runner.plan.compile_refits import REFITS
from mlops_runner.specs.task import CLASSIFYING
from mlops_runner.specs.training_trainers import Trainer
from mlops_runner.train.artifacts import predict
from mlops_runner.train.fit import Surroundings
from mlops_runner.train.record import rounded
from mlops_runner.train.refits import (
    Growth,
    Variant,
    fit_variant,
    folds_left_out,
    order_in_time,
    order_of_groups,
    order_of_rows,
    other_seeds,
    smaller_parts,
)
from mlops_runner.train.setting import Setting
from mlops_runner.train.sides import Sides, read_sides
from mlops_runner.train.trainers.base import FILES
from mlops_runner.train.tuning.trial import with_params

TRAIN = "train"


def execute(request: Request) -> Reply:
    """Train the winner again as often as the specs ask for; any other candidate has nothing to do."""
    winner = json.loads(Path(request.inputs["winner"]).read_bytes())["winner"]
    refits = Refits(())
    if winner == request.config["candidate"]:
        setting, trainer = setting_from(request), with_params(trainer_from(request), found_params(request))
        folder = training_folder(request, trainer)
        sides = read_sides(setting, columns_from(request), folder)
        refits = _all(_Work(request, setting, trainer, sides, Surroundings(folder / FILES, log)))
    (out_folder(request) / REFITS).write_text(canonical_json(refits.as_json()) + "\n", encoding="utf-8")
    failed = sum(bool(fit.problem) for fit in refits.fits)
    return Reply("done", {"fits": len(refits.fits), **({"failed": failed} if failed else {})})


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What every training of the step has in common."""

    request: Request
    setting: Setting
    trainer: Trainer
    sides: Sides
    around: Surroundings

    @property
    def frames(self) -> dict[str, pl.DataFrame]:
        """The rows of every side with all their columns."""
        inputs = self.request.inputs
        return {side: pl.read_parquet(inputs[side]) for side in SIDES if side in inputs}


def _all(work: _Work) -> Refits:
    """Train and measure; what an interrupted step has written down is not done again."""
    frames, known = work.frames, _remembered(work.request)
    variants = list(_variants(work, frames[TRAIN]))
    found = []
    for number, variant in enumerate(variants):
        name = f"{variant.over} {variant.at}"
        if name not in known:
            known[name] = _one(work, variant, frames)
            if work.request.memory:
                append_line(Path(work.request.memory), json.dumps({"name": name, "found": known[name]}).encode())
        found.append(known[name])
        log(f"{number + 1} of {len(variants)}: {variant.over} {variant.at}: {found[-1].get('problem', 'measured')}")
    told = [one["predicted"] for one in found if one["over"] == "seeds" and "predicted" in one]
    alike = len(set(told)) == 1 if len(told) > 1 else None
    return Refits(tuple(refit_from(one) for one in found), alike)


def _remembered(request: Request) -> dict[str, Any]:
    lines = (json.loads(body) for body in (read_lines(Path(request.memory)) if request.memory else ()))
    return {line["name"]: line["found"] for line in lines}


def _variants(work: _Work, train: pl.DataFrame) -> Iterator[Variant]:
    config, seed = work.request.config["refits"], work.setting.seed
    yield from other_seeds(seed, config.get("seeds", 0))
    if "folds" in config:
        yield from folds_left_out(pl.read_parquet(work.request.inputs["folds"]), seed)
    if shares := config.get("shares"):
        yield from smaller_parts(shares, _order(work, train), seed)


def _order(work: _Work, train: pl.DataFrame) -> Growth:
    """Return the order in which rows are added: back in time, group by group, or by chance."""
    config, seed = work.request.config, work.setting.seed
    if config.get("time"):
        return order_in_time(train[config["time"]])
    if config.get("group"):
        return order_of_groups(train[config["group"]], seed)
    classes = work.sides.train.y if work.sides.schema.task in CLASSIFYING else None
    return order_of_rows(classes, train.height, seed)


def _one(work: _Work, variant: Variant, frames: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """Train and measure once, within the limits of a fit. What the trainer complains about is an answer."""
    place = {"over": variant.over, "at": variant.at}
    rows = frames[TRAIN].height if variant.rows is None else len(variant.rows)
    try:
        done = within(limits_of(work.request.access), who_fits(work.trainer), lambda: _measured(work, variant, frames))
    except MlopsError as error:
        return {**place, "rows": rows, "problem": error.diagnostics[0].message}
    return {**place, "rows": rows, **done.metrics}


def _measured(work: _Work, variant: Variant, frames: Mapping[str, pl.DataFrame]) -> Reply:
    candidate = fit_variant(work.setting, work.trainer, work.sides, variant, work.around)
    scores = {side: predict(candidate, frame) for side, frame in frames.items()}
    config = work.request.config
    sides = measured_sides(frames, candidate.schema, Marks(weight=config.get("weight")), config)
    found = measure_all(
        reading_from(work.request, candidate.schema),
        sides,
        scores,
        {} if variant.rows is None else {TRAIN: variant.rows},
    )
    values = {side: {name: _written(value) for name, value in one.items()} for side, one in found.items()}
    last = scores[next(side for side in reversed(SIDES) if side in scores)]
    return Reply("done", {"values": values, "predicted": digest_bytes(np.ascontiguousarray(last).tobytes()).sha256})


def _written(value: Measurement) -> Any:
    return {"reason": value.reason} if isinstance(value, Unmeasured) else rounded(value)
