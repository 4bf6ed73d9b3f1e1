"""Whether a step calls a function as it is written: names, what must be given, and plain annotations."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.errors import Place
from mlops_runner.plan.fingerprint import CodeBase
from mlops_runner.plan.signature import misfits, signature_of
from mlops_runner.plan.source import read_source
from mlops_runner.plan.steps import Step

NAMES = "abcd"


def call(**params):
    places = {"": Place("pipeline.yaml"), "callable": Place("pipeline.yaml", 2)}
    places |= {f"params.{name}": Place("pipeline.yaml", line) for line, name in enumerate(params, start=3)}
    config = {"callable": "rules:fit", "outputs": {}, "params": params}
    return Step("fit", "python", 1, config, places, "")


def complaints(source, **params):
    function = read_source(source.encode()).functions["fit"]
    return list(misfits(call(**params), signature_of("rules:fit", "rules.py", function)))


def said(source, **params):
    return [(str(found.place), found.message, found.hint) for found in complaints(source, **params)]


def test_a_name_that_the_function_does_not_take_is_named_with_the_nearest_that_it_lacks():
    assert said("\ndef fit(*, factor): ...", facter=3) == [
        ("pipeline.yaml:3:1", 'rules.py:2: fit() has no parameter "facter"', 'did you mean "factor"?')
    ]
    assert said("def fit(a, b=1): ...", a=1, other=2) == [
        ("pipeline.yaml:4:1", 'rules.py:1: fit() has no parameter "other"', "it takes: a, b")
    ]


def test_what_must_be_given_is_asked_for_where_the_function_is_named():
    assert said("def fit(a, b=1, *, c, d=2): ...") == [
        ("pipeline.yaml:2:1", f'rules.py:1: fit() needs "{name}"', "give it under inputs, outputs or params")
        for name in "ac"
    ]


def test_parameters_by_position_only_are_refused():
    found = complaints("def fit(a, /, b): ...", a=1, b=2)
    assert [problem.code for problem in found] == ["positional-argument"]
    assert complaints("def fit(a=1, /, *, b): ...", b=2) == []


def test_a_function_that_takes_anything_is_given_anything():
    assert complaints("def fit(a, *rest, **others): ...", a=1, b=2) == []
    assert [problem.code for problem in complaints("def fit(a, **others): ...", b=2)] == ["missing-argument"]


@given(st.data())
def test_names_are_judged_as_python_judges_them(data):
    order = data.draw(st.permutations(NAMES))
    count, default = data.draw(st.integers(0, 4)), data.draw(st.integers(0, 4))
    plain = [name if i < default else f"{name}=0" for i, name in enumerate(order[:count])]
    named = [name + data.draw(st.sampled_from(["", "=0"])) for name in order[count : count + 1]]
    stars = ["*", *named] if named else []
    parameters = ", ".join([*plain, *stars, *data.draw(st.sampled_from([[], ["**others"]]))])
    given_names = data.draw(st.sets(st.sampled_from(NAMES)))
    source = f"def fit({parameters}): ..."
    space = {}
    exec(source, space)
    try:
        inspect.signature(space["fit"]).bind(**dict.fromkeys(given_names, 0))
        accepted = True
    except TypeError:
        accepted = False
    assert (not complaints(source, **dict.fromkeys(sorted(given_names), 0))) == accepted


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        ("int", [3, -1], [3.0, True, "3", None]),
        ("float", [3, 2.5], [True, "3"]),
        ("bool", [True], [1, "true"]),
        ("str", ["a"], [1, None, ["a"]]),
        ("list", [[], [1, "a"]], ["a", {}]),
        ("list[int]", [[], [1]], [[1, "a"], 1]),
        ("list[list[str]]", [[["a"]]], [["a"]]),
        ("dict", [{}], [[], "a"]),
        ("dict[str, int]", [{"a": 1}], [1]),
        ("int | None", [1, None], ["a"]),
        ("Optional[int]", [1, None], ["a"]),
        ("None | str | list[int]", ["a", None, [1]], [1, ["a"]]),
        ('Literal["a", "b", 1]', ["a", 1], ["c", True, 1.0]),
        ('typing.Literal["a"] | None', ["a", None], ["c"]),
        ("Path", ["a", 1], []),
        ("int | Path", ["a", 1], []),
        ("Sequence[int]", ["a"], []),
        ("list[Number]", [["a"]], ["a"]),
        ("'int'", ["a"], []),
        ("Literal[-1]", ["a"], []),
    ],
)
def test_values_are_held_against_plain_annotations(annotation, good, bad):
    source = f"def fit(*, x: {annotation}): ..."
    assert [value for value in good if complaints(source, x=value)] == []
    assert [value for value in bad if not complaints(source, x=value)] == []


def test_a_value_of_another_type_is_shown_with_the_annotation():
    assert said("def fit(*, x: int | None = 3): ...", x="much")[0] == (
        "pipeline.yaml:3:1",
        'rules.py:1: fit() takes x: int | None, not "much"',
        "correct the value, or the annotation",
    )


def test_a_default_of_none_can_be_written_too():
    assert complaints("def fit(*, x: int = None): ...", x=None) == []
    assert "takes x: int | None, not" in complaints("def fit(*, x: int = None): ...", x="a")[0].message


@pytest.mark.parametrize(
    "source",
    [
        "import functools\n@functools.cache\ndef fit(a): ...",
        "def fit(a): ...\nfit = wrapped(fit)",
        "try:\n    def fit(a): ...\nexcept ImportError:\n    pass",
        "if True:\n    def fit(a): ...\nelse:\n    def fit(b): ...",
        "fit = lambda a: a",
        "class fit:\n    def __init__(self, a): ...",
        "async def fit(a): ...",
        "from other import fit",
        "int = float\ndef fit(a: int): ...",
        "def fit(a): ...\nexec('def fit(b): ...')",
    ],
)
def test_what_cannot_be_seen_is_not_judged(source):
    assert "fit" not in read_source(source.encode()).functions


def test_a_function_is_found_in_the_file_that_defines_it_alone(tmp_path):
    (tmp_path / "rules.py").write_text("from inner import *\n\ndef fit(a): ...\n")
    (tmp_path / "inner.py").write_text("def other(a): ...\n")
    code = CodeBase(tmp_path)
    code.fingerprint("rules:fit")
    code.fingerprint("rules:other")
    found = code.function("rules:fit")
    assert found is not None
    assert (found[0], found[1].line) == ("rules.py", 3)
    assert code.function("rules:other") is None
