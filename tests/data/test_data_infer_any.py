"""Whatever the table: there is a message, or documents that load and by which the same table passes."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_runner.data.infer.values import Wishes
from mlops_runner.data.materialise import materialise
from mlops_runner.errors import Diagnostic, InvalidInput
from mlops_runner.plan.check import check_core
from mlops_runner.specs.load import folder_reader, load_core
from mlops_runner.starter.inferred import start_from

KINDS = [
    st.integers(-5, 40).map(str),
    st.integers(10**6, 10**9).map(str),
    st.integers(0, 99).map("{:04d}".format),
    st.floats(-1e6, 1e6).map("{:.3f}".format),
    st.floats(-1e30, 1e30, allow_nan=False).map(repr),
    st.sampled_from(["yes", "no"]),
    st.sampled_from(["true", "False"]),
    st.sampled_from(["a", "b", "c: d", "#e", "- f", "null", "é"]),
    st.dates().map("{:%d.%m.%Y}".format),
    st.dates().map(str),
    st.datetimes().map(lambda moment: moment.isoformat(" ", "seconds")),
    st.text("ab ;\"'\\{}[]:#,é", max_size=8).map(lambda text: '"' + text.replace('"', '""') + '"'),
    st.just(""),
]
NAMES = st.sampled_from(
    [
        "a",
        "b c",
        "id",
        "user_id",
        "sold_at",
        "age",
        "email",
        "",
        "x: y",
        "yes",
        "zip",
        "year",
        "{k}",
        "~",
        "sample_weight",
    ]
)


@st.composite
def tables(draw: st.DrawFn) -> str:
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    rows = draw(st.integers(10, 60))
    kinds = [draw(st.sampled_from(KINDS)) for _ in [*names, "y"]]
    odd = draw(st.sampled_from(["", "?", "N/A", "-"]))
    cells = [[draw(kind) if draw(st.integers(0, 12)) else odd for kind in kinds] for _ in range(rows)]
    header = [f'"{name}"' for name in [*names, "y"]]
    return "\n".join(",".join(row) for row in [header, *cells]) + "\n"


def refusals(folder: Path) -> tuple[Diagnostic, ...] | None:
    try:
        start_from(folder / "t.csv", folder, "any", Wishes("y"), copy=False)
    except InvalidInput as error:
        return error.diagnostics
    return None


@given(tables())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_table_is_refused_with_a_message_or_passes_by_its_own_documents(text):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "t.csv").write_text(text)
        if (refused := refusals(folder)) is not None:
            assert all(found.message and found.hint for found in refused)
            return
        core = load_core(folder_reader(folder))
        assert not list(check_core(core))
        (folder / "out").mkdir()
        try:
            materialise(core.data.spec, folder, {"source": folder / "t.csv"}, folder / "out", str, datetime.now(UTC))
        except InvalidInput as error:
            # A side of a few dozen rows may go without any.
            if {found.code for found in error.diagnostics} - {"empty-side"}:
                pytest.fail(f"{error}\n{(folder / 'specs/data.yaml').read_text()}\n{text}")
