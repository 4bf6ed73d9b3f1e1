"""Secrets on their way from the runner's environment to a step, and never into what the step leaves behind."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.plan.steps import Step

HIDDEN = "***"
LINE_LETTERS = 4  # a shorter line of a secret tells nothing, and may stand anywhere
# By these, machines name their proxies and the authorities they trust.
SURROUNDINGS = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"})


def secrets_of(step: Step, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the secrets that a step uses. Raises InvalidInput for those that are not set."""
    if absent := {name: place for name, place in step.secrets.items() if not environ.get(name, "").strip()}:
        hint = "set it for this command; in CI, map the secret to a variable of this name"
        raise InvalidInput(
            Diagnostic("secret-missing", f"the environment variable {name} is not set", place, hint)
            for name, place in absent.items()
        )
    return {name: environ[name] for name in step.secrets}


def surroundings_of(step: Step, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which a step that fetches finds its way out of this machine's network."""
    return {name: value for name, value in environ.items() if name.upper() in SURROUNDINGS} if step.fetches else {}


def scrub(path: Path, values: Mapping[str, str]) -> None:
    """Hide secrets in a file that a step has written for people. Raises OSError when it cannot be written anew."""
    try:
        before = path.read_bytes()
    except OSError:
        return
    after = hidden(before, values)
    if after != before:
        path.write_bytes(after)


def hidden(data: bytes, values: Mapping[str, str]) -> bytes:
    """Return a text without the secrets in it."""
    for text in sorted(set(_forms(values)), key=len, reverse=True):
        data = data.replace(text.encode("utf-8", "surrogateescape"), HIDDEN.encode())
    return data


def _forms(values: Mapping[str, str]) -> Iterator[str]:
    """Yield every form in which a secret may stand in a text: whole, line by line, its password, and in JSON."""
    for value in values.values():
        whole = value.strip()
        lines = [line for line in map(str.strip, whole.splitlines()) if len(line) >= LINE_LETTERS]
        for text in (whole, *lines, *_passwords(whole)):
            yield text
            yield json.dumps(text)[1:-1]


def _passwords(value: str) -> Iterator[str]:
    try:
        password = urlsplit(value).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
