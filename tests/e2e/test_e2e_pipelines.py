"""Several pipelines in one repository: which are walked, in which order, and what one reads of another."""

import pytest

from mlops_runner import load_project

BELOW = """\
apiVersion: mlops/v1
kind: Pipeline
name: below
steps:
  count:
    kind: command
    shell: grep -c . data/rows.txt > out/rows.txt
    inputs: [data/rows.txt]
    outputs: [out/rows.txt]
  apart:
    kind: command
    shell: echo apart > out/apart.txt
    outputs: [out/apart.txt]
"""

TOP = """\
apiVersion: mlops/v1
kind: Pipeline
name: shop
pipelines: [churn, teams/pricing]
steps:
  summary:
    kind: command
    shell: cat churn/out/rows.txt > out/summary.txt
    inputs: [churn/out/rows.txt]
    outputs: [out/summary.txt]
"""

FILES = {
    "pipeline.yaml": TOP,
    ".gitignore": ".mlops/\n",
    "churn/pipeline.yaml": BELOW,
    "churn/data/rows.txt": "a\nb\n",
    "teams/pricing/pipeline.yaml": BELOW,
    "teams/pricing/data/rows.txt": "a\n",
    "left/pipeline.yaml": "not looked at",
}


@pytest.fixture
def shop(sandbox_of):
    return sandbox_of(FILES)


@pytest.fixture
def made(shop):
    """The shop after a run of all of it, committed."""
    assert shop.call("run", "-P", "-q").code == 0
    shop.commit("run")
    return shop


def actions(shop):
    """Return folder → step → action, as a plan of all pipelines has them."""
    found = shop.call("plan", "-P", "--json").value
    return {folder: {s["name"]: s["action"] for s in one["result"]["steps"]} for folder, one in found.items()}


def digest(shop):
    return shop.call("plan", "--json").value["plan_digest"]


def test_those_that_are_declared_run_before_the_one_at_the_top(shop):
    answer = shop.call("run", "--all-pipelines")
    assert answer.code == 0, answer.err
    assert [line.split() for line in answer.out.splitlines()[-3:]] == [
        ["✓", "churn", "2", "executed"],
        ["✓", "teams/pricing", "2", "executed"],
        ["✓", ".", "1", "executed"],
    ]
    assert shop.read("out/summary.txt") == "2\n"
    assert shop.call("verify", "-P").code == 0
    assert {step for steps in actions(shop).values() for step in steps.values()} == {"unchanged"}


def test_a_step_that_reads_from_a_pipeline_which_is_behind_is_decided_when_that_has_run(made):
    made.write("churn/data/rows.txt", "a\nb\nc\n")
    assert actions(made) == {
        "churn": {"count": "rerun", "apart": "unchanged"},
        "teams/pricing": {"count": "unchanged", "apart": "unchanged"},
        ".": {"summary": "unknown"},
    }
    answer = made.call("plan")
    assert "reads what the pipeline churn writes, which is behind and runs first" in answer.out
    assert "to do it: mlops run --all-pipelines" in answer.out
    found = made.call("verify")
    assert (found.code, "mlops run --all-pipelines, and commit the locks" in found.err) == (4, True)
    assert made.call("run", "-P").code == 0
    assert made.read("out/summary.txt") == "3\n"


def test_another_step_of_a_pipeline_that_is_behind_changes_nothing(made):
    made.edit("churn/pipeline.yaml", "echo apart", "echo another")
    assert actions(made)["."] == {"summary": "unchanged"}


def test_what_is_absent_counts_as_its_pipeline_has_locked_it_and_comes_from_the_cache(made):
    made.edit("pipeline.yaml", "cat churn", "sort churn")
    expected = digest(made)
    (made.root / "churn/out/rows.txt").unlink()
    assert digest(made) == expected
    assert "churn/out/rows.txt is not here: counted as locked" in made.call("plan").out
    assert made.call("run").code == 0
    assert made.read("churn/out/rows.txt") == "2\n"


