"""`mlops` and `python -m mlops_runner`."""

import gc
import os
import sys

# Starting a command allocates a hundred thousand objects that stay. Python would look through them again and again.
NEW_OBJECTS = 50_000


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(NEW_OBJECTS)
    # pydantic would read the metadata of every installed distribution in search of plugins
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from mlops_runner.cli.main import run

    code = run(sys.argv[1:])
    gc.freeze()  # the process ends: what lives in cycles goes with it
    sys.exit(code)


if __name__ == "__main__":
    main()
