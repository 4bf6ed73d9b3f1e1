"""Versions of what the built-in steps do.

Raise one by hand when the step's result changes for equal inputs; the version of this package is not part of a key, so
that upgrading it does not retrain the world.
"""

SOURCE_VERSION = 1
DATA_VERSION = 3
SEARCH_VERSION = 2
TRAIN_VERSION = 2
SELECT_VERSION = 1
REFIT_VERSION = 1
EVALUATE_VERSION = 3
PACKAGE_VERSION = 3
PYTHON_VERSION = 1
COMMAND_VERSION = 1
NOTEBOOK_VERSION = 1
