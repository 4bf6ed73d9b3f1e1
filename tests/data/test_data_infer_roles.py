"""Roles, limits, task, split and leaks: what a careful person would have declared."""

import random
from datetime import date, timedelta

import pytest
from infer_files import LABELS, NUMBERS, ROWS, column, proposal, table

from mlops_runner.data.infer.limits import bounds, round_down, round_up, share_above
from mlops_runner.data.infer.values import Facts, Typing
from mlops_runner.errors import InvalidInput
from mlops_runner.starter.evaluation_text import evaluation_text
from mlops_runner.starter.training_text import training_text

DAYS = [f"{date(2024, 1, 1) + timedelta(days=i)}" for i in range(ROWS)]
SHUFFLED = random.Random(5).sample(DAYS, ROWS)
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
TEXTS = [" ".join(random.Random(i).choices(WORDS, k=8)) for i in range(ROWS)]
SHUFFLED_NUMBERS = random.Random(6).sample(range(1000, 1000 + 7 * ROWS, 7), ROWS)
NAMES = [f"{a}{b}" for a in "abcdefghijklmnopqrst" for b in "mnopqrstuv"]


@pytest.mark.parametrize(
    ("name", "values", "role", "why"),
    [
        ("id", range(ROWS), "id", "one value a row"),
        ("orderUUID", NAMES, "id", "one value a row"),
        ("instant", range(1, ROWS + 1), "id", "counts the rows"),
        ("", range(ROWS), "id", "one value a row"),
        ("customer_id", [i % 70 for i in range(ROWS)], "group", "70 of them"),
        ("shop_id", [i % 4 for i in range(ROWS)], "feature", "a code"),
        ("sold_at", DAYS, "time", "rows follow it"),
        ("visit_date", SHUFFLED, "time", "says when"),
        ("anything", SHUFFLED, "feature", ""),
        ("birth_date", DAYS, "feature", ""),
        ("sample_weight", [1 + i % 3 for i in range(ROWS)], "weight", "weight of rows"),
        ("fnlwgt", [10_000 + i * i for i in range(ROWS)], "ignored", "scale it"),
        ("weight", [60 + i % 40 for i in range(ROWS)], "feature", ""),
        ("k", [7] * ROWS, "ignored", "constant"),
        ("k", [""] * ROWS, "ignored", "no values at all"),
        ("notes", TEXTS, "feature", "its words are features"),
        ("notes", [*TEXTS[:100], *[""] * 100], "ignored", "too little of it"),
        ("invoice", [f"INV-{i:06}" for i in SHUFFLED_NUMBERS], "id", "one code a row"),
        ("ticket", [f"INV-{i % 150:06}" for i in SHUFFLED_NUMBERS], "ignored", "nearly every value is different"),
        ("phone", [f"0{i:09}" for i in SHUFFLED_NUMBERS], "ignored", "personal data"),
        ("price", [f"${i:,}.50" for i in SHUFFLED_NUMBERS], "ignored", "write 1234.5, not $1,234.50"),
        ("rate", [f"{i % 77}.{i % 9}%" for i in SHUFFLED_NUMBERS], "ignored", "write 1234.5"),
        ("rate", [f"{i % 9}0%" for i in range(ROWS)], "feature", "its 9 values are categories"),
        ("k", NAMES, "ignored", "nearly every value is different"),
        ("y_pred_proba", NUMBERS, "ignored", "output of a model"),
        ("k", LABELS, "ignored", "leak?"),
        ("k", [5 if label == "yes" else "" for label in LABELS], "ignored", "leak?"),
    ],
)
def test_a_role_is_found_and_explained(tmp_path, name, values, role, why):
    guess = column(proposal(tmp_path, table({name: list(values)})), name)
    assert guess.role == role
    assert why in guess.why


RELEVANCE = [i * 31 % 4 for i in range(ROWS)]
QUERIES = [f"q{i % 40}" for i in range(ROWS)]


