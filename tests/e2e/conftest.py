"""A pipeline of words, for tests of steps: they are sorted, and what follows is what a test is about."""

from collections.abc import Callable

import pytest

from tests.conftest import Sandbox

WORDS = """\
apiVersion: mlops/v1
kind: Pipeline
name: words
cost: {per_hour: 3600, currency: EUR}
steps:
  sorted:
    kind: command
    shell: sort data/words.txt > out/sorted.txt
    inputs: [data/words.txt]
    outputs: [out/sorted.txt]
"""


@pytest.fixture
def words_of(sandbox_of: Callable[[dict[str, str]], Sandbox]) -> Callable[..., Sandbox]:
    """Make a pipeline that sorts words, with further steps and files (path → text), committed."""

    def made(steps: str, words: str, files: dict[str, str] | None = None) -> Sandbox:
        texts = {"pipeline.yaml": WORDS + steps, "data/words.txt": words, ".gitignore": ".mlops/\n__pycache__/\n"}
        return sandbox_of({**texts, **(files or {})})

    return made
