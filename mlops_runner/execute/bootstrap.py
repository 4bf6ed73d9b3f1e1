"""What the interpreter of a step's own environment runs first: it makes one call, and writes down the reply.

Nothing of the runner is installed there. What is needed of it is loaded from where it lies, and let go before the
project's code is imported, which may use another version of it.
"""

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file: its modules are nobody's

import importlib
import importlib.util
import json
from pathlib import Path

PACKAGE = "mlops_runner"


def main(request: Path, reply: Path, code: str) -> None:
    """Make the call that a file describes, with functions imported from the folder `code`."""
    _load(Path(__file__).parents[1])
    calling = importlib.import_module(f"{PACKAGE}.execute.calling")
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.argv[:] = ["mlops"]
    sys.path.insert(0, code)
    call = calling.Call(**json.loads(request.read_text(encoding="utf-8")))
    reply.write_text(call.answered().encode(), encoding="utf-8")


def _load(folder: Path) -> None:
    """Make the runner's package importable, and nothing that lies beside it."""
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[PACKAGE])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
