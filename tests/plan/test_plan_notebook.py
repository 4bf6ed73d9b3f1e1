"""What of a notebook is in a key, and what is wrong with one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebooks import code, notebook, text

from mlops_runner.errors import InvalidInput
from mlops_runner.plan.cells import plain, read_cells
from mlops_runner.plan.fingerprint import CodeBase
from mlops_runner.plan.notebook import read_notebook

SKIPPED = code("import no", "skip-execution")
PLAIN = ("import json\nx = 1", "x + 1")


def digest(*cells, **other):
    return read_cells(notebook(*cells, **other).encode(), "n.ipynb").digest


def test_the_digest_of_a_notebook_is_pinned():
    assert digest("import json\n%matplotlib inline\nx = 1", code("depth = 2", "parameters"), "x;") == (
        "a1:1769712543f32a2dde233e236a5e90e0"
    )


@pytest.mark.parametrize(
    "cells",
    [
        (text("# Title"), *PLAIN, text("The end.")),
        ("import json   # comment\n\nx = (1)", "# the sum\nx+1"),
        (code(PLAIN[0], count=7), code(PLAIN[1], outputs=[{"output_type": "stream", "name": "stdout", "text": ["2"]}])),
        (*PLAIN, "", "  \n"),
        (*PLAIN, code("never(run)", "skip-execution")),
        (code("x = 5", "injected-parameters"), *PLAIN),
        (code(PLAIN[0], "a-tag-of-the-author"), PLAIN[1]),
    ],
    ids=["texts", "comments", "outputs", "empty cells", "skipped cell", "left by papermill", "other tags"],
)
def test_what_changes_no_result_is_not_in_the_key(cells):
    assert digest(*cells) == digest(*PLAIN)


def test_metadata_of_the_notebook_is_not_in_the_key():
    metadata = {"language_info": {"name": "python", "version": "3.8.1"}, "title": "x"}
    assert digest(*PLAIN, metadata=metadata, nbformat_minor=5) == digest(*PLAIN)


@pytest.mark.parametrize(
    "cells",
    [
        ("import json\nx = 2", "x + 1"),
        ("x + 1", "import json\nx = 1"),
        ("import json\nx = 1\nx + 1",),
        ("import json\nx = 1", "x + 1;"),
        ("import json\nx = 1", '"x + 1"'),
        (code(PLAIN[0], "parameters"), PLAIN[1]),
        (PLAIN[0], code(PLAIN[1], "raises-exception")),
        ("%%time\nimport json\nx = 1", "x + 1"),
        ("%matplotlib inline\nimport json\nx = 1", "x + 1"),
        (*PLAIN, "# alone: it takes a number"),
    ],
    ids=["value", "order", "joined", "quiet", "text", "parameters", "failing", "timed", "magic", "comment"],
)
def test_what_may_change_a_result_is_in_the_key(cells):
    assert digest(*cells) != digest(*PLAIN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("%matplotlib inline\nx=1", "%matplotlib inline\nx = 1  # one"),
        ("%%time\nx=1", "%%time\nx = 1  # one"),
        ("files = !ls\nx=1", "files = !ls\nx = 1 # one"),
    ],
)
def test_beside_magics_comments_do_not_count(one, other):
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("%matplotlib inline", "%matplotlib agg"),
        ("!ls a", "!ls b"),
        ("!ls \\\n a", "!ls \\\n b"),
        ("%%bash\necho a", "%%bash\necho b"),
        ("%%timeit -n 1\nx = 1", "%%timeit -n 2\nx = 1"),
        ("x?", "x??"),
        ("%time x = 1\ny = 1", "%time x = 1\ny = 2"),
    ],
)
def test_the_text_of_a_magic_counts(one, other):
    assert digest(one) != digest(other)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%time f()", "__magic__('%time f()')"),
        ("if x:\n    !ls", "if x:\n    __magic__('!ls')"),
        ("a, b = %magic", "a, b = __magic__('%magic')"),
        ("a.b?", "__magic__('a.b?')"),
        ("%ls\ny = (x\n%z)", "__magic__('%ls')\ny = (x\n%z)"),
        ("%ls\ns = '''\n!not\n'''", "__magic__('%ls')\ns = '''\n!not\n'''"),
        ("x != 3", "x != 3"),
        ("!a \\\nb\nc", "__magic__('!a \\\\\\nb')\n\nc"),
        ("await thing()", "await thing()"),
    ],
)
def test_lines_that_only_a_notebook_knows_become_calls(cell, expected):
    assert plain(cell) == expected


def test_what_cells_import_is_followed_beside_the_notebook_and_in_the_code(tmp_path):
    for file, words in {
        "notebooks/n.ipynb": notebook("%pylab\nimport near", "%%time\nfrom src import far", SKIPPED),
        "notebooks/near.py": "import third",
        "notebooks/third.py": "",
        "lib/src/__init__.py": "",
        "lib/src/far.py": "",
        "lib/near.py": "",
        "notebooks/no.py": "",
    }.items():  # fmt: skip
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(words)
    found = CodeBase(tmp_path, ("notebooks/", "lib/")).program("notebooks/n.ipynb")
    wanted = {"notebooks/n.ipynb", "notebooks/near.py", "notebooks/third.py", "lib/src/__init__.py", "lib/src/far.py"}
    assert found.files.keys() == wanted
    assert not found.notes


def test_a_cell_that_cannot_be_read_counts_as_it_is_and_says_so(tmp_path):
    (tmp_path / "n.ipynb").write_text(notebook("x = 1", "import sys\nsys.path.append('..')", "x = = 1"))
    found = CodeBase(tmp_path).program("n.ipynb")
    assert [note.partition(" (")[0] for note in found.notes] == [
        "n.ipynb:19: cell 2 uses sys.path; the cell counts letter by letter",
        "n.ipynb:28: cell 3 cannot be parsed",
    ]
    (tmp_path / "n.ipynb").write_text(
        notebook("x = 1", "import sys\nsys.path.append('..')", "x = = 1", text("no code"))
    )
    assert CodeBase(tmp_path).program("n.ipynb").files == found.files


LINES = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), min_size=1, max_size=4)


@given(st.lists(LINES, min_size=1, max_size=4), st.sampled_from([None, 0, 1, 4]))
def test_every_line_of_a_cell_is_found_in_the_file(cells, indent):
    sources = ["\n".join(["x", *lines]) for lines in cells]
    value = json.loads(notebook(text("# intro\n\nsource"), *map(code, sources)))
    file = json.dumps(value, indent=indent)
    found = read_notebook(file.encode(), "n.ipynb")
    shown = file.split("\n")
    for cell, source in zip(found[1:], sources, strict=True):
        assert cell.source == source
        for number, line in enumerate(source.split("\n"), 1):
            assert json.dumps(line)[1:-1] in shown[cell.line(number) - 1]


SPEC = {"kernelspec": {"name": "ir", "language": "R"}}


@pytest.mark.parametrize(
    ("data", "code_", "said", "line"),
    [
        ("", "not-a-notebook", "it is not JSON", 1),
        ('{\n "cells": [,]\n}', "not-a-notebook", "it is not JSON", 2),
        ("<<<<<<< HEAD\n{}", "not-a-notebook", "it is not JSON", 1),
        ("[]", "not-a-notebook", "does not name its format", 1),
        ('{"nbformat": 4}', "not-a-notebook", "no list of cells", 1),
        ('{"nbformat": 3, "worksheets": []}', "notebook-format", "of format 3", 1),
        (notebook("x", nbformat=5), "notebook-format", "of format 5", 1),
        (notebook(), "empty-notebook", "no code cells", 1),
        (notebook(text("only words"), "  "), "empty-notebook", "no code cells", 1),
        (notebook("x <- 1", metadata=SPEC), "notebook-language", "a notebook of R", 1),
        (notebook("x", metadata={"language_info": {"name": "julia"}}), "notebook-language", "of julia", 1),
        (notebook("x", {"cell_type": "sql"}), "not-a-notebook", "cell 2 is neither", 12),
        (notebook({**code("x"), "source": [1]}), "not-a-notebook", "source of cell 1 is not text", 9),
        (notebook({**code("x"), "source": ["\ud800"]}).encode("utf-8", "surrogatepass"), "not-a-notebook", "read", 1),
        ('{"nbformat": 4, "cells": [{"cell_type": "code", "source": "\\ud800"}]}', "not-a-notebook", "not text", 1),
        ("[" * 100_000, "not-a-notebook", "cannot be read", 1),
    ],
)  # fmt: skip
def test_what_is_no_notebook_of_python_is_refused_at_its_line(data, code_, said, line):
    with pytest.raises(InvalidInput) as caught:
        read_cells(data if isinstance(data, bytes) else data.encode(), "n.ipynb")
    (found,) = caught.value.diagnostics
    assert (found.code, found.place.file, found.place.line) == (code_, "n.ipynb", line)
    assert said in found.message
    assert "n.ipynb" in found.message
    assert found.hint