def test_what_was_edited_in_a_pipeline_below_is_not_taken(made):
    made.edit("pipeline.yaml", "cat churn", "sort churn")
    (made.root / "churn/out/rows.txt").unlink()
    made.write("churn/out/rows.txt", "999\n")
    answer = made.call("run")
    assert answer.code == 65
    assert "churn/out/rows.txt is not here as churn writes it\n  --> pipeline.yaml:9:14" in answer.err
    assert made.call("run", "-P").code == 0
    assert made.read("out/summary.txt") == "2\n"


def test_patterns_reach_into_several_pipelines(made):
    made.edit("pipeline.yaml", "inputs: [churn/out/rows.txt]", "inputs: [churn/out/rows.txt, teams/*/out/*.txt]")
    assert made.call("run").code == 0
    expected = digest(made)
    (made.root / "teams/pricing/out/rows.txt").unlink()
    assert digest(made) == expected
    made.edit("pipeline.yaml", "cat churn/out/rows.txt", "cat teams/*/out/rows.txt")
    assert made.call("run").code == 0
    assert made.read("out/summary.txt") == "1\n"


def test_the_answer_for_programs_is_a_map_by_folder_and_the_same_bytes_each_time(made):
    made.write("churn/data/rows.txt", "a\n")
    first = made.call("plan", "-P", "--json", "--detailed-exitcode")
    assert first.out == made.call("plan", "-P", "--json", "--detailed-exitcode").out
    assert {folder: one["exit"] for folder, one in first.value.items()} == {".": 2, "churn": 2, "teams/pricing": 0}
    assert first.code == 2


def test_a_failure_ends_the_run_and_with_keep_going_only_what_reads_from_there(shop):
    shop.edit("churn/pipeline.yaml", "grep -c . data/rows.txt", "false")
    answer = shop.call("run", "-P")
    assert answer.code == 1
    assert "– teams/pricing  not done: churn failed" in answer.out
    answer = shop.call("run", "-P", "--keep-going", "--json")
    assert answer.code == 1
    assert {folder: one["exit"] for folder, one in answer.value.items()} == {
        "churn": 1,
        "teams/pricing": 0,
        ".": None,
    }


def test_the_worst_exit_code_is_that_of_the_whole(made):
    made.edit("churn/pipeline.yaml", "name: below", "name: below\ncolour: red")
    (made.root / "teams/pricing/out/rows.txt").write_text("altered")
    answer = made.call("verify", "-P")
    assert answer.code == 65
    assert answer.err.count("churn/pipeline.yaml:4:1") == 1
    assert "✗ teams/pricing  1 problem   exit 4" in answer.out


def test_changes_since_a_revision_choose_the_pipelines_that_run(made):
    made.write("teams/pricing/data/rows.txt", "a\nb\n")
    found = made.call("plan", "-P", "--affected-by", "main", "--json").value
    assert {folder: [s["name"] for s in one["result"]["steps"]] for folder, one in found.items()} == {
        "churn": [], "teams/pricing": ["count"], ".": [],
    }  # fmt: skip
    made.write("churn/data/rows.txt", "a\n")
    found = made.call("plan", "-P", "--affected-by", "main", "--json").value
    assert [s["name"] for s in found["."]["result"]["steps"]] == ["summary"]
    made.git("checkout", "-q", "churn/data/rows.txt")
    answer = made.call("run", "-P", "--affected-by", "main")
    assert (answer.code, "– churn          not affected since main" in answer.out) == (0, True)
    assert made.call("run", "--affected-by", "main").code == 64


def test_a_pipeline_of_pipelines_needs_no_steps(shop):
    shop.write("pipeline.yaml", TOP.partition("steps:")[0])
    assert shop.call("validate", "-P").code == 0
    answer = shop.call("run")
    assert (answer.code, "mlops run --all-pipelines" in answer.err) == (64, True)
    assert shop.call("run", "-P", "--json").value.keys() == {"churn", "teams/pricing"}
    assert not (shop.root / "pipeline.lock").exists()
    assert "mlops plan --all-pipelines" in shop.call("plan").out


