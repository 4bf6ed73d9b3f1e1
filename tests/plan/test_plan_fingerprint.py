"""Fingerprints: what counts as a change of code, which files are followed, and the same digests on every Python."""

import ast
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_runner.errors import InvalidInput, Place
from mlops_runner.plan.fingerprint import Code, CodeBase, fingerprint
from mlops_runner.plan.source import read_source

# A busy machine is slow, not wrong.
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

GOLDEN = Path(__file__).parent / "golden"
REPOSITORY = Path(__file__).parents[2]

# A change here means that recorded fingerprints no longer hold: it needs a new prefix, not a new literal.
DIGESTS: dict[str, str] = {
    "classes.py": "a1:0c0121b7e1b679b742428c45019d1d54",
    "constants.py": "a1:3c2b1e824ac88c31fbf172b5d3b6b536",
    "expressions.py": "a1:5844fbab5374f61371e7ed4fd0390f8d",
    "fstrings.py": "a1:7df14bc69a2743bc10ca387356360f1b",
    "functions.py": "a1:984a0e0a7d493955d3094b1d0b1c0415",
}

INTERPRETERS = ("3.11", "3.12", "3.13", "3.14")

READ_ALL = """
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
from mlops_runner.plan.source import read_source
files = sorted(pathlib.Path(sys.argv[2]).glob("*.py"))
print(json.dumps({file.name: read_source(file.read_bytes()).digest for file in files}))
"""


