"""What the constructors of scikit-learn's estimators take, read from its source: importing it takes half a second."""

import ast
import importlib.util
from functools import cache
from importlib import import_module
from pathlib import Path

from mlops_runner.train.trainers.catalogue import ESTIMATORS


@cache
def params_of(estimator: str) -> frozenset[str]:
    """Return the names of the params of an estimator of the catalogue.

    Its constructor names all of them, by scikit-learn's own rules. Where the source does not show it, it is imported.
    """
    module, _, name = ESTIMATORS[estimator].stored.rpartition(".")
    found = _written(_file(module), name)
    return found if found is not None else frozenset(_imported(estimator))


def _file(module: str) -> Path | None:
    package, _, below = module.partition(".")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0], *below.split(".")).with_suffix(".py")


def _written(file: Path | None, name: str) -> frozenset[str] | None:
    """Return the params of a class that has a constructor of its own, or None."""
    try:
        tree = ast.parse(file.read_bytes()) if file else None
    except (OSError, SyntaxError, ValueError):
        return None
    for found in tree.body if tree else ():
        if isinstance(found, ast.ClassDef) and found.name == name:
            for member in found.body:
                if isinstance(member, ast.FunctionDef) and member.name == "__init__":
                    arguments = [*member.args.posonlyargs, *member.args.args[1:], *member.args.kwonlyargs]
                    return frozenset(argument.arg for argument in arguments)
    return None


def _imported(estimator: str) -> dict[str, object]:
    module, _, name = estimator.rpartition(".")
    params: dict[str, object] = getattr(import_module(module), name)().get_params(deep=False)
    return params
