"""Specs → steps: which steps a pipeline has, what each of them reads, and where that is written."""

from collections.abc import Iterator

from mlops_runner.plan.compile_data import data_step, source_step
from mlops_runner.plan.compile_environments import environments
from mlops_runner.plan.compile_parts import (
    BASELINE,
    FORECAST,
    TRAINED_ROLES,
    all_loaders,
    columns_of,
    dump,
    execution_of,
    execution_places,
    folder_of,
    model_inputs,
    model_places,
    places_of,
    series_of,
    shared_places,
    weight_of,
    weight_places,
)
from mlops_runner.plan.compile_refits import refit_inputs, refit_steps
from mlops_runner.plan.compile_steps import custom_steps
from mlops_runner.plan.compile_training import search_steps, train_step
from mlops_runner.plan.graph import joined
from mlops_runner.plan.pipelines import refuse_trespass
from mlops_runner.plan.steps import Compiled, Input, Price, Step
from mlops_runner.plan.versions import EVALUATE_VERSION, PACKAGE_VERSION
from mlops_runner.specs.evaluation import Evaluation
from mlops_runner.specs.load import Core, Loaded
from mlops_runner.specs.pipeline import Pipeline

EVALUATED = (
    "metrics", "digits", "intervals", "champion", "threshold", "slices", "find_slices", "worst_rows", "learning_curve",
    "gates",
)  # fmt: skip


def compile_pipeline(pipeline: Loaded[Pipeline], core: Core | None) -> Compiled:
    """Reduce the specs to what planning and running need. Raises InvalidInput for steps that do not fit together.

    core: the documents from which a model is trained, if the pipeline has any.
    """
    spec = pipeline.spec
    trained = (core.data, core.training, core.evaluation) if core else ()
    specs = tuple(loaded.document.file for loaded in (pipeline, *trained))
    steps = (*(compile_steps(core) if core else ()), *custom_steps(pipeline))
    price = Price(spec.cost.per_hour, spec.cost.currency) if spec.cost else None
    pipelines = {f: pipeline.document.place(("pipelines", at)) for at, f in enumerate(spec.pipelines)}
    steps = joined(steps)
    refuse_trespass(steps, pipelines)
    declared = environments(pipeline)
    return Compiled(spec.name, spec.description, steps, spec.code or "", declared, specs, price, pipelines, spec.pools)


def compile_steps(core: Core) -> tuple[Step, ...]:
    """Return the built-in steps in an order in which each follows what it reads."""
    trainers = {BASELINE: core.training.spec.baseline, **core.training.spec.candidates}
    training = [train_step(core, name, trainer) for name, trainer in trainers.items()]
    return (
        *source_step(core),
        data_step(core),
        *search_steps(core),
        *training,
        *refit_steps(core),
        _evaluate_step(core, list(trainers)),
        _package_step(core, list(trainers)),
    )


def _evaluate_step(core: Core, models: list[str]) -> Step:
    training, evaluation = core.training, core.evaluation
    config = {key: value for key, value in dump(evaluation.spec).items() if key in EVALUATED and key != "champion"}
    selected = ("task", "positive", *FORECAST, "select")
    config |= {key: value for key, value in dump(training.spec).items() if key in selected}
    config["models"] = models
    config |= series_of(core) | weight_of(core)
    config |= columns_of(core.data.spec, {*TRAINED_ROLES, "group", "id", "time", "ignored"})
    places = {
        **shared_places(core, evaluation.document),
        **dict(places_of(evaluation.document, EVALUATED)),
        **weight_places(core),
        **dict(places_of(training.document, selected)),
        **execution_places(core),
        **model_places(core, models),
    }
    return Step(
        "evaluate", "evaluate", EVALUATE_VERSION, config, places,
        output=folder_of(core, "evaluate"),
        inputs=(*model_inputs(core, models), *_champion(evaluation.spec), *refit_inputs(core)),
        code=all_loaders(core),
        repro=core.pipeline.spec.reproducibility,
        execution=execution_of(core),
    )  # fmt: skip


def _champion(evaluation: Evaluation) -> Iterator[Input]:
    """Yield the folder of the model in use; where it lies is not part of a key, what is in it is."""
    if evaluation.champion is not None:
        yield Input("champion", evaluation.champion.bundle)


def _package_step(core: Core, models: list[str]) -> Step:
    spec = core.data.spec
    signature = ("type", "role", "tags", "min", "max", "allowed", "max_missing")
    columns = {
        name: {key: value for key, value in dump(column).items() if key in signature}
        for name, column in spec.all_columns().items()
        if column.role in TRAINED_ROLES
    }
    config = {
        "name": core.pipeline.spec.name,
        "task": core.training.spec.task,
        "positive": core.training.spec.positive,
        "models": models,
        "columns": columns,
        "order": list(columns),
    }
    places = {
        **shared_places(core, core.pipeline.document),
        **dict(places_of(core.training.document, ("task", "positive"))),
        **dict(places_of(core.pipeline.document, ("name",))),
        **model_places(core, models),
    }
    evaluated, profile = folder_of(core, "evaluate"), f"{folder_of(core, 'data')}/profile.json"
    evaluation = Input("evaluation", f"{evaluated}/evaluation.json", "evaluate")
    predictions = Input("predictions", f"{evaluated}/predictions.json", "evaluate")
    return Step(
        "package", "package", PACKAGE_VERSION, config, places,
        output=folder_of(core, "package"),
        inputs=(*model_inputs(core, models), Input("profile", profile, "data"), evaluation, predictions),
        code=all_loaders(core),
        repro=core.pipeline.spec.reproducibility,
        execution=execution_of(core),
    )  # fmt: skip