def project(root: Path, **files: str) -> Path:
    """Write files; `a__b` is a/b.py and `a__init` is a/__init__.py."""
    for name, text in files.items():
        path = root / (
            name.removesuffix("__init").replace("__", "/") + ("/__init__.py" if name.endswith("__init") else ".py")
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def digest(source: str | bytes) -> str:
    reading = read_source(source if isinstance(source, bytes) else source.encode())
    assert reading.readable, reading.doubts
    return reading.digest


# --- the same text on every Python ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_the_digest_of_a_snippet_is_pinned(name: str) -> None:
    assert digest((GOLDEN / name).read_bytes()) == DIGESTS[name]


def test_every_snippet_has_a_pinned_digest() -> None:
    assert sorted(path.name for path in GOLDEN.glob("*.py")) == sorted(DIGESTS)


@pytest.mark.parametrize("version", INTERPRETERS)
def test_another_python_gives_the_same_digests(version: str) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"python{version} is not installed")
    # -S -I: the walker must do with the standard library alone.
    command = [python, "-S", "-I", "-B", "-c", READ_ALL, str(REPOSITORY), str(GOLDEN)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == DIGESTS


def find_python(version: str) -> str | None:
    """Ask each candidate for its version: a pyenv shim of that name may exist without the interpreter."""
    folders = [Path(folder) / f"python{version}" for folder in os.get_exec_path()]
    installed = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for candidate in [*installed, *folders]:
        if candidate.is_file():
            asked = subprocess.run([candidate, "-V"], capture_output=True, text=True, check=False)
            if asked.stdout.startswith(f"Python {version}."):
                return str(candidate)
    return None


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
def test_type_parameters_count() -> None:
    assert digest("def f[T](x: T): ...") != digest("def f(x: T): ...") != digest("def f[T: int](x: T): ...")


def test_syntax_of_a_newer_python_counts_byte_by_byte_and_is_noted(tmp_path: Path) -> None:
    project(tmp_path, train="def f(): pass\nlet x be 1\n")
    code = fingerprint("train:f", tmp_path)
    assert code.notes == ("train.py:2: cannot be parsed (invalid syntax); the file counts byte by byte",)
    (tmp_path / "train.py").write_text("def f(): pass\nlet x be 1 \n")
    assert fingerprint("train:f", tmp_path).files != code.files


# --- what does not count -------------------------------------------------------------------------------------------

SAME = {
    "comments": ("x = 1", "# why\nx = 1  # because"),
    "blank lines": ("x = 1\ny = 2", "x = 1\n\n\ny = 2\n\n"),
    "quotes": ("x = 'a'", 'x = "a"'),
    "number spelling": ("x = 1000", "x = 1_000"),
    "hexadecimal": ("x = 255", "x = 0xff"),
    "parentheses": ("x = a + b * c", "x = (a + (b * c))"),
    "line breaks": ("f(a, b)", "f(\n    a,\n    b,\n)"),
    "semicolons": ("a = 1; b = 2", "a = 1\nb = 2"),
    "module docstring": ("x = 1", '"""Module."""\nx = 1'),
    "function docstring": ("def f():\n  return 1", 'def f():\n  """Text."""\n  return 1'),
    "class docstring": ("class A:\n  x = 1", 'class A:\n  "Text."\n  x = 1'),
    "docstring instead of pass": ("def f(): pass", 'def f():\n  """Text."""'),
    "docstring before pass": ("def f(): pass", 'def f():\n  """Text."""\n  pass'),
    "docstring of an attribute": ("class A:\n  x = 1", 'class A:\n  x = 1\n  "The x."'),
    "string as comment": ("if a:\n  b()", 'if a:\n  "why"\n  b()\nelse:\n  "nothing"'),
    "old unicode prefix": ("x = 'a'", "x = u'a'"),
    "line ends": ("x = 1\ny = '''a\nb'''\n", "x = 1\r\ny = '''a\r\nb'''\r\n"),
    "byte order mark": ("x = 1", "\ufeffx = 1"),
    "encoding line": ("x = 1", "# -*- coding: utf-8 -*-\nx = 1"),
    "type comment": ("x = []", "x = []  # type: list[int]"),
    "joined strings": ("x = 'ab'", "x = 'a' 'b'"),
    "joined f-strings": ("x = f'a{b}c'", "x = 'a' f'{b}' 'c'"),
    "empty format": ("x = f'{b}'", "x = f'{b:}'"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_does_not_change_the_meaning_does_not_change_the_digest(one: str, other: str) -> None:
    assert digest(one) == digest(other)


def test_the_encoding_of_a_file_does_not_count() -> None:
    assert digest("# coding: latin-1\nx = 'é'".encode("latin-1")) == digest("x = 'é'")


DIFFERENT = {
    "constant": ("x = 1", "x = 2"),
    "type of a constant": ("x = 1", "x = 1.0"),
    "bool or int": ("x = 1", "x = True"),
    "text or bytes": ("x = 'a'", "x = b'a'"),
    "none or its name": ("x = None", "x = 'None'"),
    "ellipsis": ("x = ...", "x = None"),
    "sign of zero": ("x = 0.0", "x = 0.0j"),
    "small difference": ("x = 0.1", "x = 0.10000000000000002"),
    "surrogates or the character": (r"x = '\ud83d\ude00'", "x = '😀'"),
    "where a string ends": ("f('a', 'b')", "f('as1:b')"),
    "operator": ("x = a + b", "x = a - b"),
    "precedence": ("x = a + b * c", "x = (a + b) * c"),
    "comparison": ("a < b", "a <= b"),
    "name": ("x = a", "x = b"),
    "attribute": ("a.b", "a.c"),
    "default": ("def f(a=1): pass", "def f(a=2): pass"),
    "kind of parameter": ("def f(a, b): pass", "def f(a, *, b): pass"),
    "positional only": ("def f(a, b): pass", "def f(a, /, b): pass"),
    "annotation": ("def f(a: int): pass", "def f(a: str): pass"),
    "return annotation": ("def f() -> int: pass", "def f(): pass"),
    "decorator": ("@a\ndef f(): pass", "@b\ndef f(): pass"),
    "order of decorators": ("@a\n@b\ndef f(): pass", "@b\n@a\ndef f(): pass"),
    "order of statements": ("a()\nb()", "b()\na()"),
    "async": ("def f(): pass", "async def f(): pass"),
    "base class": ("class A(B): pass", "class A(C): pass"),
    "keyword": ("f(a=1)", "f(b=1)"),
    "star": ("f(a)", "f(*a)"),
    "imported name": ("from a import b", "from a import c"),
    "import alias": ("import a as b", "import a as c"),
    "import level": ("from .a import b", "from ..a import b"),
    "future import": ("x = 1", "from __future__ import annotations\nx = 1"),
    "format spec": ("x = f'{a:.1f}'", "x = f'{a:.2f}'"),
    "conversion": ("x = f'{a!r}'", "x = f'{a}'"),
    "text of an f-string": ("x = f'a{b}'", "x = f'{b}a'"),
    "branch": ("if a:\n  b()", "if a:\n  pass\nelse:\n  b()"),
    "nesting": ("if a:\n  b()\nc()", "if a:\n  b()\n  c()"),
    "exception type": ("try: a()\nexcept B: pass", "try: a()\nexcept C: pass"),
    "exception group": ("try: a()\nexcept B: pass", "try: a()\nexcept* B: pass"),
    "finally or else": ("try: a()\nexcept: pass\nelse: b()", "try: a()\nexcept: pass\nfinally: b()"),
    "pattern": ("match a:\n  case [b, *_]: pass", "match a:\n  case [b, *c]: pass"),
    "string that is used": ("f('a')", "f('b')"),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_changes_the_meaning_changes_the_digest(one: str, other: str) -> None:
    assert digest(one) != digest(other)


def test_docstrings_count_in_a_file_that_reads_them() -> None:
    source = '"""{}"""\nprint(__doc__)'
    assert digest(source.format("one")) != digest(source.format("two"))


def test_doubtful_escapes_are_not_complained_about() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert digest(r"x = '\d'  # unlike the other tests") == digest(r"x = '\\d'")


def test_a_long_sum_does_not_exhaust_the_stack() -> None:
    assert digest("x = " + " + ".join("a" * 900)) != digest("x = " + " + ".join("a" * 901))


@pytest.mark.parametrize(
    "source", ["x = " + "(" * 1000 + ")" * 1000, "x = " + "-" * 100_000 + "1", "x = 1\0", "\ud800"]
)
def test_what_cannot_be_parsed_still_has_a_digest(source: str) -> None:
    reading = read_source(source.encode("utf-8", "surrogatepass"))
    assert not reading.readable
    assert reading.digest.startswith("a1:")


# --- laws ----------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta"])
CONSTANTS = st.one_of(
    st.integers(0, 99),
    st.floats(0, 9),
    st.booleans(),
    st.none(),
    st.text("ab\n'\"\\é☃", max_size=5),
    st.binary(max_size=3),
).map(repr)
EXPRESSIONS = st.recursive(
    NAMES | CONSTANTS,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "*", "<", "and", "is", "@"]), inner),
        st.builds("{}({}, key={})".format, NAMES, inner, inner),
        st.builds("[{}, *{}]".format, inner, NAMES),
        st.builds("{{'k': {}}}".format, inner),
        st.builds("(lambda x={}: {})".format, inner, inner),
        st.builds("[x for x in {} if {}]".format, NAMES, inner),
        st.builds("f'a{{{}!r:>3}}b'".format, NAMES),
    ),
    max_leaves=6,
)
SIMPLE = st.one_of(
    st.builds("{} = {}".format, NAMES, EXPRESSIONS),
    st.builds("{} += {}".format, NAMES, EXPRESSIONS),
    st.builds("{}({})".format, NAMES, EXPRESSIONS),
    st.just("pass"),
)


