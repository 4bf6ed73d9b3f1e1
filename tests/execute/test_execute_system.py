"""What is declared of the machine is compared with what programs say of it."""

import pytest

from mlops_runner.errors import InvalidInput
from mlops_runner.execute import system
from mlops_runner.execute.system import misfits, require_machine
from mlops_runner.plan.environment import DEFAULT, Declared, Need

DPKG = """\
case "$3" in
  libgomp1) echo "installed 12.2.0-14+deb12u1" ;;
  removed) echo "deinstall 1.0" ;;
  *) echo "dpkg-query: no packages found" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put programs where both the runner and its steps look for them, and nothing else there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(system, "search_path", lambda: str(tmp_path))

    def put(name, body):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)

    return put


@pytest.mark.parametrize(
    ("need", "said"),
    [
        (Need("package", "libgomp1", "12.2"), []),
        (Need("package", "libgomp1", ">=13"), ["libgomp1 is 12.2.0-14+deb12u1, and >=13 is declared"]),
        (Need("package", "libfoo", ">=1"), ["the package libfoo is not installed, and >=1 is declared"]),
        (Need("package", "removed", ">=1"), ["the package removed is not installed, and >=1 is declared"]),
        (Need("program", "dot", ">=2.43,<13"), []),
        (Need("program", "dot", "2.44"), ["dot is 2.43.0, and 2.44 is declared"]),
        (Need("program", "mute", ">=1"), ["mute --version tells no version, and >=1 is declared"]),
        (Need("program", "nowhere", ">=1"), ["the program nowhere is not installed, and >=1 is declared"]),
        (Need("driver", "nvidia", ">=550"), []),
        (Need("driver", "nvidia", "<550"), ["the driver is 550.54.15, and <550 is declared"]),
    ],
)
def test_what_is_declared_is_compared_with_what_is_there(programs, need, said):
    programs("dpkg-query", DPKG)
    programs("dot", "echo 'dot - graphviz version 2.43.0 (0)' >&2")
    programs("mute", "exit 1")
    programs("nvidia-smi", "echo 550.54.15; echo 550.54.15")
    assert misfits([need]) == said


def test_where_nothing_can_be_asked_that_is_said(programs):
    found = misfits([Need("package", "libgomp1", "12"), Need("driver", "nvidia", ">=550")])
    assert found == [
        "the package libgomp1 cannot be looked up, because there is no dpkg-query here, and 12 is declared",
        "the driver cannot be looked up, because there is no nvidia-smi here, and >=550 is declared",
    ]


def test_a_machine_that_does_not_fit_is_refused_with_all_that_is_wrong(programs):
    needs = (Need("program", "one", "1"), Need("program", "two", "2"))
    for name, whose in ((DEFAULT, "the steps need"), ("vision", "the environment vision needs")):
        with pytest.raises(InvalidInput, match=rf"not what {whose}: the program one .*; the program two ") as raised:
            require_machine(Declared(name, None, None, needs))
        assert raised.value.diagnostics[0].code == "environment-differs"
    require_machine(Declared("vision", None))