def test_the_graph_of_all_joins_the_pipelines(made):
    drawn = made.call("graph", "-P").out
    assert "· summary   ← churn/count\n" in drawn
    assert "· churn/count   ← churn/data/rows.txt\n" in drawn
    edges = made.call("graph", "-P", "--json").value["edges"]
    assert ["churn/count", "summary"] in edges


LIST, OUTPUTS, INPUTS = "[churn, teams/pricing]", "outputs: [out/summary.txt]", "inputs: [churn/out/rows.txt]"
CIRCLE = "a circle: summary writes churn/data/rows.txt, and summary reads churn/out/rows.txt"


@pytest.mark.parametrize(
    ("old", "new", "said", "place"),
    [
        (LIST, "[gone, churn]", "there is no folder gone", "4:13"),
        (LIST, "[churn, teams]", "teams has no pipeline.yaml", "4:20"),
        (LIST, "[churn, churn]", "churn is named twice", "4:20"),
        (LIST, "[churn, churn/in]", "churn/in lies in churn, which is a pipeline, too", "4:20"),
        (LIST, "[churn, away]", "away is a link that leaves the project", "4:20"),
        (LIST, "[churn, again]", "again and churn are the same folder", "4:20"),
        (LIST, "[../churn]", 'path "../churn" leaves the project', "4:13"),
        (OUTPUTS, "outputs: [teams/pricing/a]", "teams/pricing/a, which lies in the pipeline teams/pricing", "10:15"),
        (OUTPUTS, "outputs: [teams]", "writes teams, in which the pipeline teams/pricing lies", "10:15"),
        (OUTPUTS, "outputs: [churn/data/rows.txt]", CIRCLE, "10:15"),
        (INPUTS, "inputs: [churn]", "reads churn as a whole, in which the pipeline churn lies", "9:14"),
    ],
)
def test_what_cannot_be_is_told_where_it_is_written(shop, tmp_path, old, new, said, place):
    (tmp_path / "elsewhere").mkdir()
    (shop.root / "away").symlink_to(tmp_path / "elsewhere")
    (shop.root / "again").symlink_to("churn")
    shop.edit("pipeline.yaml", old, new)
    for command in ("validate", "plan"):
        answer = shop.call(command, *(["-P"] if command == "plan" else []))
        assert (answer.code, answer.err.count("error[")) == (65, 1), answer.err
        assert f"{said}\n  --> pipeline.yaml:{place}\n  hint: " in answer.err


def test_a_pipeline_below_declares_no_others(shop):
    shop.edit("churn/pipeline.yaml", "name: below", "name: below\npipelines: [inner]")
    answer = shop.call("plan", "-P")
    assert answer.code == 65
    assert "churn names pipelines of its own; only one pipeline of a repository does" in answer.err
    assert "pipeline.yaml:4:13" in answer.err


def test_siblings_are_read_by_the_pipeline_above(shop):
    shop.edit("churn/pipeline.yaml", "inputs: [data/rows.txt]", "inputs: [../teams/pricing/out/rows.txt]")
    answer = shop.call("validate", "-P")
    assert answer.code == 65
    assert answer.err.count("churn/pipeline.yaml:8:14") == 1
    assert "declare the step in the pipeline.yaml above both, which names them in pipelines:" in answer.err


def test_options_about_one_pipeline_are_refused_with_all(shop):
    for options in (["plan", "--out", "p.json"], ["run", "--set", "a=1"], ["run", "--only", "count"]):
        assert shop.call(*options, "-P").code == 64


def test_a_folder_without_a_pipeline_names_the_one_above(shop):
    answer = shop.call("-C", str(shop.root / "teams"), "plan")
    assert (answer.code, "the next pipeline above: mlops -C ..;" in answer.err) == (65, True)


def test_the_api_gives_the_pipelines_in_the_order_in_which_they_run(shop):
    project = load_project(shop.root)
    assert list(project.pipelines()) == ["churn", "teams/pricing", "."]
    assert project.reads_from() == {"churn"}
    assert [each.root.name for each in project.pipelines().values()] == ["churn", "pricing", "project"]
