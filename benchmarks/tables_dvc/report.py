"""Run a notebook: report.py NOTEBOOK EXECUTED VALUES. The values become variables."""

import json
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

notebook, executed, values = sys.argv[1:]
read = nbformat.read(notebook, as_version=4)
told = "\n".join(f"{name} = {value!r}" for name, value in json.loads(Path(values).read_text()).items())
after = next(number for number, cell in enumerate(read.cells, 1) if "parameters" in cell.metadata.get("tags", ()))
read.cells.insert(after, nbformat.v4.new_code_cell(told, id="told"))
NotebookClient(read, resources={"metadata": {"path": "."}}).execute()
nbformat.write(read, executed)
