"""GitOps for machine learning: plan, run, lock and verify models from versioned YAML."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlops_runner.api import load_model, load_project

__version__ = "0.1.0"
__all__ = ["__version__", "load_model", "load_project"]


def __getattr__(name: str) -> Any:
    """Import the API when it is asked for: the command line must not pay for it."""
    if name in {"load_model", "load_project"}:
        from mlops_runner import api

        return getattr(api, name)
    raise AttributeError(name)
