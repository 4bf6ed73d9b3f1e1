import json
import re
import shutil

import pytest


@pytest.fixture
def changed(built):
    """The shop with a second version of its data: 20 rows fewer, 40 more, the rest of the minutes shifted."""
    header, *lines = built.read("data/visits.csv").splitlines()
    place = header.split(",").index("minutes")
    rows = [line.split(",") for line in lines[20:] + lines[:40]]
    for row in rows:
        row[place] = str(round(float(row[place]) + 40, 3))
    built.write("data/visits.csv", "\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    assert built.call("run").code in {0, 3}
    built.commit("more visits")
    return built


def test_data_that_is_the_same_has_no_difference(built):
    answer = built.call("data", "diff", "HEAD..", "--check")
    assert answer.code == 0
    assert "NO DIFFERENCE: 200 rows and 3 columns are the same." in answer.out


def test_difference_of_two_revisions_names_rows_and_columns(changed):
    answer = changed.call("data", "diff", "HEAD~1..HEAD", "--check")
    assert answer.code == 2
    assert "DIFFERENT: 220 rows added; 200 rows removed." in answer.out
    assert re.search(r"all +200 +220 +\+20", answer.out)
    assert re.search(r"minutes +0\.0 % +KS distance +\d\.\d+ .* not enough data", answer.out)
    value = changed.call("data", "diff", "HEAD~1..HEAD", "--json").value
    assert (value["basis"], value["different"], value["old"]["name"]) == ("rows", True, "HEAD~1")
    assert sum(value["new"]["rows"].values()) == 220


def test_without_the_rows_the_profiles_are_compared(changed):
    for side in ("train", "validation", "test"):
        changed.object_of(f"artifacts/data/{side}.parquet").unlink()
        (changed.root / f"artifacts/data/{side}.parquet").unlink()
    answer = changed.call("data", "diff", "HEAD~1..HEAD", "--json")
    assert answer.code == 0, answer.err
    assert (answer.value["basis"], answer.value["rows"]) == ("profiles", None)


def test_without_the_profile_nothing_is_guessed(changed):
    shutil.rmtree(changed.root / ".dvc/cache")
    answer = changed.call("data", "diff", "HEAD~1..HEAD")
    assert answer.code == 64
    assert "HEAD~1: the profile of the data is not on this machine" in answer.err
    assert "dvc pull" in answer.err


def test_diff_shows_what_happened_to_the_data(changed):
    text = changed.call("diff", "HEAD~1..HEAD").out
    assert "data, row by row\n  rows: 200 → 220" in text
    markdown = changed.call("diff", "HEAD~1..HEAD", "--format", "markdown").out
    assert "**Data, row by row**\n\n- rows: 200 → 220" in markdown
    value = changed.call("diff", "HEAD~1..HEAD", "--json").value
    assert value["data"]["different"] is True
    assert {change["stage"] for change in value["changes"]} >= {"data"}


def test_diff_says_where_the_data_is_when_it_is_not_here(changed):
    shutil.rmtree(changed.root / ".dvc/cache")
    answer = changed.call("diff", "HEAD~1..HEAD")
    assert answer.code == 0
    assert "HEAD~1: the profile of the data is not on this machine (git checkout HEAD~1 && dvc pull)" in answer.out
    assert changed.call("diff", "HEAD~1..HEAD", "--json").value["data"] is None


def test_diff_of_equal_data_looks_at_no_data(built):
    assert built.call("diff", "HEAD..").out == "nothing differs\n"
    assert built.call("diff", "HEAD..", "--json").value == {"changes": [], "data": None}


@pytest.fixture
def files(fresh):
    rows = [f"{at},{at % 7},{'ab'[at % 2]}" for at in range(500)]
    fresh.write("old.csv", "\n".join(["id,score,kind", *rows]) + "\n")
    fresh.write("new.csv", "\n".join(["id,points,kind", *rows[25:]]) + "\n")
    return fresh


def test_two_files_need_no_git(files):
    shutil.rmtree(files.root / ".git")
    answer = files.call("data", "diff", "old.csv", "new.csv", "--check")
    assert answer.code == 2
    assert "DIFFERENT: 25 rows removed; 1 column renamed." in answer.out
    assert "25 rows removed (id: 0; 1; 2; 3; 4, …)." in answer.out


def test_a_file_may_lie_anywhere_and_is_called_as_it_was_given(files, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "old table.csv"
    elsewhere.write_text(files.read("old.csv"))
    answer = files.call("data", "diff", str(elsewhere), "new.csv")
    assert answer.code == 0, answer.err
    assert f"{elsewhere} → new.csv" in answer.out
    elsewhere.write_text(files.read("old.csv").replace("3,3,b", "3,3,b,7"))
    answer = files.call("data", "diff", str(elsewhere), "new.csv")
    assert answer.code == 65
    assert f"{elsewhere}: the header has 3 fields, 8 rows not: line 5 has 4" in answer.err


def test_key_of_files_may_be_given(files):
    assert files.call("data", "diff", "old.csv", "new.csv", "--key", "id", "--json").value["key"] == ["id"]
    answer = files.call("data", "diff", "old.csv", "new.csv", "--key", "ident")
    assert answer.code == 65
    assert 'old.csv has no column "ident"' in answer.err


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_every_form_is_written_to_a_file_byte_for_byte(files, form):
    out = files.root / "difference"
    assert files.call("data", "diff", "old.csv", "new.csv", "--format", form, "--out", str(out)).code == 0
    first = out.read_bytes()
    files.call("data", "diff", "old.csv", "new.csv", "--format", form, "--out", str(out))
    assert out.read_bytes() == first
    if form == "json":
        assert json.loads(first)["schema"]["renamed"] == [{"old": "score", "new": "points"}]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["main"], 64, '"main" does not name two revisions'),
        (["nothing..HEAD"], 64, 'git knows no commit "nothing"'),
        (["HEAD.."], 64, "HEAD: pipeline.lock has no data"),
        (["old.csv", "gone.csv"], 64, "there is no file gone.csv"),
        (["a", "b", "c"], 64, "3 versions cannot be compared"),
    ],
)
def test_what_cannot_be_compared_is_said(files, arguments, code, says):
    answer = files.call("data", "diff", *arguments)
    assert answer.code == code
    assert says in answer.err


def test_malformed_file_is_refused_with_its_line(files):
    files.write("new.csv", files.read("old.csv").replace("3,3,b", "3,3,b,7"))
    answer = files.call("data", "diff", "old.csv", "new.csv")
    assert answer.code == 65
    assert "line 5" in answer.err