def block(head: str, lines: list[str]) -> str:
    return "\n".join([head, *("    " + line for part in lines for line in part.split("\n"))])


STATEMENTS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(lambda test, body: block(f"if {test}:", body), EXPRESSIONS, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda name, body: block(f"def {name}(x=1):", body), NAMES, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda name, body: block(f"class {name}:", body), NAMES, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=8,
)
PROGRAMS = st.lists(STATEMENTS, min_size=1, max_size=5).map("\n".join)


@RELAXED
@given(PROGRAMS)
def test_reformatting_never_changes_the_digest(program: str) -> None:
    assert digest(ast.unparse(ast.parse(program))) == digest(program)


@RELAXED
@given(PROGRAMS, st.data())
def test_comments_and_blank_lines_never_change_the_digest(program: str, data: st.DataObject) -> None:
    lines = []
    for line in program.split("\n"):
        lines += data.draw(st.sampled_from([[], [""], ["# a comment"], ["", "      # indented", ""]]))
        lines.append(line + data.draw(st.sampled_from(["", "  ", "  # why"])))
    assert digest("\n".join(lines)) == digest(program)


@RELAXED
@given(PROGRAMS, PROGRAMS)
def test_two_programs_have_one_digest_only_if_python_sees_one_program(one: str, other: str) -> None:
    same = ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    assert (digest(one) == digest(other)) == same


@RELAXED
@given(PROGRAMS, st.data())
def test_another_constant_or_name_changes_the_digest(program: str, data: st.DataObject) -> None:
    tree = ast.parse(program)
    places = [node for node in ast.walk(tree) if isinstance(node, ast.Name) or type(node) is ast.Constant]
    if places:
        node = data.draw(st.sampled_from(places))
        if isinstance(node, ast.Name):
            node.id += "_changed"
        else:
            node.value = f"{node.value}_changed"
        assert digest(ast.unparse(tree)) != digest(program)


