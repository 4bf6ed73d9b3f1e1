"""What the Training document says of columns, held against the Data document: code, place and way out."""

from dataclasses import replace

import pytest
from small_project import core_of, write

from mlops_runner.errors import InvalidInput
from mlops_runner.plan.check import check_core
from mlops_runner.plan.check_quantiles import QUANTILE_CHECKS
from mlops_runner.plan.compile import compile_steps

TRAINING = "specs/training.yaml"
BEFORE = "baseline:\n  trainer: python"
BOOSTED = "    early_stopping_rounds: 5"


def preprocessing(text):
    return (TRAINING, BEFORE, f"preprocessing: {text}\n{BEFORE}")


@pytest.mark.parametrize(
    ("edit", "code", "message", "hint"),
    [
        (preprocessing("{columns: {«incom: {scale: robust}}}"),
         "unknown-column", 'preprocessing.columns names "incom", which is not a feature', 'did you mean "income"?'),
        (preprocessing("{columns: {«region: {encode: target}}}"),
         "unknown-column", 'preprocessing.columns names "region", which is not a feature', "name a feature"),
        (preprocessing("{columns: {income: {kind: «text}}}"),
         "wrong-kind", 'column "income" is float, so it cannot be treated as a text', "it can be a number"),
        (preprocessing("{columns: {income: {encode: «target}}}"),
         "needless-setting", '"encode" says nothing about column "income", which is treated as a number',
         "a number has clip, impute, indicator, scale"),
        (preprocessing("{text: «{max_terms: 20}}"),
         "no-text", "preprocessing.text is for columns with the tag text, and there is none",
         "tag a string column: tags: [text]"),
        ((TRAINING, BOOSTED, f"{BOOSTED}\n    monotone: {{incom: «increasing}}"),
         "unknown-column", 'monotone names "incom", which is not a feature', 'did you mean "income"?'),
        ((TRAINING, BOOSTED, f"{BOOSTED}\n    monotone: {{purpose: «increasing}}"),
         "no-order", 'monotone names "purpose", whose categories have no order', "remove it"),
        ((TRAINING, BOOSTED, f"{BOOSTED}\n    preprocessing: {{columns: {{income: {{words: «2}}}}}}"),
         "needless-setting", '"words" says nothing about column "income", which is treated as a number',
         "a number has clip, impute, indicator, scale"),
    ],
)  # fmt: skip
def test_a_contradiction_is_found_where_it_is_written(tmp_path, edit, code, message, hint):
    place = write(tmp_path, edit)
    (found,) = check_core(core_of(tmp_path))
    assert (found.code, found.message, found.hint) == (code, message, hint)
    assert (found.place.file, found.place.line) == (place.file, place.line)


def test_what_fits_is_right(tmp_path):
    write(
        tmp_path,
        preprocessing("{columns: {income: {clip: [0.01, 0.99]}, purpose: {kind: text, words: 2}}}"),
        (TRAINING, BOOSTED, f"{BOOSTED}\n    monotone: {{income: increasing}}"),
    )
    assert list(check_core(core_of(tmp_path))) == []


def test_a_trainer_with_preprocessing_of_its_own_does_not_read_that_of_the_document(tmp_path):
    own = (TRAINING, BOOSTED, f"{BOOSTED}\n    preprocessing: {{numeric: {{impute: none}}}}")
    configs = []
    for impute in ("median", "zero"):
        write(tmp_path, preprocessing(f"{{numeric: {{scale: robust, impute: {impute}}}}}"), own)
        steps = {step.name: step for step in compile_steps(core_of(tmp_path))}
        configs.append((steps["train.linear"].config, steps["train.boosted"].config))
    assert configs[0][0] != configs[1][0]
    assert configs[0][1] == configs[1][1]


