"""Parts of the Environment document: models, rollout state, quarantine, windows, approvals, git, serving."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mlops_runner.specs.base import (
    Digest,
    Duration,
    Name,
    Part,
    Percent,
    RelativePath,
    Timestamp,
    Timezone,
    Words,
    complaint,
)
from mlops_runner.specs.cron import CronText

BRANCH = r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*"


def _repository(value: str) -> str:
    """A repository's URL holds no credentials."""
    # The messages never repeat the value: it may hold a password.
    url = urlsplit(value) if "://" in value else None
    secret_user = url is not None and url.scheme in {"http", "https"} and "@" in url.netloc
    if secret_user or re.search(r"[^/@]*:[^/@]*@", value.split("://")[-1]) or (url and url.query):
        raise complaint(
            "url-credentials",
            "the repository's URL holds credentials",
            "remove them; git's credential helper or the CI provides them",
        )
    if not re.fullmatch(r"(?:(?:https?|ssh|git|file)://|[\w.-]+@[\w.-]+:|/)[^\s\x00-\x1f]+", value):
        raise complaint(
            "invalid-repository",
            "this is not the URL of a git repository",
            "for example: https://github.com/acme/churn or git@github.com:acme/churn.git",
        )
    return value


def _branch(value: str) -> str:
    """A branch has a name that git accepts."""
    if not re.fullmatch(BRANCH, value) or ".." in value or value.endswith((".", ".lock")):
        raise complaint("invalid-branch", '"{given}" is not the name of a branch', "for example: main", given=value)
    return value


def _state_path(value: str) -> str:
    """The outbox is inside .mlops."""
    if not re.fullmatch(r"\.mlops(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+", value):
        raise complaint(
            "invalid-path", 'path "{given}" is not inside .mlops', "for example: .mlops/outbox", given=value
        )
    return value


def _host(value: str) -> str:
    """A host is a name or an address."""
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,255}", value):
        raise complaint("invalid-host", '"{given}" is not a host', "for example: 127.0.0.1", given=value)
    return value


Repository = Annotated[str, AfterValidator(_repository), Words("the URL of a git repository")]
Branch = Annotated[str, AfterValidator(_branch), Words("the name of a branch")]
StatePath = Annotated[str, AfterValidator(_state_path), Words("a path inside .mlops")]
Host = Annotated[str, AfterValidator(_host), Words("a host name or address")]


class ModelReference(Part):
    """One registered version, pinned by the digest of its bundle."""

    version: Annotated[int, Field(ge=1, description="Number of the registered version.")]
    digest: Annotated[Digest, Field(description="Digest of its bundle.")]


class Models(Part):
    """The models of the environment."""

    stable: Annotated[ModelReference | None, Field(description="The model that serves; null before the first one.")]
    candidate: Annotated[ModelReference | None, Field(description="The model that may take over.")] = None


class Ceiling(Part):
    """The most traffic the candidate may have. The gateway may always give it less."""

    step: Annotated[Name | None, Field(description="Step of the policy that this is.")] = None
    weight: Annotated[Percent, Field(description="Percent of the units.")] = 0


class RolloutState(Part):
    """The rollout of the present candidate."""

    id: Annotated[int, Field(ge=0, description="Number of the rollout: one more for each candidate.")] = 0
    policy: Annotated[RelativePath | None, Field(description="The Rollout document.")] = None
    policy_digest: Annotated[
        Digest | None, Field(description="Digest of the policy; a policy changed in mid-rollout needs a new id.")
    ] = None
    ceiling: Annotated[Ceiling, Field(description="The most traffic the candidate may have.")] = (
        Ceiling.model_construct()
    )
    paused: Annotated[bool, Field(description="Whether the weight stays where it is.")] = False
    evidence: Annotated[RelativePath | None, Field(description="Receipt that justified the last raise.")] = None


class QuarantineOverride(Part):
    """Permission to serve a barred model all the same."""

    reason: Annotated[str, Field(min_length=1, description="Why.")]
    approvals: Annotated[tuple[str, ...], Field(min_length=1, description="Who allowed it.")]


