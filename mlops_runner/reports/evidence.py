"""What reports are built from."""

from collections.abc import Mapping
from typing import Any

# The JSON form of an assessment.
Evidence = Mapping[str, Any]