@RELAXED
@given(st.binary(max_size=60))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    assert read_source(data).digest.startswith("a1:")


# --- which files are followed --------------------------------------------------------------------------------------

FOLLOWED = {
    "import": ("import lib", ["lib.py"]),
    "import of a module in a package": ("import pkg.mod", ["pkg/__init__.py", "pkg/mod.py"]),
    "import under another name": ("import pkg.mod as m", ["pkg/__init__.py", "pkg/mod.py"]),
    "from a module": ("from lib import thing", ["lib.py"]),
    "from a package, a name": ("from pkg import thing", ["pkg/__init__.py"]),
    "from a package, a module": ("from pkg import mod", ["pkg/__init__.py", "pkg/mod.py"]),
    "from a folder without init": ("from bare import mod", ["bare/mod.py"]),
    "in a function": ("def f():\n  import lib", ["lib.py"]),
    "in a branch": ("if a:\n  pass\nelse:\n  import lib", ["lib.py"]),
    "in a handler": ("try:\n  import numpy\nexcept ImportError:\n  import lib", ["lib.py"]),
    "in a match": ("match a:\n  case 1:\n    import lib", ["lib.py"]),
    "star": ("from lib import *", ["lib.py"]),
    "star of a package": ("from star import *", ["star/__init__.py", "star/inner.py"]),
    "a package that shadows a module": ("import both", ["both/__init__.py"]),
    "standard library": ("import os, json.decoder", []),
    "installed": ("import numpy\nfrom sklearn import svm", []),
    "compiled": ("import fast", ["fast.cpython-311-x86_64-linux-gnu.so"]),
    "several": ("import lib, pkg.sub.deep", ["lib.py", "pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/deep.py"]),
    "by a literal name": ("import importlib\nimportlib.import_module('lib')", ["lib.py"]),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    project(tmp_path, lib="thing = 1", pkg__init="thing = 1", pkg__mod="", pkg__sub__init="", pkg__sub__deep="")
    project(tmp_path, bare__mod="", both="", both__init="", star__init="__all__ = ['inner', 'f']", star__inner="")
    (tmp_path / "fast.cpython-311-x86_64-linux-gnu.so").write_bytes(b"\x7fELF")
    return tmp_path


@pytest.mark.parametrize(("source", "files"), FOLLOWED.values(), ids=FOLLOWED)
def test_imports_of_the_project_are_followed(tree: Path, source: str, files: list[str]) -> None:
    project(tree, train=f"{source}\ndef run(): pass\n")
    assert list(fingerprint("train:run", tree).files) == sorted([*files, "train.py"])


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("from . import helper", ["p/q/helper.py"]),
        ("from .helper import x", ["p/q/helper.py"]),
        ("from .. import side", ["p/side.py"]),
        ("from ..side import x", ["p/side.py"]),
        ("from . import constant", []),
    ],
)
def test_relative_imports_are_followed(tmp_path: Path, source: str, files: list[str]) -> None:
    project(tmp_path, p__init="", p__side="x = 1", p__q__init="", p__q__helper="x = 1")
    project(tmp_path, p__q__main=f"{source}\ndef run(): pass")
    code = fingerprint("p.q.main:run", tmp_path)
    assert list(code.files) == sorted(["p/__init__.py", "p/q/__init__.py", "p/q/main.py", *files])
    assert code.notes == ()


def test_a_relative_import_in_a_package_starts_in_the_package(tmp_path: Path) -> None:
    project(tmp_path, p__init="from .inner import run", p__inner="from . import leaf\ndef run(): pass", p__leaf="")
    assert list(fingerprint("p:run", tmp_path).files) == ["p/__init__.py", "p/inner.py", "p/leaf.py"]


@pytest.mark.parametrize("source", ["from .. import x", "from . import x", "from .gone import x"])
def test_a_relative_import_that_leads_nowhere_is_noted(tmp_path: Path, source: str) -> None:
    project(tmp_path, train=f"\n{source}\ndef run(): pass")
    notes = fingerprint("train:run", tmp_path).notes
    assert notes == ("train.py:2: the relative import leads nowhere; it is not followed",)


def test_imports_in_a_circle_are_fine(tmp_path: Path) -> None:
    project(tmp_path, a="import b\ndef run(): pass", b="import c", c="import a, b")
    assert list(fingerprint("a:run", tmp_path).files) == ["a.py", "b.py", "c.py"]


