"""Whether a machine has the device that training asks for: xgboost itself would go on with another one."""

import json
import warnings

import numpy as np
import xgboost

from mlops_runner.errors import Diagnostic, StepFailed

CPU = "cpu"


def refuse_absent(device: str) -> None:
    """Try the device on a row. Raises StepFailed where there is none, or where xgboost cannot use it."""
    if device == CPU or _used(device).startswith(device):
        return
    if not xgboost.build_info().get("USE_CUDA"):
        message = f"device: {device} is asked for, and xgboost was built without it here"
        hint = f"install a build of xgboost with {device}, or set device: cpu"
    else:
        message = f"device: {device} is asked for, and this machine has none that can be seen"
        hint = "run this step on a machine that has one, look at its driver (nvidia-smi), or set device: cpu"
    raise StepFailed(Diagnostic("no-device", message, hint=hint))


def _used(device: str) -> str:
    """Return the device that xgboost chooses when it is asked for one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        booster = xgboost.train({"device": device, "verbosity": 0}, xgboost.DMatrix(np.zeros((1, 1)), np.zeros(1)), 1)
    return str(json.loads(booster.save_config())["learner"]["generic_param"]["device"])