def test_a_metric_of_another_quantile_than_the_trainers_is_refused(tmp_path):
    training = TRAINING
    write(
        tmp_path,
        (training, 'task: binary\npositive: "no"\n', "task: regression\n"),
        (training, "      C: 0.5\n", "      quantile: 0.9\n"),
        (training, "linear_model.LogisticRegression", "linear_model.QuantileRegressor"),
    )
    core = core_of(tmp_path)
    spec = core.evaluation.spec.model_copy(update={"metrics": ("pinball_at_90", "coverage_gap_at_50")})
    found = list(QUANTILE_CHECKS[0](replace(core, evaluation=replace(core.evaluation, spec=spec))))
    assert [one.message for one in found] == [
        "coverage_gap_at_50 is about the quantile 0.5, and the trainers predict 0.9"
    ]
    assert found[0].hint == "use coverage_gap_at_90, or change the quantile of the trainer"


def test_a_device_that_nothing_trains_on_is_refused(tmp_path):
    write(tmp_path, (TRAINING, "seed: 11\n", "seed: 11\ndevice: «cuda\n"))
    core = core_of(tmp_path)
    assert not list(check_core(core))
    candidates = {"linear": core.training.spec.candidates["linear"]}
    spec = core.training.spec.model_copy(update={"candidates": candidates})
    (found,) = check_core(replace(core, training=replace(core.training, spec=spec)))
    assert (found.code, found.message) == (
        "needless-device", "device: cuda is for xgboost, and no candidate is trained with it",
    )  # fmt: skip
    assert found.place.line == 7


OUTSIDE = f"{BOOSTED}\n    external_memory: {{batch_rows: 1000}}"
MARKED = OUTSIDE.replace("external", "«external")
SEARCH = "\n    «search: {method: random, trials: 3, space: {max_depth: {values: [2, 3]}}}"
EVALUATION = "specs/evaluation.yaml"
STEADY = "gates:\n  steady: {kind: stability, metric: roc_auc, over: seeds, count: 3, max_spread: 0.1}\n"
KEPT = "external_memory keeps rows on the disk, and "


@pytest.mark.parametrize(
    ("edits", "why", "hint"),
    [
        ([(TRAINING, BOOSTED, MARKED), (TRAINING, "seed: 11\n", "seed: 11\ndevice: cuda\n")],
         "device: cuda holds all of them", "device: cpu, or remove it"),
        ([(TRAINING, BOOSTED, f"{OUTSIDE}{SEARCH}")], "a search holds those of its folds",
         "search on a sample of the rows, and write what it finds into params"),
        ([(TRAINING, BOOSTED, f"{OUTSIDE}\n    params:\n      tree_method: «approx")],
         "tree_method approx reads all at once", "tree_method: hist, the default"),
        ([(TRAINING, BOOSTED, MARKED), (EVALUATION, "gates:\n", STEADY)],
         'gate "steady" trains again on rows that are held',
         'remove gate "steady" from specs/evaluation.yaml, or external_memory'),
        ([(TRAINING, BOOSTED, MARKED),
          (EVALUATION, "gates:\n", "learning_curve: {}\ngates:\n")],
         "the learning curve trains again on rows that are held",
         "remove the learning curve from specs/evaluation.yaml, or external_memory"),
    ],
)  # fmt: skip
def test_what_asks_for_all_rows_does_not_go_with_rows_on_the_disk(tmp_path, edits, why, hint):
    place = write(tmp_path, *edits)
    try:
        (found,) = check_core(core_of(tmp_path))
    except InvalidInput as error:
        (found,) = error.diagnostics
    assert (found.code, found.message, found.hint) == ("no-external-memory", KEPT + why, hint)
    assert (found.place.file, found.place.line) == (place.file, place.line)


def test_the_rows_of_a_batch_are_in_the_key_of_the_training_alone(tmp_path):
    configs = []
    for rows in (None, 1000, 2000):
        write(tmp_path, *([] if rows is None else [(TRAINING, BOOSTED, OUTSIDE.replace("1000", str(rows)))]))
        configs.append({step.name: step.config for step in compile_steps(core_of(tmp_path))})
    assert "external_memory" not in configs[0]["train.boosted"]["trainer"]
    assert configs[1]["train.boosted"] != configs[2]["train.boosted"]
    assert all(configs[1][name] == configs[0][name] for name in configs[0] if name != "train.boosted")