def test_a_ranking_keeps_queries_whole_and_is_measured_against_chance(tmp_path):
    days = {"day": DAYS, "query": QUERIES, "y": RELEVANCE}
    found = proposal(tmp_path, table(days), task="ranking", group="query")
    assert found.split.fields == {"kind": "group", "group": "query", "seed": 1, "validation": 0.2, "test": 0.2}
    training = training_text("t", found)
    assert 'params: {objective: "rank:ndcg", eval_metric: "ndcg@10",\n      max_depth: 3' in training
    assert "metric: ndcg_at_10" in training
    assert "margin: 0.02" in evaluation_text("t", found)
    halves = table({**days, "y": [value / 2 for value in RELEVANCE]})
    assert "ndcg_exp_gain: false" in training_text("t", proposal(tmp_path, halves, task="ranking", group="query"))


@pytest.mark.parametrize(
    ("y", "group", "code"),
    [
        (RELEVANCE, None, "query-count"),
        (LABELS, "query", "target-type"),
        ([v - 1 for v in RELEVANCE], "query", "negative-relevance"),
    ],
)
def test_a_ranking_needs_a_query_and_a_relevance(tmp_path, y, group, code):
    with pytest.raises(InvalidInput) as caught:
        proposal(tmp_path, table({"query": QUERIES, "y": y}), task="ranking", group=group)
    assert caught.value.diagnostics[0].code == code


@pytest.mark.parametrize(
    ("name", "values", "tags"),
    [
        ("email", NAMES, ("pii",)),
        ("contact", [f"{name}@example.org" for name in NAMES], ("pii",)),
        ("k", [f"+49 30 {i:06d}" for i in range(ROWS)], ("pii",)),
        ("k", [f"10.0.{i}.7" for i in range(ROWS)], ("pii",)),
        ("k", [f"DE{i:020d}" for i in range(ROWS)], ("pii",)),
        ("LastName", NAMES, ("pii",)),
        ("birth_date", DAYS, ("pii",)),
        ("product_name", NAMES, ()),
        ("street", ["paved", "gravel"] * 100, ()),
        ("gender", ["f", "m"] * 100, ("protected",)),
    ],
)
def test_personal_data_is_tagged_by_name_and_by_value(tmp_path, name, values, tags):
    assert column(proposal(tmp_path, table({name: values})), name).tags == tags


def test_what_the_user_says_comes_first(tmp_path):
    text = table({"a": DAYS, "b": [i % 50 for i in range(ROWS)], "c": NAMES})
    found = proposal(tmp_path, text, time="a", group="b", id="c", positive="no")
    assert [guess.role for guess in found.columns] == ["feature", "time", "group", "id", "target"]
    assert (found.task.positive, found.task.positive_why) == ("no", "as you said")


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [
        (18, 79, (0, 200)), (0.1, 0.4, (0, 1)), (-8019, 102127, (-20000, 500000)), (-1, 871, (-1, 2000)),
        (1950, 2019, (1900, 2100)), (-5.2, -1.1, (-20, 0)), (0, 0, (0, 1)),
        (0.0, 5e-324, (0, 1e-300)), (-1.7e308, 1.7e308, (None, None)),
    ],
)  # fmt: skip
def test_limits_are_round_and_leave_room(low, high, ends):
    whole = isinstance(low, int)
    facts = Facts("k", Typing("int" if whole else "float"), 1000, 0, 70, low, high, whole=whole)
    assert bounds(facts) == ends


@pytest.mark.parametrize(
    ("name", "high", "ends"),
    [("age", 79, (0, 120)), ("Age", 130, (0, 500)), ("hr", 23, (0, 23)), ("pH", 9, (0, 14)), ("tax_rate", 0.4, (0, 1))],
)
def test_a_name_may_promise_its_limits(name, high, ends):
    assert bounds(Facts(name, Typing("float"), 1000, 0, 70, 0, high)) == ends