class Quarantined(Part):
    """A model that is never served again."""

    digest: Annotated[Digest, Field(description="Digest of its bundle.")]
    reason: Annotated[str, Field(min_length=1, description="Why, with the numbers.")]
    evidence: Annotated[RelativePath | None, Field(description="Receipt of the rollback.")] = None
    by: Annotated[str, Field(min_length=1, description="Who barred it.")]
    at: Annotated[Timestamp, Field(description="When.")]
    override: Annotated[QuarantineOverride | None, Field(description="Permission to serve it all the same.")] = None


class PromotionHold(Part):
    """While active, nothing raises traffic without a person's commit."""

    active: Annotated[bool, Field(description="Whether it holds.")] = False
    since: Annotated[Timestamp | None, Field(description="Since when.")] = None
    reason: Annotated[str | None, Field(min_length=1, description="Why.")] = None


class Window(Part):
    """A recurring time in which traffic may, or may not, be raised. Rollbacks are never held up."""

    kind: Annotated[Literal["allow", "deny"], Field(description="deny wins; with any allow, only inside one.")]
    cron: Annotated[CronText, Field(description="When it opens.", examples=["0 17 * * 5"])]
    duration: Annotated[Duration, Field(description="How long it stays open.")]
    timezone: Annotated[Timezone, Field(description="Zone the cron expression is meant in.")] = "UTC"
    applies: Annotated[
        tuple[Literal["advance", "start"], ...],
        Field(min_length=1, description="To raising the weight, to starting a rollout, or both."),
    ] = ("advance", "start")


class Approvals(Part):
    """How many people must approve; emitted as CODEOWNERS and rules of the forge."""

    advance: Annotated[int, Field(ge=0, description="For a step with gate: auto.")] = 0
    manual_gate: Annotated[int, Field(ge=0, description="For a step with gate: manual.")] = 1
    quarantine_override: Annotated[int, Field(ge=0, description="For serving a barred model.")] = 2
    codeowners: Annotated[bool, Field(description="Whether a CODEOWNERS file is emitted.")] = True


class GitSource(Part):
    """Where the gateway reads this file from."""

    repo: Annotated[
        Repository,
        Field(description="The repository, without credentials.", examples=["https://github.com/acme/churn"]),
    ]
    ref: Annotated[Branch, Field(description="Branch that is followed.")] = "main"
    path: Annotated[RelativePath, Field(description="Path of this file.")]


class Reconcile(Part):
    """How the gateway follows git."""

    source: Annotated[GitSource | None, Field(description="Where from; the local file when left out.")] = None
    interval: Annotated[Duration, Field(description="Time between looks.")] = "30s"
    self_heal: Annotated[bool, Field(description="Whether local changes that raise traffic are undone.")] = True
    stale_after: Annotated[Duration, Field(description="Silence of git after which an alarm is raised.")] = "15m"
    on_source_unavailable: Annotated[
        Literal["freeze", "stable"],
        Field(description="Without git: keep the weights but never advance, or also drop an unfinished canary."),
    ] = "freeze"
    require_signed_commits: Annotated[bool, Field(description="Whether unsigned commits are ignored.")] = False


class WriteBack(Part):
    """How a rollback reaches git."""

    mode: Annotated[
        Literal["pull_request", "commit", "none"], Field(description="A pull request, a commit, or a printed patch.")
    ] = "pull_request"
    branch_prefix: Annotated[Branch, Field(description="Beginning of the branches' names.")] = "mlops/rollback"
    identity: Annotated[Literal["github-app", "pat", "gitea", "local-git"], Field(description="Who writes.")] = (
        "github-app"
    )
    precondition: Annotated[
        Literal["candidate_digest"], Field(description="What must still hold in git: the file names this candidate.")
    ] = "candidate_digest"
    outbox: Annotated[StatePath, Field(description="Folder for what has not reached git yet.")] = ".mlops/outbox"


class History(Part):
    """How many earlier models stay at hand."""

    keep: Annotated[int, Field(ge=1, description="On disk.")] = 10
    warm: Annotated[int, Field(ge=0, description="In memory.")] = 1


class Serving(Part):
    """Where the gateway listens."""

    host: Annotated[Host, Field(description="Address; loopback unless told otherwise.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="Port.")] = 8080
    max_models: Annotated[int, Field(ge=1, description="Models loaded at a time, at most.")] = 3
