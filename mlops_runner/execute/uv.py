"""uv, which makes environments from locks: where it is, how it is called, and what it says, without passwords."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.execute import descendants
from mlops_runner.execute.secrets import HIDDEN, scrub

MODULE = "uv"
# An environment is made for a step, not where the runner was started.
ELSEWHERE = frozenset({
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_WORKING_DIR",
    "UV_PROJECT", "UV_VENV_CLEAR", "UV_VENV_SEED", "FORCE_COLOR", "CLICOLOR_FORCE",
})  # fmt: skip
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_USER = re.compile(r"://[^\s/@]+@")
_PASSWORD = re.compile(r"UV_(?:INDEX_\w+_PASSWORD|\w*TOKEN)")


def find_uv(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return how uv is called: as a program, or as a module of this Python. Raises InvalidInput."""
    if program := shutil.which("uv", path=environ.get("PATH")):
        return (program,)
    if importlib.util.find_spec(MODULE) is not None:
        return (sys.executable, "-m", MODULE)
    message = "environments of steps are made by uv, which is not here"
    raise InvalidInput(Diagnostic("no-uv", message, hint="pip install uv"))


def call_uv(uv: Sequence[str], arguments: Sequence[str], folder: Path, log: Path) -> int:
    """Call uv in a folder, and add what it says to a log. Returns its exit code. It ends when this process does.

    It sees the variables of the runner, for indexes, caches and proxies. Unless these say so, no Python is fetched, and
    no file is shared with uv's cache: a step that wrote into one would change every environment that is made later.
    """
    defaults = {"UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"}
    environment = {**defaults, **os.environ, "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    environment = {name: value for name, value in environment.items() if name not in ELSEWHERE}
    with log.open("ab") as stream:
        return subprocess.run(
            [*uv, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            preexec_fn=descendants.end_with_parent, check=False,
        ).returncode  # fmt: skip


def hide(log: Path, lock: str, environ: Mapping[str, str]) -> str:
    """Hide in a log what uv may have read from the environment for a lock, and return the log's text."""
    named = {name for name in environ if _PASSWORD.fullmatch(name)} | set(_VARIABLE.findall(lock))
    scrub(log, {name: environ[name] for name in named if environ.get(name, "").strip()})
    before = log.read_text(encoding="utf-8", errors="replace")
    after = _USER.sub(f"://{HIDDEN}@", before)
    if after != before:
        log.write_text(after, encoding="utf-8")
    return after
