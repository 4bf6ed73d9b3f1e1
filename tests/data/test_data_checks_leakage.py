import numpy as np
import polars as pl
import pytest
from checks_room import TARGET, Room, scanned

from mlops_runner.data.checks.association import association

ROWS = 400
DRAW = np.random.Generator(np.random.PCG64(7))
NOISE = DRAW.normal(size=ROWS)
CLASSES = DRAW.permutation(np.arange(ROWS) % 4 == 0)  # a quarter is true


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


def series(values):
    return pl.Series(values, strict=False)


@pytest.mark.parametrize(
    ("feature", "target"),
    [
        (CLASSES, CLASSES),
        (np.where(CLASSES, "paid", "open"), CLASSES),
        (np.where(CLASSES, 10.0 + NOISE, -10.0 + NOISE), CLASSES),
        (np.where(CLASSES, np.abs(NOISE) + 1, -np.abs(NOISE)), CLASSES),
        ([None if one else 1.0 for one in CLASSES], CLASSES),
        ([7 * k % 13 for k in np.arange(ROWS) % 5], [f"class {k}" for k in np.arange(ROWS) % 5]),
    ],
    ids=["equal", "renamed", "two heaps", "parted at zero", "missing tells", "one to one"],
)
def test_a_feature_that_parts_the_classes_has_association_one(feature, target):
    assert association(series(feature), series(target)) == 1.0


@pytest.mark.parametrize(
    "feature",
    [NOISE, 3 * NOISE + 2, np.exp(5 * NOISE), -NOISE],
    ids=["equal", "in other units", "skewed", "turned"],
)
def test_a_feature_that_orders_a_numeric_target_has_association_near_one(feature):
    assert association(series(feature), series(NOISE)) > 0.995


@pytest.mark.parametrize(
    ("feature", "target"),
    [
        (NOISE, CLASSES),
        (np.arange(ROWS), CLASSES),
        ([f"customer {k}" for k in range(ROWS)], CLASSES),
        (DRAW.normal(size=ROWS), NOISE),
        ([f"customer {k}" for k in range(ROWS)], NOISE),
        ([1.0] * ROWS, NOISE),
        ([None] * ROWS, NOISE),
    ],
    ids=["noise", "row number", "name of the row", "other noise", "name and number", "constant", "missing"],
)
def test_a_feature_that_says_nothing_has_association_near_zero(feature, target):
    assert association(series(feature), series(target)) < 0.1


def test_lambda_is_the_share_of_wrong_guesses_that_is_avoided():
    # Of 40 rows 20 are v; without the feature 20 guesses are wrong, with it 5.
    feature = ["a"] * 20 + ["b"] * 20
    target = ["u"] * 17 + ["v"] * 3 + ["v"] * 18 + ["u"] * 2
    assert association(series(feature), series(target)) == pytest.approx((35 - 21) / (40 - 21))


COLUMNS = {
    "id": {"type": "int", "role": "id"},
    "g": {"type": "string", "role": "group", "max_missing": 1},
    "f": {"type": "float"},
    "t": {"type": "date", "role": "time"},
    "y": TARGET,
}
LEAKAGE = {"kind": "leakage"}


def text(rows):
    return "id,g,f,t,y\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows)


def answers(found):
    return {one.check.name.removeprefix("leakage: "): one.answer for one in found}


SPLIT = {"split": {"kind": "time", "time": "t"}}
SIDES = {"sides": np.array([0, 0, 1, 2], np.int8)}
CLEAN = [(1, "a", 0.1, "2026-01-01", "u"), (2, "a", 0.2, "2026-01-02", "v"), (3, "b", 0.3, "2026-01-03", "u"),
         (4, "", 0.4, "2026-01-04", "v")]  # fmt: skip


def test_sides_without_leaks_pass_and_few_rows_say_nothing_about_the_target(room):
    found = room.run(text(CLEAN), COLUMNS, LEAKAGE, fields=SPLIT, **SIDES)
    assert answers(found) == {
        "target": "unmeasured", "duplicates": "pass", "ids id": "pass", "ids g": "pass", "time t": "pass",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "column", "value", "check", "says"),
    [
        (3, 2, 0.1, "duplicates", "1 row has the features of a row on an earlier side: line 5"),
        (2, 0, 2, "ids id", 'column "id": 1 row has a value that is on an earlier side too: line 4 "2"'),
        (3, 1, "a", "ids g", '1 row has a value that is on an earlier side too: line 5 "a"'),
        (1, 3, "2026-01-05", "time t", '1 row of the train side is later than a row held out: line 3 "2026-01-05"'),
        (2, 2, 0.4, "duplicates", "1 row has the features of a row on an earlier side: line 5"),
    ],
)
def test_rows_that_tell_another_side_are_named(room, row, column, value, check, says):
    rows = [list(one) for one in CLEAN]
    rows[row][column] = value
    found = room.run(text(rows), COLUMNS, {**LEAKAGE, "duplicates": True}, fields=SPLIT, **SIDES)
    assert {name for name, answer in answers(found).items() if answer == "fail"} == {check}
    assert says in " ".join(one.message for one in room.said)