def test_rounding_goes_to_one_two_or_five():
    assert [round_up(value, 1.0) for value in (0.3, 1, 1.1, 3, 99)] == [0.5, 1, 2, 5, 100]
    assert [round_down(count) for count in (1, 7, 49, 50, 16280)] == [1, 5, 20, 50, 10000]
    assert [share_above(share) for share in (0, 0.001, 0.05, 0.77, 0.99)] == [0, 0.01, 0.1, 1, 1]


def test_only_sets_that_are_closed_are_declared(tmp_path):
    rare = ["odd"] + [("gas", "oil")[i % 2] for i in range(ROWS - 1)]
    found = proposal(tmp_path, table({"open": rare, "closed": ["gas", "oil"] * 100, "grade": [1, 2, 3, 4] * 50}))
    assert column(found, "open").allowed is None
    assert column(found, "closed").allowed == ("gas", "oil")
    assert column(found, "grade").allowed == (1, 2, 3, 4)


def test_months_and_weekdays_are_complete(tmp_path):
    found = proposal(
        tmp_path, table({"a": ["Mar", "Apr", "May", "Jun"] * 50, "b": ["monday", "friday", "sunday", "monday"] * 50})
    )
    assert len(column(found, "a").allowed) == 12
    assert column(found, "b").allowed[:2] == ("monday", "tuesday")


def test_whole_amounts_among_decimals_may_get_decimals(tmp_path):
    near = {f"m{i}": [value + i / 7 for value in NUMBERS] for i in range(5)}
    found = proposal(
        tmp_path, table({**near, "sulfur": [i * 37 % 151 for i in range(ROWS)], "calls": [*range(ROWS)][::-1]})
    )
    assert column(found, "sulfur").facts.type == "float"
    assert "decimals" in column(found, "sulfur").why


@pytest.mark.parametrize(
    ("values", "wishes", "task", "positive"),
    [
        (["yes", "no"] * 100, {}, "binary", "yes"),
        ([0, 1] * 100, {}, "binary", 1),
        (["0.0", "1.0"] * 100, {}, "binary", 1.0),
        (["true", "false"] * 100, {}, "binary", True),
        (["malignant", "benign"] * 100, {}, "binary", "malignant"),
        (["good", "bad"] * 100, {}, "binary", "bad"),
        (["a", "b", "b", "b"] * 50, {}, "binary", "a"),
        (["a", "b", "b", "b"] * 50, {"positive": "b"}, "binary", "b"),
        (["a", "b", "c", "d"] * 50, {}, "multiclass", None),
        ([0, 1, 2, 3] * 50, {}, "multiclass", None),
        ([3, 4, 5, 6] * 50, {}, "regression", None),
        ([3, 4, 5, 6] * 50, {"task": "multiclass"}, "multiclass", None),
        (NUMBERS[::-1], {}, "regression", None),
    ],
)
def test_the_task_follows_the_target(tmp_path, values, wishes, task, positive):
    found = proposal(tmp_path, table({"y": values}), **wishes).task
    assert (found.task, found.positive) == (task, positive)
    assert type(found.positive) is type(positive)


def test_a_quantity_of_few_values_is_no_class(tmp_path):
    found = proposal(tmp_path, table({"stars": [1, 2, 3, 4] * 50}), target="stars")
    assert found.task.task == "regression"


@pytest.mark.parametrize(
    ("columns", "split"),
    [
        ({}, {"kind": "random", "seed": 1, "stratify": "y", "validation": 0.2, "test": 0.2}),
        ({"y": NUMBERS, "x": NAMES}, {"kind": "random", "seed": 1, "validation": 0.2, "test": 0.2}),
        ({"sold_at": DAYS}, {"kind": "time", "time": "sold_at", "validation": 0.2, "test": 0.2}),
        (
            {"user": [i % 90 for i in range(ROWS)]},
            {"kind": "group", "group": "user", "seed": 1, "validation": 0.2, "test": 0.2},
        ),
    ],
)
def test_the_split_fits_the_columns(tmp_path, columns, split):
    text = table({**columns, "z": [i % 13 for i in range(ROWS)]})
    assert proposal(tmp_path, text).split.fields == split


