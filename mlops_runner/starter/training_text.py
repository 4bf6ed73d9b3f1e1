"""The Training document of a proposal: a constant guess as the baseline, a linear model, and boosted trees."""

from dataclasses import dataclass

from mlops_runner.data.infer.categories import TRAIN
from mlops_runner.data.infer.values import Proposal
from mlops_runner.specs.yaml_text import scalar_text
from mlops_runner.starter.lines import commented

LARGE_CELLS = 5_000_000
HUGE_CELLS = 20_000_000
MOST_OF_32_BITS = 1e17
# What XGBoost takes for the exponent of a gain.
MOST_RELEVANCE = 31
THREADS = "fixed, so that every machine computes the same; more are faster where cores are idle"


@dataclass(frozen=True, slots=True)
class _Size:
    """What decides how much training may cost: training rows, cells of the matrix, trees in a round."""

    rows: int
    cells: int
    trees: int

    @property
    def wide(self) -> bool:
        """Whether there are more columns than rows."""
        return self.cells > self.rows * self.rows


def training_text(name: str, proposal: Proposal) -> str:
    """Write the document, with params for the size of the table."""
    task = proposal.task
    rows = int(TRAIN * proposal.target.facts.known)
    size = _Size(rows, rows * proposal.width, len(task.classes) if task.task == "multiclass" else 1)
    lines = ["apiVersion: mlops/v1", "kind: Training", f"name: {name}", *commented(f"task: {task.task}", task.why)]
    if task.task == "binary":
        lines += commented(f"positive: {scalar_text(task.positive)}", task.positive_why)
    lines += ["seed: 1", *commented("threads: 1", THREADS), "", *_preprocessing(proposal), "", *_baseline(proposal), ""]
    boosted = _boosted(size, _ranking(proposal)) if task.deviation < MOST_OF_32_BITS else _boosted_in_64_bits()
    lines += ["candidates:", *_linear(proposal, size), *boosted, "", *_select(proposal)]
    return "\n".join(lines) + "\n"


def _preprocessing(proposal: Proposal) -> list[str]:
    lines = ["preprocessing:", "  numeric: {impute: median, scale: standard}"]
    features = proposal.with_role("feature")
    if any(guess.facts.type in {"string", "bool"} and "text" not in guess.tags for guess in features):
        text = f"  categorical: {{encode: one_hot, min_count: {proposal.min_count}}}"
        why = "rarer categories share a column" if proposal.min_count > 1 else ""
        lines += commented(text, why, at=56)
    if proposal.terms:
        lines += commented(f"  text: {{max_terms: {proposal.terms}}}", "the most frequent words", at=56)
    if proposal.by_target:
        own = [f"    {scalar_text(name)}: {{encode: target, min_count: 1}}" for name in proposal.by_target]
        why = "too many categories for a column each: the mean of the target, cross-fitted, in place of each"
        lines += ["  columns:", *commented(own[0], why, at=56), *own[1:]]
    return lines


def _baseline(proposal: Proposal) -> list[str]:
    if proposal.task.task == "ranking":
        what, kind, params = (
            "the same score for every row, an order by chance",
            "DummyRegressor",
            "{strategy: mean}",
        )
    elif proposal.task.task == "regression":
        what, kind, params = "the mean of the target, whatever the row", "DummyRegressor", "{strategy: mean}"
    else:
        what, kind, params = "the shares of the classes, whatever the row", "DummyClassifier", "{strategy: prior}"
    return [
        f"# Answers {what}: a model that is no better has learnt nothing.",
        *("baseline:", "  trainer: sklearn", f"  estimator: sklearn.dummy.{kind}", f"  params: {params}"),
    ]


def _linear(proposal: Proposal, size: _Size) -> list[str]:
    why = "strong, because there are more columns than rows" if size.wide else ""
    if proposal.task.of_numbers:
        head = ["  ridge:", "    trainer: sklearn", "    estimator: sklearn.linear_model.Ridge"]
        return [*head, *commented(f"    params: {{alpha: {100.0 if size.wide else 1.0}}}", why, at=56)]
    iterations = 500 if size.cells * size.trees < HUGE_CELLS else 100
    head = ["  logistic:", "    trainer: sklearn", "    estimator: sklearn.linear_model.LogisticRegression"]
    params = f"    params: {{C: {0.01 if size.wide else 1.0}, max_iter: {iterations}}}"
    return [*head, *commented(params, why, at=56)]


def _ranking(proposal: Proposal) -> str:
    """Return the params of a ranking: XGBoost doubles the gain with each step of a relevance that is whole and low."""
    if proposal.task.task != "ranking":
        return ""
    target = proposal.target.facts
    gain = "" if target.whole and (target.high or 0) <= MOST_RELEVANCE else ", ndcg_exp_gain: false"
    return f'objective: "rank:ndcg", eval_metric: "ndcg@10"{gain},'


def _boosted(size: _Size, params: str = "") -> list[str]:
    depth = 3 if size.rows < 2_000 else 4 if size.rows < 20_000 else 6
    most = 1_000 if size.cells < LARGE_CELLS and not size.wide else 400 if size.cells < HUGE_CELLS else 200
    rounds = max(50, most // max(1, size.trees // 2))
    rate = 0.05 if size.rows < 2_000 and not size.wide else 0.1
    columns = 0.2 if size.wide else 0.8
    above, lead = ([f"    params: {{{params}"], "      ") if params else ([], "    params: {")
    return [
        *("  boosted:", "    trainer: xgboost"),
        *commented(f"    rounds: {rounds}", "at most"),
        "    early_stopping_rounds: 30",
        *above,
        f"{lead}max_depth: {depth}, learning_rate: {rate}, subsample: 0.8, colsample_bytree: {columns}}}",
    ]


def _boosted_in_64_bits() -> list[str]:
    return [
        "  # not xgboost: it computes in 32 bits, which do not hold the squares of such a target",
        *("  boosted:", "    trainer: sklearn", "    estimator: sklearn.ensemble.HistGradientBoostingRegressor"),
        "    params: {max_iter: 200, learning_rate: 0.1, max_leaf_nodes: 15}",
    ]


def _select(proposal: Proposal) -> list[str]:
    if proposal.task.task == "ranking":
        return ["select:", "  metric: ndcg_at_10", "  split: validation", "  direction: maximize"]
    metric = "rmse" if proposal.task.task == "regression" else "log_loss"
    return ["select:", f"  metric: {metric}", "  split: validation", "  direction: minimize"]