def test_a_change_in_a_file_far_down_changes_that_file_only(tmp_path: Path) -> None:
    project(tmp_path, a="import b\ndef run(): pass", b="import c", c="x = 1")
    before = fingerprint("a:run", tmp_path)
    project(tmp_path, c="x = 2")
    after = fingerprint("a:run", tmp_path)
    assert [file for file in before.files if before.files[file] != after.files[file]] == ["c.py"]


def test_a_file_that_is_not_imported_does_not_count(tmp_path: Path) -> None:
    project(tmp_path, a="def run(): pass")
    before = fingerprint("a:run", tmp_path)
    project(tmp_path, other="x = 1")
    assert fingerprint("a:run", tmp_path) == before


def test_the_runner_in_the_projects_own_folder_is_not_followed(tmp_path: Path) -> None:
    project(
        tmp_path, train="from mlops_runner import api\ndef run(): pass", mlops_runner__init="", mlops_runner__api=""
    )
    assert list(fingerprint("train:run", tmp_path).files) == ["train.py"]


def test_a_link_to_a_file_of_the_project_is_followed(tmp_path: Path) -> None:
    project(tmp_path, a="import linked\ndef run(): pass", real="x = 1")
    (tmp_path / "linked.py").symlink_to("real.py")
    assert list(fingerprint("a:run", tmp_path).files) == ["a.py", "linked.py"]


# --- what is not known ---------------------------------------------------------------------------------------------

DYNAMIC = {
    "import importlib\nm = importlib.import_module(name)": "train.py:2: uses import_module",
    "from importlib import import_module as get": "train.py:1: uses import_module",
    "m = __import__(name)": "train.py:1: uses __import__",
    "x = 1\nexec(text)": "train.py:2: uses exec",
    "y = eval(text)": "train.py:1: uses eval",
    "import builtins\nbuiltins.eval(text)": "train.py:2: uses eval",
    "from builtins import exec as run_text": "train.py:1: uses exec",
    "import runpy\nrunpy.run_path('a.py')": "train.py:2: uses run_path",
    "import sys\nsys.path.insert(0, 'src')": "train.py:2: uses sys.path",
    "from importlib import util\nutil.spec_from_file_location('a', 'b')": "train.py:2: uses spec_from_file_location",
}


@pytest.mark.parametrize(("source", "note"), DYNAMIC.items(), ids=DYNAMIC.values())
def test_code_that_comes_from_elsewhere_counts_byte_by_byte_and_is_noted(
    tmp_path: Path, source: str, note: str
) -> None:
    project(tmp_path, train=f"{source}\ndef run(): pass\n")
    code = fingerprint("train:run", tmp_path)
    assert code.notes == (f"{note}; the file counts byte by byte",)
    project(tmp_path, train=f"{source}\ndef run(): pass  # a comment\n")
    assert fingerprint("train:run", tmp_path).files != code.files


@pytest.mark.parametrize(
    "source", ["model.eval()", "frame.eval('a + b')", "evaluate()", "import os.path", "re.compile('exec')"]
)
def test_methods_of_the_same_name_are_not_dynamic(tmp_path: Path, source: str) -> None:
    project(tmp_path, train=f"{source}\ndef run(): pass\n")
    assert fingerprint("train:run", tmp_path).notes == ()


# --- complaints ----------------------------------------------------------------------------------------------------


def refusal(callable_path: str, root: Path) -> tuple[str, str, str | None]:
    with pytest.raises(InvalidInput) as caught:
        fingerprint(callable_path, root, Place("specs/training.yaml", 7, 5))
    (found,) = caught.value.diagnostics
    return str(found), found.code, found.hint


def test_an_unknown_module_is_refused_with_the_file_to_add(tmp_path: Path) -> None:
    assert refusal("steps.train:run", tmp_path) == (
        'specs/training.yaml:7:5: module "steps.train" of "steps.train:run" is not in the project',
        "unknown-module",
        "add steps/train.py; names are looked up from the project's folder",
    )


def test_a_folder_is_not_a_module(tmp_path: Path) -> None:
    project(tmp_path, steps__train="")
    assert refusal("steps:run", tmp_path)[1] == "unknown-module"


def test_an_unknown_function_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    project(tmp_path, train="def build_model(): pass")
    assert refusal("train:build_modle", tmp_path) == (
        'specs/training.yaml:7:5: train.py has no "build_modle" (train:build_modle)',
        "unknown-function",
        'did you mean "build_model"?',
    )