def test_a_class_that_only_comes_late_keeps_the_split_from_following_time(tmp_path):
    found = proposal(tmp_path, table({"sold_at": DAYS, "y": ["a", "b"] * 80 + ["c", "a"] * 20}))
    assert found.split.fields["kind"] == "random"
    assert "not by sold_at: the earlier rows lack a class" in found.split.why


def test_many_rows_with_an_id_are_divided_by_its_digest(tmp_path):
    text = "id,x,y\n" + "".join(f"{i},{i * 7919 % 1009},{'ab'[i * 31 % 7 < 3]}\n" for i in range(12_000))
    assert proposal(tmp_path, text).split.fields["columns"] == ["id"]


@pytest.mark.parametrize("how", ["sum", "product", "difference"])
def test_a_target_that_is_put_together_is_noticed(tmp_path, how):
    a, b = [i * 31 % 101 + 1 for i in range(ROWS)], [i * 17 % 53 + 1 for i in range(ROWS)]
    y = [{"sum": p + q, "product": p * q, "difference": p - q}[how] for p, q in zip(a, b, strict=True)]
    found = proposal(tmp_path, table({"a": a, "b": b, "y": y}), task="regression")
    assert [column(found, name).role for name in "ab"] == ["ignored", "ignored"]
    assert f"the target is the {how} of" in column(found, "a").why


def test_a_target_in_other_units_is_noticed(tmp_path):
    text = table({"in_cents": [value * 100 for value in NUMBERS], "k": LABELS, "x": [i % 9 for i in range(ROWS)],
                  "y": NUMBERS})  # fmt: skip
    assert "alone it explains" in column(proposal(tmp_path, text), "in_cents").why


def test_a_strong_but_honest_feature_stays(tmp_path):
    noisy = [label if i % 12 else "no" for i, label in enumerate(LABELS)]
    assert column(proposal(tmp_path, table({"k": noisy})), "k").role == "feature"


def test_repeated_rows_go_where_chance_does_not_repeat_them(tmp_path):
    lines = table({f"m{i}": [(j * (7919 + i)) % 997 / 10 for j in range(ROWS)] for i in range(6)}).splitlines()
    found = proposal(tmp_path, "\n".join([*lines, *lines[1:11]]) + "\n")
    assert found.cleaning[-1][0] == {"kind": "drop_duplicates"}
    few = "a,b,y\n" + "".join(f"{i % 3},{i % 2},{LABELS[i]}\n" for i in range(ROWS))
    assert not proposal(tmp_path, few).cleaning


def test_rows_without_a_target_are_filtered(tmp_path):
    found = proposal(tmp_path, table({"y": [label if i % 9 else "" for i, label in enumerate(LABELS)]}))
    assert found.cleaning[0][0] == {"kind": "filter", "where": {"column": "y", "missing": False}}
    assert "23 of 200 rows" in found.cleaning[0][1]


def test_categories_by_the_hundred_thousand_are_left_out_or_pooled(tmp_path):
    rows = 30_000
    text = "k,c,y\n" + "".join(f"v{i * 7919 % 12007},c{min(i % 4000, 40)},{LABELS[i % 200]}\n" for i in range(rows))
    found = proposal(tmp_path, text)
    assert "rare" in column(found, "k").why
    assert found.width <= 100


def test_categories_that_come_again_are_encoded_by_the_target(tmp_path):
    text = "k,c,y\n" + "".join(f"v{i * 7919 % 1511},{i % 7},{LABELS[i * 13 % 200]}\n" for i in range(9_000))
    found = proposal(tmp_path, text)
    assert (column(found, "k").role, found.by_target) == ("feature", ("k",))
    assert "    k: {encode: target, min_count: 1}" in training_text("t", found)


