import pytest

from mlops_runner.specs.sql_text import fault, parameters, parts, statement

SELECTS = [
    "SELECT 1",
    "select a from t;",
    "  -- all of them\n SELECT * FROM t -- the end",
    "/* one; two */ SELECT 1 /* ; */ ; -- done",
    "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
    "(SELECT 1) UNION (SELECT 2)",
    "SELECT ';', ':not', 'it''s', \"odd;name\", `b;c`, $$ ; $$, $x$ ' ; $x$",
    "SELECT e'a\\';b'",
]
OTHERS = {
    "": "it is empty",
    " -- nothing": "it is empty",
    "DELETE FROM t": "it starts with DELETE",
    "drop table t": "it starts with DROP",
    "VALUES (1)": "it starts with VALUES",
    "SELECT 1; DROP TABLE t": "it holds a second statement",
    "SELECT 1;;": "it holds a second statement",
    "SELECT 1) AS a; DROP TABLE t; --": "it closes a bracket that it never opened",
    "SELECT 1) UNION (SELECT 2": "it closes a bracket that it never opened",
    "SELECT (1": "it opens a bracket that it never closes",
    "SELECT 'open": "a quotation mark is not closed",
    'SELECT "open': "a quotation mark is not closed",
}


@pytest.mark.parametrize("query", SELECTS)
def test_one_select_is_one_select(query):
    assert fault(query) is None
    assert "".join(part.text for part in parts(query)) == query


@pytest.mark.parametrize(("query", "why"), OTHERS.items())
def test_anything_else_is_not(query, why):
    assert fault(query) == why


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT * FROM t WHERE day < :as_of", {"as_of"}),
        ("SELECT a::int, ':as_of', x[1:2] FROM t -- :as_of", set()),
        ("SELECT :a + :b", {"a", "b"}),
    ],
)
def test_parameters_are_found_where_they_are_code(query, names):
    assert parameters(query) == names


@pytest.mark.parametrize("end", [";", " ; ", "; -- done", ";\n/* done */\n"])
def test_the_last_semicolon_and_what_follows_it_are_left_out(end):
    assert "".join(part.text for part in statement(f"SELECT 1{end}")).strip() == "SELECT 1"
