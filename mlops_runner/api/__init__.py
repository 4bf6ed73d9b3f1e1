"""The verbs as a typed Python API: what the command line calls, and what a notebook can call.

project = load_project(".")
print(project.plan().changes)
project.run()
"""

from mlops_runner.api.models import load_model
from mlops_runner.api.project import Project, load_project

__all__ = ["Project", "load_model", "load_project"]
