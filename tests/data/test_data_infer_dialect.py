"""How a file is written, found out from the file."""

import pytest
from infer_files import NUMBERS, column, proposal, table

from mlops_runner.data.infer.dialect import sniff
from mlops_runner.errors import InvalidInput

PLAIN = table({"k": ["a", "b"] * 100})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b\n1,2\n3,4\n", {"delimiter": ",", "named": True}),
        ("a;b\n1,5;2,5\n3,5;4,5\n", {"delimiter": ";", "named": True}),
        ("1,5;2,5\n3,5;4,5\n", {"delimiter": ";", "named": False}),
        ("a\tb, c\n1\t2, 3\n", {"delimiter": "\t"}),
        ("a|b\n1|2\n", {"delimiter": "|"}),
        ("a b\n1 2\n", {"delimiter": " "}),
        ('a,b\n"x, z",2\n"y",3\n', {"delimiter": ",", "quote": "double"}),
        ("a,b\n'x, z','q'\n'y','r'\n", {"delimiter": ",", "quote": "single"}),
        ('a,b\n5" pipe,2\n6" pipe,3\n', {"delimiter": ",", "quote": "none"}),
        ("|1x3 Cross validator\n39, State-gov, x\n50, Private, z\n", {"skip_lines": 1, "trim": True, "named": False}),
        ("# made by hand\n\na,b\n1,2\n3,4\n", {"skip_lines": 2, "named": True}),
        ("kind,shade\nfoo,red\nbar,blue\nfoo,blue\n", {"named": True}),
        ("foo,red\nbar,blue\nfoo,blue\nbar,red\n", {"named": False}),
        ("0,1,2\n5,6,7\n8,9,1\n", {"named": True}),
        ("country,2019,2020\nFR,5,6\n", {"named": True}),
        ("a,b\n1,2\n\n", {"skip_lines": 0, "named": True}),
    ],
)
def test_a_dialect_is_found(text, found):
    sniffed = sniff(text, complete=True)
    assert {key: getattr(sniffed, key) for key in found} == found


@pytest.mark.parametrize(
    ("encode", "encoding"),
    [
        (lambda text: text.encode(), None),
        (lambda text: b"\xef\xbb\xbf" + text.encode(), None),
        (lambda text: text.encode("utf-16"), "utf-16"),
        (lambda text: text.encode("latin-1"), "latin-1"),
        (lambda text: text.replace("ä", "€").encode("cp1252"), "windows-1252"),
    ],
)
def test_an_encoding_is_found(tmp_path, encode, encoding):
    found = proposal(tmp_path, encode(table({"k": ["ä", "b"] * 100})))
    assert found.source.get("encoding") == encoding
    assert [guess.name for guess in found.columns] == ["x", "k", "y"]


def test_a_byte_beyond_ascii_at_the_very_end_is_not_overlooked(tmp_path):
    content = table({}).encode() + b"1.5,n\xe4in\n1.5,n\xe4in\n"
    assert proposal(tmp_path, content, task="multiclass").source["encoding"] == "latin-1"


def test_decimal_commas_and_their_delimiter_are_found(tmp_path):
    text = table({"k": NUMBERS}, ";").replace(".", ",")
    found = proposal(tmp_path, text)
    assert found.source["decimal"] == ","
    assert column(found, "k").facts.type == "float"
    assert column(found, "k").facts.high == max(NUMBERS)


@pytest.mark.parametrize("marker", ["?", "N/A", "NULL", "nan", "-", "None", "unknown"])
def test_a_text_among_numbers_means_missing(tmp_path, marker):
    values = [marker if i % 10 == 0 else i for i in range(200)]
    found = proposal(tmp_path, table({"k": values}))
    assert list(found.source["null_values"]) == ["", marker]
    assert (column(found, "k").facts.type, column(found, "k").max_missing) == ("int", 0.2)


@pytest.mark.parametrize("word", ["-", "None", "unknown"])
def test_a_word_among_words_is_a_category(tmp_path, word):
    found = proposal(tmp_path, table({"k": [word, "gas", "oil", "wood"] * 50}))
    assert "null_values" not in found.source
    assert word in column(found, "k").allowed


def test_namibia_is_a_country(tmp_path):
    codes = [f"{a}{b}" for a in "ABCDEN" for b in "AEIOU"]
    found = proposal(tmp_path, table({"k": (codes * 7)[:200]}))
    assert "null_values" not in found.source


def test_columns_without_names_are_asked_for_by_number(tmp_path):
    text = "".join(line + "\n" for line in PLAIN.splitlines()[1:])
    found = proposal(tmp_path, text, target="3")
    assert found.source["header"] is False
    assert found.target.name == "column_3"


def test_a_column_without_a_name_that_is_asked_for_by_name_is_explained(tmp_path):
    text = "".join(line + "\n" for line in PLAIN.splitlines()[1:])
    with pytest.raises(InvalidInput) as caught:
        proposal(tmp_path, text, target="y")
    assert "called column_1 to column_3" in caught.value.diagnostics[0].hint
