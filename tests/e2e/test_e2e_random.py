"""Random pipelines and random edits of them: each run does what a naive model says, no more and no less.

A case is drawn by its number. MLOPS_CASES=1000 looks at so many; MLOPS_FIRST_CASE=1000 begins elsewhere.
"""

import os
from random import Random

import pytest
from naive_runs import RefusedError, World
from random_edits import Editor
from random_pipelines import draw_project

CASES = int(os.environ.get("MLOPS_CASES", "3"))
FIRST = int(os.environ.get("MLOPS_FIRST_CASE", "0"))
ROUNDS = 4
SHELL, ALL = ("shell", "script"), ("shell", "script", "python")


@pytest.fixture
def place(sandbox_of):
    return sandbox_of({".gitignore": ".mlops/\n__pycache__/\n"})


def journaled(place):
    file = place.root / ".mlops/journal.jsonl"
    return len(place.executed()) if file.exists() else 0


def below_out(place):
    found = {str(path.relative_to(place.root)): path for path in (place.root / "out").rglob("*")}
    return {
        name: path.read_text()
        for name, path in found.items()
        if path.is_file() and path.suffix != ".dvc" and path.name != ".gitignore"
    }


def follow(world, names):
    """Return these steps and all that follow them."""
    return world.selected((), names, ()) if names else set()


def draw_selection(draw, world):
    """Return options of the command line, and the steps that they mean; None for all."""
    if draw.random() < 0.6:
        return [], None
    names = list(world.instances())
    kind, name = draw.choice(["--to", "--from", "--only"]), draw.choice(names)
    chosen = world.selected(*([name] if kind == asked else [] for asked in ("--to", "--from", "--only")))
    return [kind, name], chosen


def expected(world, chosen):
    """Return the steps that a run executes, or why it is refused."""
    try:
        return world.run(chosen), None
    except RefusedError as refused:
        return set(), refused


def run_once(place, world, options, chosen, jobs):
    """Run, and hold what happened against the model; False when the run was refused half-way, as it should be."""
    planned = place.call("plan", "--json", *options)
    before = journaled(place)
    lost = {name for name, found in world.lock.items() if not stands(world, found)}
    wanted, refused = expected(world, chosen)
    answer = place.call("run", "--jobs", str(jobs), *options)
    if refused:
        assert answer.code != 0, refused
        return refused.early
    assert answer.code == 0, answer.err
    assert sorted(place.executed()[before:]) == sorted(wanted)
    steps = world.instances()
    assert planned.code == 0, planned.err
    to_do = {step["name"] for step in planned.value["steps"] if step["action"] != "unchanged"}
    assert wanted <= to_do | follow(world, lost & steps.keys())
    assert below_out(place) == world.tree | {p: t for p, t in world.project.sources.items() if p.startswith("out/")}
    every_time = {name for name in chosen or steps if steps[name].draft.always}
    assert every_time <= place.to_do(*options).keys() <= follow(world, every_time)
    return True


def stands(world, found):
    return all(text in world.cache or world.tree.get(path) == text for path, text in found.outputs.items())


@pytest.mark.parametrize("case", range(FIRST, FIRST + CASES))
def test_a_run_does_what_must_be_done_and_nothing_else(place, tmp_path, case):
    draw = Random(case)
    forms = ALL if case % 10 == 2 else SHELL  # functions take longer
    world = World(draw_project(draw, 12 if draw.random() < 0.3 else 6, forms))
    editor = Editor(draw, place.root, world, forms)
    try:
        assert run_once(place, world, [], None, 4)
        for _ in range(ROUNDS):
            for _ in range(draw.randint(1, 3)):
                editor.edit()
            options, chosen = draw_selection(draw, world)
            editor.said.append(f"run {' '.join(options)}")
            if not run_once(place, world, options, chosen, draw.choice([1, 4])):
                return
            if chosen is None:
                assert place.call("verify").code == 0, place.call("verify").err
        editor.thaw()
        assert run_once(place, world, [], None, 4)
        alone = type(place)(tmp_path / "alone")
        for path, text in {**world.project.files(), ".gitignore": ".mlops/\n"}.items():
            alone.write(path, text)
            if path.startswith("out/"):  # what a step wrote that is gone
                alone.write(f"{path}.dvc", place.read(f"{path}.dvc"))
        assert alone.call("run", "--jobs", "1").code == 0
        assert alone.read("pipeline.lock") == place.read("pipeline.lock")
    except BaseException:
        print("\n".join(editor.said))
        raise
