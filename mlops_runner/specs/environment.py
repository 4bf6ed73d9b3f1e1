"""The Environment document: which model is stable, which is the candidate, and how much traffic it may have."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops_runner.specs.base import Name, Spec, seconds
from mlops_runner.specs.environment_parts import (
    Approvals,
    History,
    Models,
    PromotionHold,
    Quarantined,
    Reconcile,
    RolloutState,
    Serving,
    Window,
    WriteBack,
)
from mlops_runner.specs.rules import Finding, hold, repeated, written


class Environment(Spec):
    """States what an environment should serve: which models, by digest, and the most traffic the candidate may have."""

    kind: Literal["Environment"]
    service: Annotated[Name, Field(description="Name of the service.", examples=["churn"])]
    engine: Annotated[
        Literal["embedded", "argo-rollouts", "kserve", "flagger"], Field(description="What moves the traffic.")
    ] = "embedded"
    models: Annotated[Models, Field(description="Which models.")]
    rollout: Annotated[RolloutState, Field(description="The rollout of the candidate.")] = (
        RolloutState.model_construct()
    )
    quarantine: Annotated[tuple[Quarantined, ...], Field(description="Models that are never served again.")] = ()
    promotion_hold: Annotated[PromotionHold, Field(description="Stop for automatic raises.")] = (
        PromotionHold.model_construct()
    )
    windows: Annotated[tuple[Window, ...], Field(description="When traffic may be raised; always, without any.")] = ()
    approvals: Annotated[Approvals, Field(description="How many people must approve.")] = Approvals.model_construct()
    reconcile: Annotated[Reconcile, Field(description="How the gateway follows git.")] = Reconcile.model_construct()
    write_back: Annotated[WriteBack, Field(description="How a rollback reaches git.")] = WriteBack.model_construct()
    history: Annotated[History, Field(description="Earlier models at hand.")] = History.model_construct()
    serving: Annotated[Serving, Field(description="Where the gateway listens.")] = Serving.model_construct()

    @model_validator(mode="after")
    def _rules_hold(self) -> "Environment":
        return hold(self, RULES)


def _models_differ(spec: Environment) -> Iterator[Finding]:
    """The candidate is another model than the stable one, and there is a stable one to fall back to."""
    stable, candidate = spec.models.stable, spec.models.candidate
    if candidate is None:
        return
    if stable is None:
        message = f"candidate version {candidate.version} has no stable model to fall back to"
        yield Finding(("models", "candidate"), "no-stable", message, "make the first model stable")
    elif stable.digest == candidate.digest:
        message = f"candidate version {candidate.version} is the same model as stable version {stable.version}"
        yield Finding(("models", "candidate", "digest"), "same-model", message, "set candidate: null")


def _barred_models_are_not_served(spec: Environment) -> Iterator[Finding]:
    """No model in quarantine is stable or candidate, unless its entry has an override with enough approvals."""
    needed = spec.approvals.quarantine_override
    barred = {entry.digest: entry for entry in spec.quarantine}
    for arm, model in (("stable", spec.models.stable), ("candidate", spec.models.candidate)):
        entry = barred.get(model.digest) if model else None
        if entry is None or model is None:
            continue
        if entry.override is None:
            message = f"{arm} version {model.version} is in quarantine: {entry.reason}"
            hint = "choose another model, or add an override with reason and approvals"
            yield Finding(("models", arm, "digest"), "quarantined-model", message, hint)
        elif len(set(entry.override.approvals)) < needed:
            given = len(set(entry.override.approvals))
            at = ("quarantine", spec.quarantine.index(entry), "override", "approvals")
            message = f"the override has {given} approvals, {needed} are needed"
            yield Finding(at, "too-few-approvals", message, "let more people approve it")


def _ceiling_needs_candidate(spec: Environment) -> Iterator[Finding]:
    """A ceiling above 0 needs a candidate."""
    weight = spec.rollout.ceiling.weight
    if weight > 0 and spec.models.candidate is None:
        message = f"the ceiling is {weight} %, but there is no candidate"
        yield Finding(("rollout", "ceiling", "weight"), "ceiling-without-candidate", message, "set weight: 0")


def _policy_is_pinned(spec: Environment) -> Iterator[Finding]:
    """With a candidate, the policy is pinned by its digest."""
    rollout = spec.rollout
    if spec.models.candidate and rollout.policy and rollout.policy_digest is None:
        message = f"{rollout.policy} is not pinned, but candidate version {spec.models.candidate.version} depends on it"
        yield Finding(("rollout", "policy"), "unpinned-policy", message, "add policy_digest: sha256:…")
    if rollout.policy_digest and rollout.policy is None:
        message = "policy_digest is given without policy"
        yield Finding(("rollout", "policy_digest"), "missing-policy", message, "add policy: specs/rollout.yaml")


def _quarantine_is_unique(spec: Environment) -> Iterator[Finding]:
    """A digest is in quarantine once."""
    for position, digest, first in repeated(entry.digest for entry in spec.quarantine):
        message = f"entry {position + 1} bars {digest[:19]}…, like entry {first + 1}"
        yield Finding(("quarantine", position, "digest"), "duplicate-quarantine", message, "keep one of the two")


def _hold_is_explained(spec: Environment) -> Iterator[Finding]:
    """An active promotion_hold says since when and why."""
    hold_on = spec.promotion_hold
    missing = [name for name in ("since", "reason") if getattr(hold_on, name) is None]
    if hold_on.active and missing:
        message = f"an active promotion_hold needs {' and '.join(missing)}"
        yield Finding(("promotion_hold",), "unexplained-hold", message, f"add {missing[0]}: …")


def _numbers_fit(spec: Environment) -> Iterator[Finding]:
    """stale_after is at least interval; no more models are warm than kept, nor than may be loaded."""
    reconcile, history = spec.reconcile, spec.history
    if seconds(reconcile.stale_after) < seconds(reconcile.interval):
        field = written(reconcile, "stale_after", "interval")
        message = f"stale_after {reconcile.stale_after} is shorter than interval {reconcile.interval}"
        yield Finding(("reconcile", field), "stale-too-soon", message, "raise stale_after")
    if history.warm > min(history.keep, spec.serving.max_models):
        most = min(history.keep, spec.serving.max_models)
        message = f"{history.warm} models are kept warm, but only {most} can be"
        yield Finding(("history", "warm"), "too-many-warm", message, "lower warm, or raise keep and max_models")


RULES = (
    _models_differ,
    _barred_models_are_not_served,
    _ceiling_needs_candidate,
    _policy_is_pinned,
    _quarantine_is_unique,
    _hold_is_explained,
    _numbers_fit,
)
