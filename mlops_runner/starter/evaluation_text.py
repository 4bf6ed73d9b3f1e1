"""The Evaluation document of a proposal: metrics of the task, and gates that the data itself sets."""

import math

from mlops_runner.data.infer.values import Guess, Proposal
from mlops_runner.specs.yaml_text import flow_text
from mlops_runner.starter.bundled import fitting_name
from mlops_runner.starter.lines import commented

METRICS = {
    "binary": "[roc_auc, average_precision, log_loss, brier, precision, recall, f1]",
    "multiclass": "[log_loss, accuracy, balanced_accuracy, f1_macro]",
    "regression": "[rmse, mae, r2]",
    "ranking": "[ndcg_at_10, ndcg_at_3, map, mrr]",
}
MARGIN = 0.02
SLICED_VALUES = 3
SLICED_SHARE = 0.05


def evaluation_text(name: str, proposal: Proposal) -> str:
    """Write the document; limits are what a constant guess reaches, rounded to its favour."""
    lines = ["apiVersion: mlops/v1", "kind: Evaluation", f"name: {name}"]
    lines += [f"metrics: {METRICS[proposal.task.task]}", *_threshold(proposal), *_slices(proposal)]
    lines += ["", "# Raise them when a model does well: a gate keeps what was reached.", "gates:"]
    lines += _gates(proposal)
    return "\n".join(lines) + "\n"


def _gates(proposal: Proposal) -> list[str]:
    match proposal.task.task:
        case "regression":
            return _regression_gates(proposal)
        case "ranking":
            why = "higher by at least this than an order by chance"
            return _gate("better_than_baseline", "baseline", "ndcg_at_10", f"margin: {MARGIN}", why)
        case _:
            return _class_gates(proposal)


def _threshold(proposal: Proposal) -> list[str]:
    if proposal.task.task != "binary":
        return []
    why = "# Where a row counts as positive. When you know what mistakes cost: {rule: cost, false_negative: …, …}"
    return ["", why, "threshold: {rule: f_beta, beta: 1.0, split: validation}"]


def _slices(proposal: Proposal) -> list[str]:
    lines = []
    for guess in proposal.columns:
        if "protected" in guess.tags and guess.role in {"feature", "ignored"}:
            for value in _sliced(guess):
                condition = flow_text({"column": guess.name, "equals": value})
                lines.append(f"  {fitting_name(f'{guess.name}-{value}')}: {condition}")
    return ["", "# Does the model serve these groups alike?", "slices:", *lines] if lines else []


def _sliced(guess: Guess) -> list[object]:
    often = [value for value, count in guess.facts.values if count >= SLICED_SHARE * guess.facts.known]
    fit = guess.facts.type in {"string", "bool", "int"} and 2 <= len(often) <= SLICED_VALUES
    return sorted(often) if fit else []


def _class_gates(proposal: Proposal) -> list[str]:
    loss = proposal.guessing.loss
    limit, margin = _up(loss), _round(MARGIN * loss)
    return [
        *_gate(
            "informed", "absolute", "log_loss", f"max: {limit}", "what always answering the shares of the classes has"
        ),
        *_gate("better_than_baseline", "baseline", "log_loss", f"margin: {margin}", "lower by at least this"),
        *(_positives(proposal) if proposal.task.task == "binary" else []),
    ]


def _positives(proposal: Proposal) -> list[str]:
    share = proposal.guessing.positives
    limit = math.floor(share * 100) / 100 or _down(share)
    why = "about the share of positives, which is what chance reaches"
    return _gate("finds_positives", "absolute", "average_precision", f"min: {limit:g}", why)


def _regression_gates(proposal: Proposal) -> list[str]:
    deviation = proposal.guessing.loss
    why = "about what always answering the mean of the target has"
    return [
        *_gate("informed", "absolute", "rmse", f"max: {_up(deviation)!r}", why),
        *_gate(
            "better_than_baseline",
            "baseline",
            "rmse",
            f"margin: {_round(MARGIN * deviation)!r}",
            "lower by at least this",
        ),
    ]


def _gate(name: str, kind: str, metric: str, limit: str, why: str) -> list[str]:
    head = [f"  {name}:", f"    kind: {kind}", f"    metric: {metric}", "    split: test"]
    return [*head, *commented(f"    {limit}", why)]


def _up(value: float) -> float:
    """Round a positive number up to two significant digits."""
    power = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / power - 1e-9) * power:.2g}")


def _down(value: float) -> float:
    """Round a positive number down to one significant digit."""
    power = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.floor(value / power + 1e-9) * power:.1g}")


def _round(value: float) -> float:
    return float(f"{value:.1g}")
