"""Call a function of the project: call.py MODULE:FUNCTION NAME=PATH NAME:PARAM …

`model=…` is a text, `returned=…` the file for what the function returns; every other NAME=… is a path, and NAME:… a
param of params.yaml.
"""

import functools
import importlib
import json
import sys
from pathlib import Path

import yaml

sys.path.insert(0, ".")
module, _, name = sys.argv[1].partition(":")
params = yaml.safe_load(Path("params.yaml").read_text())
arguments: dict[str, object] = {}
for word in sys.argv[2:]:
    key, sign, value = min((word.partition(sign) for sign in "=:"), key=lambda parts: len(parts[0]))
    if sign == ":":
        arguments[key] = functools.reduce(dict.__getitem__, value.split("."), params)
    else:
        arguments[key] = value if key == "model" else Path(value)
returned = arguments.pop("returned", None)
for path in arguments.values():
    if isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
found = getattr(importlib.import_module(module), name)(**arguments)
if isinstance(returned, Path):
    returned.write_text(json.dumps(found) + "\n")
