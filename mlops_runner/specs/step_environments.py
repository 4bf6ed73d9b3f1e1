"""Environments of steps, as a Pipeline document declares them: a dependency lock, a Python, parts of the machine."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from mlops_runner.specs.base import Name, Part, RelativePath, Words, complaint

PYTHON = r"3\.(?:[89]|[1-9][0-9])"
VERSIONS = (
    r"(?:[0-9][0-9A-Za-z.+~:-]*|(?:>=|<=|>|<) ?[0-9]+(?:\.[0-9]+)*)"
    r"(?:, ?(?:>=|<=|>|<) ?[0-9]+(?:\.[0-9]+)*)*"
)


def _python(value: str) -> str:
    if not re.fullmatch(PYTHON, value):
        hint = 'for example: "3.12"'
        raise complaint("invalid-version", '"{given}" is not the minor version of a Python', hint, given=value)
    return value


def _versions(value: str) -> str:
    if not re.fullmatch(VERSIONS, value):
        hint = 'for example: "12.2", ">=550" or ">=2.43,<3"'
        raise complaint("invalid-version", '"{given}" is neither a version nor a range of versions', hint, given=value)
    return value


def _package(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", value):
        raise complaint("invalid-name", '"{given}" is not the name of a package', "for example: libgomp1", given=value)
    return value


def _program(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", value):
        raise complaint("invalid-name", '"{given}" is not the name of a program', "for example: ffmpeg", given=value)
    return value


PythonMinor = Annotated[
    str, AfterValidator(_python), Words("a text"), Field(json_schema_extra={"pattern": f"^{PYTHON}$"})
]
Versions = Annotated[
    str, AfterValidator(_versions), Words("a version or a range"), Field(json_schema_extra={"pattern": f"^{VERSIONS}$"})
]
PackageName = Annotated[str, AfterValidator(_package), Words("the name of a package")]
ProgramName = Annotated[str, AfterValidator(_program), Words("the name of a program")]


class System(Part):
    """What steps need of the machine beside Python. Declared, it is part of their keys; a run compares it."""

    packages: Annotated[
        dict[PackageName, Versions],
        Field(description="Debian packages, as dpkg-query knows them.", examples=[{"libgomp1": ">=12"}]),
    ] = {}
    programs: Annotated[
        dict[ProgramName, Versions],
        Field(
            description="Programs, where commands find them: the version that they print when called with --version.",
            examples=[{"dot": ">=2.43,<13"}],
        ),
    ] = {}
    nvidia_driver: Annotated[
        Versions | None, Field(description="The NVIDIA driver, as nvidia-smi knows it.", examples=[">=550"])
    ] = None


class StepEnvironment(Part):
    """An environment of its own for some of the steps. uv makes it when a step needs it, and it is kept."""

    lock: Annotated[
        RelativePath,
        Field(
            description="Requirements file with pinned versions and hashes. Its content, evaluated for the Python of "
            "the environment, is the environment's digest.",
            examples=["envs/vision.lock"],
        ),
    ]
    python: Annotated[
        PythonMinor | None,
        Field(description="Minor version of its Python; that of the runner when left out.", examples=["3.12"]),
    ] = None
    system: Annotated[System, Field(description="What it needs of the machine.")] = System.model_construct()


StepEnvironments = Annotated[
    dict[Name, StepEnvironment],
    Field(
        description="Environments for steps of the project's own that do not run in the project's.",
        examples=[{"vision": {"lock": "envs/vision.lock"}}],
    ),
]
