"""`mlops` and `python -m mlops_runner`."""

import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    # pydantic would read the metadata of every installed distribution in search of plugins
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from mlops_runner.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
