import json

import numpy as np
import polars as pl
import pytest
from checks_room import TARGET, Room, scanned

from mlops_runner.data.profile import profile

COLUMNS = {
    "age": {"type": "float", "max_missing": 1},
    "city": {"type": "string", "max_missing": 1},
    "name": {"type": "string", "tags": ["pii"], "max_missing": 1},
    "y": TARGET,
}
RULE = {"kind": "distribution"}


def people(rows, seed, older=0.0, moved=0.0, missing=0.0):
    draw = np.random.Generator(np.random.PCG64(seed))
    age = draw.normal(40 + older, 10, rows)
    city = np.where(draw.random(rows) < 0.5 + moved, "north", "south")
    name = [None if one < missing else "x" for one in draw.random(rows)]
    return pl.DataFrame({"age": age, "city": city, "name": name, "y": draw.choice(["u", "v"], rows)})


class Versions(Room):
    """Compares a table with the profile of another one."""

    def profiled(self, frame):
        path = self.folder / "profile.json"
        spec = self.spec(COLUMNS)
        path.write_text(json.dumps(profile({"train": frame.lazy()}, spec, {"train": frame.height})))
        return path

    def compare(self, old, new, rule=RULE):
        spec = self.spec(COLUMNS, [rule])
        name = "previous.profile.json" if rule.get("against", "previous") == "previous" else "checks.rules.0"
        inputs = {name: self.profiled(old)} if old is not None else {}
        (found,) = self.ask(spec, scanned(self.folder, new), inputs=inputs, sides=np.zeros(new.height, np.int8))
        return found


@pytest.fixture
def versions(tmp_path):
    return Versions(tmp_path)


def test_the_same_distribution_passes(versions):
    found = versions.compare(people(2000, 1), people(2000, 2))
    assert (found.answer, found.says) == ("pass", None)
    assert found.figures["age"]["ks"]["effect"] < 0.06


def test_what_moved_is_named_with_effect_and_p_and_nothing_else(versions):
    found = versions.compare(people(2000, 1), people(2000, 2, older=5, moved=0.2, missing=0.1))
    assert found.answer == "fail"
    assert [part.split('"')[1] for part in found.says.split(", ")] == ["age", "city", "name"]
    assert 'column "age": Kolmogorov-Smirnov distance 0.197 >= 0.1 (p 8.2e-34)' in found.says
    assert versions.said[-1].message.startswith("parts: distribution against previous: column")


def test_a_column_that_is_named_is_compared_alone(versions):
    rule = {**RULE, "columns": ["name"], "severity": "warn"}
    found = versions.compare(people(2000, 1), people(2000, 2, older=5, missing=0.1), rule)
    assert found.answer == "warn"
    assert found.says.startswith('column "name": missing rate moved by 0.1')


def test_thousands_of_rows_with_a_small_effect_pass(versions):
    found = versions.compare(people(20_000, 1), people(20_000, 2, older=0.8))
    assert found.figures["age"]["ks"]["p"] < 0.001
    assert found.answer == "pass"


def test_few_rows_could_not_be_measured(versions):
    found = versions.compare(people(2000, 1), people(399, 2, older=20))
    assert (found.answer, found.says) == ("unmeasured", "399 rows a side are fewer than 400 (min_rows)")
    assert [(one.severity, one.message) for one in versions.said][-1] == (
        "warning",
        "parts: distribution against previous: could not be measured: 399 rows a side are fewer than 400 (min_rows)",
    )  # fmt: skip


def test_the_first_version_has_nothing_to_be_compared_with(versions):
    assert versions.compare(None, people(500, 1)).answer == "unmeasured"


def test_a_pinned_profile_answers_for_good_and_the_previous_version_does_not(versions):
    rule = {**RULE, "against": "reference/profile.json"}
    assert versions.compare(people(500, 1), people(500, 2), rule).check.lasting
    assert not versions.compare(people(500, 1), people(500, 2)).check.lasting


@pytest.mark.parametrize(
    ("text", "says"), [("{}", "this is no profile"), ("x", "this is no profile"),
                       ('{"profile_version": 99, "columns": {}}', "version 99 of profiles is not known")]
)  # fmt: skip
def test_a_file_that_is_no_profile_is_refused(versions, text, says):
    path = versions.folder / "reference.json"
    path.write_text(text)
    rule = {**RULE, "against": "reference.json"}
    given = {"inputs": {"checks.rules.0": path}, "sides": np.zeros(1, np.int8)}
    message = versions.refusal("age,city,name,y\n1,a,b,u\n", COLUMNS, rule, **given)
    assert message == f"reference.json: {says}"