def test_words_of_texts_become_columns(tmp_path):
    found = proposal(tmp_path, table({"notes": TEXTS, "more": TEXTS[::-1]}))
    assert column(found, "notes").tags == ("text",)
    assert (found.terms, found.width) == (300, 601)
    assert "  text: {max_terms: 300}" in training_text("t", found)
    assert "categorical" not in training_text("t", found)


def test_squares_that_32_bits_do_not_hold_are_left_to_another_trainer(tmp_path):
    text = training_text("t", proposal(tmp_path, table({"y": [1e20 * (i * 37 % 101) for i in range(ROWS)]})))
    assert "HistGradientBoostingRegressor" in text
    assert "trainer: xgboost" not in text


REFUSED = {
    "a field more in every row": (table({}).replace("yes", "1,yes").replace("no", "1,no"), {}, "field-count", "more"),
    "a field fewer in every row": ("k," + table({}), {}, "field-count", "one field fewer"),
    "a target that is not there": (table({}), {"target": "Y "}, "unknown-column", 'did you mean "y"?'),
    "a time that is not there": (table({}), {"time": "when"}, "unknown-column", "the columns are"),
    "a constant target": (table({"y": ["yes"] * ROWS}), {}, "constant-target", "another target"),
    "a target without values": (table({"y": [""] * ROWS}), {}, "missing-target", "another target"),
    "a class with one row": (table({"y": ["odd", *LABELS[1:]]}), {}, "lonely-class", "merge"),
    "a date as target": (table({"y": DAYS}), {}, "target-type", "days until"),
    "texts as target": (table({"y": NAMES}), {}, "too-many-classes", "merge"),
    "texts to regress": (table({}), {"task": "regression"}, "target-type", "multiclass"),
    "three classes for two": (table({"y": ["a", "b", "c", "a"] * 50}), {"task": "binary"}, "not-binary", "multiclass"),
    "a positive that is none": (table({}), {"positive": "yess"}, "unknown-positive", 'did you mean "yes"?'),
    "an id that repeats": (table({"k": [1, 2] * 100}), {"id": "k"}, "not-unique", "--group"),
    "a time of words": (table({"k": ["a", "b"] * 100}), {"time": "k"}, "wrong-type", "string"),
    "two roles": (table({}), {"time": "x", "group": "x"}, "two-roles", "target, time, group or id"),
    "no features": (table({"x": [1] * ROWS}), {}, "no-features", "constant"),
    "no rows": ("x,y\n", {}, "few-rows", "hundreds"),
    "one row": ("x,y\n1,a\n", {}, "few-rows", "hundreds"),
    "few rows": ("x,y\n1,a\n2,b\n3,a\n4,b\n", {}, "few-rows", "hundreds"),
    "a header twice": ("x,y\n" + "1,a\n2,b\n" * 9 + "x,y\n" + "1,a\n2,b\n" * 9, {}, "repeated-header", "remove"),
    "a name twice": ("x,x,y\n" + "1,2,a\n3,4,b\n" * 9, {}, "duplicate-column", "rename"),
    "one column": ("y\n" + "1\n2\n" * 9, {}, "single-column", "comma"),
    "a field too many": (table({}).replace("\n", "\n1,2,3\n", 1), {}, "field-count", "quote"),
    "nothing": ("", {}, "empty-file", "header"),
    "blanks": (" \n\n", {}, "empty-file", "header"),
    "a workbook": (b"PK\x03\x04" + b"\0" * 50, {}, "not-a-table", "save the sheet as CSV"),
    "a binary file": (b"\x7fELF\0\0\0\1,\n" * 9, {}, "not-a-table", "CSV or Parquet"),
    "half a parquet": (b"PAR1" + b"x" * 90, {}, "malformed-parquet", "complete"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_learnt_from_is_refused_with_a_hint(tmp_path, case):
    content, wishes, code, hint = REFUSED[case]
    with pytest.raises(InvalidInput) as caught:
        proposal(tmp_path, content, **wishes)
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert hint in (found.hint or "")
