"""What is installed works without the checkout: templates, schemas and examples are inside."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mlops_runner

ROOT = Path(mlops_runner.__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the files of the package that are meant to be distributed, as a wheel would install them."""
    site = tmp_path_factory.mktemp("site")
    listed = ["git", "ls-files", "-co", "--exclude-standard", "mlops_runner"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("needs the git repository")
    for file in filter(lambda file: (ROOT / file).exists(), done.stdout.splitlines()):
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, site / file)
    return site


def mlops(installed, folder, *arguments):
    program = (
        f"import sys; sys.path.insert(0, {str(installed)!r}); "
        "import mlops_runner; from mlops_runner.__main__ import main; "
        f"assert mlops_runner.__file__.startswith({str(installed)!r}); main()"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_project_runs_from_the_installed_package(installed, tmp_path):
    mlops(installed, tmp_path, "init", "shop")
    mlops(installed, tmp_path / "shop", "validate")
    assert "6 to run" in mlops(installed, tmp_path / "shop", "plan")
    assert "PASS" in mlops(installed, tmp_path / "shop", "run")
    assert '"title"' in mlops(installed, tmp_path, "schema", "Training")
    mlops(installed, tmp_path, "schema", "--out", "schemas")
    assert (tmp_path / "schemas/pipeline.json").exists()
