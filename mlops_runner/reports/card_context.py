"""What a model card is made of besides the numbers of the evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_runner.reports.context import ReportContext
from mlops_runner.reports.signature import Origin
from mlops_runner.specs.load import Core
from mlops_runner.train.record import CandidateRecord
from mlops_runner.train.signature import BundleRecord


@dataclass(frozen=True, slots=True)
class CardContext:
    """core: the documents as they are now; bundle, candidate: what the packaged model says of itself.

    report: what the report of the run knows. folder: of the bundle, relative to the project. versions: of the libraries
    that train, where those of the locked environment are known.
    """

    core: Core
    bundle: BundleRecord
    candidate: CandidateRecord
    origin: Origin
    report: ReportContext
    folder: str
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Mapping[str, Any]:
        """The profile of the data."""
        return self.report.data
