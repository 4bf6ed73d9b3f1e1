"""The machine beside Python: packages of Debian, programs, the driver of its GPUs, as they are and as declared."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence

from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.execute.commands import search_path
from mlops_runner.plan.environment import DEFAULT, Declared, Need
from mlops_runner.plan.needs import fits

SECONDS = 20  # a program that says its version later than that says it to nobody
DRIVER = ("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
PACKAGE = ("dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}\n")
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)+[0-9A-Za-z.+~-]*|[0-9]+")


def require_machine(declared: Declared) -> None:
    """Refuse a machine that is not what an environment declares. Raises InvalidInput."""
    if found := misfits(declared.needs):
        whose = "the steps need" if declared.name == DEFAULT else f"the environment {declared.name} needs"
        message = f"this machine is not what {whose}: {'; '.join(found)}"
        hint = "install it, or correct system in pipeline.yaml: what is declared is part of the keys"
        raise InvalidInput(Diagnostic("environment-differs", message, declared.place, hint))


def misfits(needs: Iterable[Need]) -> list[str]:
    """Say in words where the machine is not what is declared."""
    return [text for need in needs if (text := _misfit(need))]


def _misfit(need: Need) -> str:
    match need.kind:
        case "package":
            found, lacking = _package(need.name), f"the package {need.name} is not installed"
            if shutil.which(PACKAGE[0]) is None:
                lacking = f"the package {need.name} cannot be looked up, because there is no {PACKAGE[0]} here"
        case "program":
            found, lacking = _program(need.name), f"{need.name} --version tells no version"
            if shutil.which(need.name, path=search_path()) is None:
                lacking = f"the program {need.name} is not installed"
        case _:
            found, lacking = _said(DRIVER).partition("\n")[0], f"{DRIVER[0]} finds no driver"
            if shutil.which(DRIVER[0]) is None:
                lacking = f"the driver cannot be looked up, because there is no {DRIVER[0]} here"
    if not found:
        return f"{lacking}, and {need.versions} is declared"
    name = "the driver" if need.kind == "driver" else need.name
    return "" if fits(found, need.versions) else f"{name} is {found}, and {need.versions} is declared"


def _package(name: str) -> str:
    """Return the version of an installed package; empty if it is not."""
    for line in _said([*PACKAGE, name]).splitlines():
        status, _, version = line.partition(" ")
        if status == "installed":
            return version
    return ""


def _program(name: str) -> str:
    """Return the first version in what a program says of itself, where steps find it; empty if there is none."""
    path = shutil.which(name, path=search_path())
    found = _VERSION.search(_said([path, "--version"])) if path else None
    return found[0] if found else ""


def _said(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).decode("utf-8", "replace").strip() if done.returncode == 0 else ""