@pytest.mark.parametrize("written", ["train", "train:", ":run", "", "a..b:run", "/etc/passwd:run", "..:run"])
def test_what_is_not_a_callable_is_refused(tmp_path: Path, written: str) -> None:
    project(tmp_path, train="def run(): pass")
    assert refusal(written, tmp_path)[1] in {"invalid-callable", "unknown-module"}


@pytest.mark.parametrize(
    "source",
    [
        "def run(): pass",
        "async def run(): pass",
        "class run: pass",
        "run = lambda: 1",
        "run: int = 1",
        "from numpy import mean as run",
        "from lib import run",
        "from lib import *",
        "from numpy import *",
        "if a:\n  def run(): pass",
        "try:\n  run = 1\nexcept E: pass",
        "with a as run: pass",
        "def __getattr__(name): return 1",
    ],
)
def test_every_way_to_bind_a_name_defines_it(tmp_path: Path, source: str) -> None:
    project(tmp_path, train=source, lib="def run(): pass")
    assert "train.py" in fingerprint("train:run", tmp_path).files


@pytest.mark.parametrize(
    "source", ["def f():\n  run = 1", "class A:\n  run = 1", "x.run = 1", "from lib import *", "run"]
)
def test_a_name_that_is_bound_elsewhere_is_not_defined(tmp_path: Path, source: str) -> None:
    project(tmp_path, train=source, lib="from train import *")
    assert refusal("train:run", tmp_path)[1] == "unknown-function"


def test_a_link_out_of_the_project_is_refused_at_the_import(tmp_path: Path) -> None:
    root = project(tmp_path / "root", train="import os\nimport outer\ndef run(): pass")
    project(tmp_path, outer="x = 1")
    (root / "outer.py").symlink_to("../outer.py")
    assert refusal("train:run", root)[:2] == (
        "train.py:2:1: outer.py is a link to a file outside the project",
        "code-outside",
    )


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    project(tmp_path, train="import ring\ndef run(): pass", other="import loop\ndef run(): pass")
    (tmp_path / "ring").symlink_to("ring")
    (tmp_path / "loop.py").symlink_to("loop.py")
    assert refusal("train:run", tmp_path)[:2] == (
        "train.py:1:1: ring/ is a link that leads to itself",
        "code-link-loop",
    )
    assert refusal("other:run", tmp_path)[1] == "code-unreadable"


def test_a_folder_that_links_to_its_parent_is_no_endless_way(tmp_path: Path) -> None:
    project(tmp_path, a__init="", a__b="def run(): pass")
    (tmp_path / "a" / "up").symlink_to("..")
    assert list(fingerprint("a.up.a.b:run", tmp_path).files) == [
        "a/__init__.py",
        "a/up/a/__init__.py",
        "a/up/a/b.py",
    ]


# --- order and speed -----------------------------------------------------------------------------------------------


def test_files_and_notes_are_sorted_whatever_the_order_of_imports(tmp_path: Path) -> None:
    project(tmp_path, a="import z, m\neval('1')\ndef run(): pass", z="eval('1')", m="eval('1')\neval('2')")
    code = fingerprint("a:run", tmp_path)
    assert list(code.files) == ["a.py", "m.py", "z.py"]
    assert [note.partition(": ")[0] for note in code.notes] == ["a.py:2", "m.py:1", "m.py:2", "z.py:1"]


def test_one_code_base_answers_for_many_callables_as_a_fresh_one_does(tmp_path: Path) -> None:
    project(tmp_path, a="import c\ndef run(): pass", b="import c, a\ndef run(): pass", c="x = 1")
    base = CodeBase(tmp_path)
    codes: list[Code] = [base.fingerprint(f"{name}:run") for name in "abab"]
    assert codes == [fingerprint(f"{name}:run", tmp_path) for name in "abab"]


def test_two_hundred_files_take_little_longer_than_parsing_them(tmp_path: Path) -> None:
    body = "\n".join(
        f"def f{i}(a, b={i}):\n    # comment\n    c = a + b * {i}\n    return [c, f0(a)]\n" for i in range(40)
    )
    for number in range(200):
        (tmp_path / f"m{number}.py").write_text(f"import m{number + 1}\n# {number}\n{body}")
    parsing = seconds(lambda: [ast.parse(path.read_bytes()) for path in tmp_path.iterdir()])
    # Measured: 2.0 times. Against parsing, because a busy machine slows both.
    assert seconds(lambda: fingerprint("m0:f1", tmp_path)) < 5 * parsing


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