def test_values_may_repeat_within_a_side_and_may_be_missing_on_all(room):
    rows = [(1, "", 0.1, "2026-01-01", "u"), (2, "", 0.1, "2026-01-01", "v"), (3, "b", 0.3, "2026-01-03", "u"),
            (4, "", 0.4, "2026-01-04", "v")]  # fmt: skip
    assert "fail" not in answers(room.run(text(rows), COLUMNS, LEAKAGE, fields=SPLIT, **SIDES)).values()


def test_what_is_switched_off_is_not_asked(room):
    rule = {"kind": "leakage", "duplicates": False, "ids": False, "time": False}
    assert list(answers(room.run(text(CLEAN), COLUMNS, rule, fields=SPLIT, **SIDES))) == ["target"]


def test_a_random_split_may_mix_times(room):
    assert "time t" not in answers(room.run(text(CLEAN), COLUMNS, LEAKAGE, **SIDES))


@pytest.mark.parametrize("rows", [400, 120_000])
def test_features_that_tell_the_target_are_listed_worst_first(room, rows):
    draw = np.random.Generator(np.random.PCG64(3))
    y = draw.random(rows) < 0.02
    frame = pl.DataFrame(
        {
            "noise": draw.normal(size=rows),
            "fee": np.where(y, 5.0 + draw.random(rows), draw.random(rows)),
            "state": np.where(y, "late", "fine"),
            "y": np.where(y, "yes", "no"),
        }
    )
    columns = {
        "noise": {"type": "float"}, "fee": {"type": "float"}, "state": {"type": "string"}, "y": TARGET,
    }  # fmt: skip
    spec = room.spec(columns, [{**LEAKAGE, "duplicates": False, "name": "no peeking"}])
    (found,) = room.ask(spec, scanned(room.folder, frame), sides=np.zeros(rows, np.int8))
    assert found.says == '2 features tell the target: "fee" 1, "state" 1 > 0.99 (target)'
    assert found.figures["association"]["noise"] < 0.1
    assert room.said[-1].message.startswith("parts: no peeking: target: 2 features")


def test_checks_that_need_sides_are_asked_with_sides_and_the_others_without(room):
    rules = (LEAKAGE, {"kind": "missing", "columns": ["f"]})
    assert answers(room.run(text(CLEAN), COLUMNS, *rules)) == {"missing f": "pass"}
    assert "missing f" not in answers(room.run(text(CLEAN), COLUMNS, *rules, **SIDES))


def across(room, features, duplicates=None):
    """Ask about rows 0 to 99 in training, and rows 100 to 199 on the test side."""
    head = {"y": TARGET, **{f"f{at}": {"type": "float"} for at in range(len(features))}}
    lines = [
        ",".join(head),
        *(",".join(["uv"[n % 2], *map(str, row)]) for n, row in enumerate(zip(*features, strict=True))),
    ]
    rule = LEAKAGE if duplicates is None else {**LEAKAGE, "duplicates": duplicates}
    found = room.run("\n".join(lines) + "\n", head, rule, sides=np.repeat(np.array([0, 2], np.int8), 100))
    return next((one for one in found if one.check.name.endswith("duplicates")), None)


def test_rows_that_agree_by_chance_are_counted_and_leak_nothing(room):
    steps = [[n % 4 for n in range(200)], [n % 3 for n in range(200)]]
    found = across(room, steps)
    assert (found.answer, found.broken, found.figures) == ("pass", 0, {"by_chance": 100})
    assert across(room, steps, duplicates=True).answer == "fail"


def test_rows_that_are_told_apart_by_their_features_leak_when_they_come_again(room):
    numbers = [list(DRAW.normal(size=100)) for _ in range(4)]
    copied = [[*column, *column[:5], *DRAW.normal(size=95)] for column in numbers]
    found = across(room, copied)
    assert (found.answer, found.broken) == ("fail", 5)
    assert across(room, copied, duplicates=False) is None


def test_a_feature_is_held_against_every_target(room):
    rows = [(k, "a", 1.0 if late else 0.0, "2026-01-01", "u" if k % 2 else "v", late) for k, late in enumerate(CLASSES)]
    lines = "id,g,f,t,y,z\n" + "".join(f"{','.join(map(str, row[:5]))},{str(row[5]).lower()}\n" for row in rows)
    columns = {**COLUMNS, "z": {"type": "bool", "role": "target"}}
    there = {"fields": SPLIT, "sides": np.zeros(ROWS, np.int8)}
    found = answers(room.run(lines, columns, {**LEAKAGE, "duplicates": False, "ids": False, "time": False}, **there))
    assert found == {"target y": "pass", "target z": "fail"}
