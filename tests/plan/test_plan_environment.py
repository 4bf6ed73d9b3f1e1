"""The environment's digest: what is pinned counts, how it is written does not, and what pins nothing is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.errors import InvalidInput
from mlops_runner.plan.environment import (
    Need,
    Pin,
    differences,
    extras,
    from_dependency_lock,
    from_installed,
    normalise,
    refuse_unsafe,
)

LOCK = """\
# made by a tool
-i https://example.org
numpy==2.2.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via scipy
Scikit_Learn[extra]==1.8.0 ; python_version >= '3.0' \\
    --hash=sha256:cc
pywin32==300 ; sys_platform == 'win32' \\
    --hash=sha256:dd
six==1.17.0  # via x
"""


@pytest.fixture(autouse=True)
def python_3_11(monkeypatch):
    monkeypatch.setattr("mlops_runner.plan.environment.python_minor", lambda: "3.11")


def digest(text):
    return from_dependency_lock(text, "requirements.lock")[0].digest


def pins(text):
    return [(pin.name, pin.version, pin.hashes, pin.line) for pin in from_dependency_lock(text, "r.lock")[1]]


def refusal(text):
    with pytest.raises(InvalidInput) as raised:
        from_dependency_lock(text, "r.lock")
    return raised.value.diagnostics[0]


def test_the_pins_of_a_universal_lock_are_those_for_this_python():
    assert pins(LOCK) == [
        ("numpy", "2.2.0", ("sha256:aa", "sha256:bb"), 3),
        ("scikit-learn", "1.8.0", ("sha256:cc",), 7),
        ("six", "1.17.0", (), 11),
    ]


def test_the_digest_of_a_lock_is_pinned():
    found, _ = from_dependency_lock(LOCK, "requirements.lock")
    assert (found.digest, found.python) == ("e1:465930fc750c4987cbd0dd7db0804796", "3.11")
    assert from_installed({"numpy": "2.2.0"}).digest == "e1:98f2c39804e7e5599790aa21b42448c3"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# made by a tool\n", ""),
        ("    # via scipy\n", ""),
        ("-i https://example.org\n", "--require-hashes\n\n"),
        ("    --hash=sha256:aa \\\n    --hash=sha256:bb\n", "    --hash=sha256:bb \\\n    --hash=sha256:aa\n"),
        ("    --hash=sha256:aa \\\n", "\t--hash=sha256:aa \\\n"),
        ("numpy==2.2.0 \\\n    --hash=sha256:aa", "numpy==2.2.0 --hash=sha256:aa"),
        ("numpy==2.2.0", "NumPy == 2.2.0"),
        ("Scikit_Learn[extra]==1.8.0", "scikit-learn [extra] ==1.8.0"),
        ("pywin32==300", "pywin32==301"),
        ("six==1.17.0  # via x\n", "six==1.17.0"),
        ("\n", "\r\n"),
        ("# made by a tool\n", "mlops_runner==9.9\nMlops-Runner==1 --hash=sha256:ee\n"),
        ("# made by a tool\n", "-e .\n"),
        ("# made by a tool\n", "--no-binary :all:\n--prefer-binary\n-c limits.txt\n"),
    ],
)
def test_how_a_lock_is_written_does_not_count(old, new):
    assert old in LOCK
    assert digest(LOCK.replace(old, new)) == digest(LOCK)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("numpy==2.2.0", "numpy==2.2.1"),
        ("sha256:aa", "sha256:ab"),
        ("    --hash=sha256:aa \\\n", ""),
        ("'win32'", "'linux'"),
        ("six==", "seven=="),
        ("six==1.17.0", "six==1.17.0\neight==8"),
    ],
)
def test_what_a_lock_pins_counts(old, new):
    assert digest(LOCK.replace(old, new)) != digest(LOCK)


@given(st.permutations(["numpy==2.2.0 --hash=sha256:aa", "six==1.0", "a==1 ; python_version > '3'", "# note", ""]))
def test_the_order_of_lines_does_not_count(lines):
    assert digest("\n".join(lines)) == digest("numpy==2.2.0 --hash=sha256:aa\nsix==1.0\na==1")


def test_another_python_is_another_environment(monkeypatch):
    before = digest(LOCK)
    monkeypatch.setattr("mlops_runner.plan.environment.python_minor", lambda: "3.12")
    assert digest(LOCK) != before


@pytest.mark.parametrize(
    "line",
    [
        "numpy", "numpy>=2", "numpy~=2.0", "numpy==2.*", "numpy==2.0,<3", "numpy @ https://example.org/n.whl",
        "git+https://example.org/n.git", "./local", "numpy==", "==1", "numpy==2 3", "-r more.txt", "-rmore.txt",
        "--requirement more.txt", "-e ./lib", "--editable git+https://x", "\ufeffnumpy==1",
    ],
)  # fmt: skip
def test_a_line_that_does_not_pin_is_refused_where_it_stands(line):
    found = refusal(f"six==1.17.0\n\n{line}\nnumpy==1\n")
    assert (found.code, str(found.place)) == ("unpinned-dependency", "r.lock:3:1")
    assert "uv pip compile" in found.hint


def test_a_continued_line_is_refused_where_it_starts():
    assert refusal("six==1 \\\n  --hash=sha256:aa\nnumpy>2 \\\n  --hash=sha256:bb\n").place.line == 3


@pytest.mark.parametrize("marker", ["nonsense", "python_version ~= 'abc'", "foo == 'x'", "python_version >="])
def test_a_marker_that_means_nothing_is_refused_where_it_stands(marker):
    for _ in range(2):
        found = refusal(f"six==1\nnumpy==1 ; {marker}\n")
        assert (found.code, str(found.place)) == ("invalid-marker", "r.lock:2:1")


def test_what_is_installed_is_compared_by_version():
    wanted = [Pin("a", "1.0", (), 1), Pin("b", "2.0", (), 2), Pin("c", "3", (), 3), Pin("d", "1.0", (), 4)]
    found = differences(wanted, {"a": "1.0.0", "b": "2.0+cpu", "d": "odd version"})
    assert found == [
        "b 2.0+cpu, the lock has 2.0", "c is not installed, the lock has 3", "d odd version, the lock has 1.0",
    ]  # fmt: skip


def test_this_package_is_no_part_of_what_is_installed():
    assert from_installed({"numpy": "2", "mlops-runner": "1"}) == from_installed({"numpy": "2"})


@pytest.mark.parametrize("name", ["Foo_Bar", "foo.bar", "FOO--bar", "foo-_.bar"])
def test_names_are_compared_in_their_normal_form(name):
    assert normalise(name) == "foo-bar"


def test_a_lock_is_evaluated_for_the_python_of_its_environment():
    lock = "a==1 ; python_full_version < '3.12' \\\n    --hash=sha256:aa\nb==1 ; python_version >= '3.12'\n"
    found = {python: from_dependency_lock(lock, "r.lock", python) for python in ("3.10", "3.14")}
    assert {python: [pin.name for pin in pins] for python, (_, pins) in found.items()} == {"3.10": ["a"], "3.14": ["b"]}
    assert found["3.14"][0].python == "3.14"
    assert from_dependency_lock("a==1", "r.lock", "3.11") == from_dependency_lock("a==1", "r.lock")


def test_what_is_declared_of_the_machine_counts_and_how_it_is_written_does_not():
    needs = [Need("program", "dot", ">=2, <3"), Need("driver", "nvidia", ">=550")]
    found = from_dependency_lock(LOCK, "r.lock", needs=needs)[0]
    assert found == from_dependency_lock(LOCK, "r.lock", needs=[needs[1], Need("program", "dot", ">=2,<3")])[0]
    assert found.digest == "e1:6d2dd26db23eed853efc31c4e0b84fab"
    assert found != from_dependency_lock(LOCK, "r.lock", needs=needs[:1])[0]
    assert from_installed({}, needs) != from_installed({})


@pytest.mark.parametrize(
    ("line", "safe"),
    [
        ("-i https://example.org/", True),
        ("-i https://${USER}:${TOKEN}@example.org/", True),
        ("-i https://bob:${TOKEN}@example.org/", True),
        ("-i https://${TOKEN}@example.org/", True),
        ("-i https://bob:secret@example.org/", False),
        ("-i https://${USER}:secret@example.org/", False),
        ("-i https://secret@example.org/", False),
        ("-f https://a@example.org https://${B}@example.org", False),
    ],
)
def test_a_lock_that_tells_a_password_is_refused(line, safe):
    if safe:
        refuse_unsafe(line, (), "r.lock")
        return
    with pytest.raises(InvalidInput, match="holds a password") as raised:
        refuse_unsafe(f"# made\n{line}", (), "r.lock")
    assert (raised.value.diagnostics[0].place.line, "secret" in str(raised.value)) == (2, False)


def test_what_is_installed_and_not_pinned_is_named():
    pinned = from_dependency_lock("a==1\n", "r.lock")[1]
    assert extras(pinned, {"a": "1", "c": "2", "b": "3", "mlops-runner": "1"}) == ["b 3", "c 2"]
