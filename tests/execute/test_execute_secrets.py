from dataclasses import replace

import pytest

from mlops_runner.errors import InvalidInput, Place
from mlops_runner.execute.secrets import scrub, secrets_of, surroundings_of
from mlops_runner.plan.steps import Step

PLACES = {"": Place("d.yaml"), "source.url": Place("d.yaml", 5), "source.headers.X-Key": Place("d.yaml", 9)}
FETCH = Step(
    "source", "source", 1, {}, PLACES, "artifacts/source",
    access={"url": {"secret": "DB"}, "headers": {"X-Key": {"secret": "KEY"}}},
)  # fmt: skip


def test_a_step_gets_the_secrets_it_names_and_no_other():
    environ = {"DB": "a", "KEY": "b", "OTHER": "c"}
    assert secrets_of(FETCH, environ) == {"DB": "a", "KEY": "b"}
    assert secrets_of(replace(FETCH, access={}), environ) == {}


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_every_secret_that_is_not_set_is_named_with_its_line(value):
    with pytest.raises(InvalidInput) as caught:
        secrets_of(FETCH, {} if value is None else {"DB": value, "KEY": value})
    assert [(str(d.place), d.message) for d in caught.value.diagnostics] == [
        ("d.yaml:5:1", "the environment variable DB is not set"),
        ("d.yaml:9:1", "the environment variable KEY is not set"),
    ]


def test_proxies_and_authorities_reach_a_step_that_fetches_and_no_other():
    environ = {"https_proxy": "http://proxy:1", "SSL_CERT_FILE": "/ca.pem", "HOME": "/root"}
    assert surroundings_of(FETCH, environ) == {"https_proxy": "http://proxy:1", "SSL_CERT_FILE": "/ca.pem"}
    assert surroundings_of(replace(FETCH, kind="train"), environ) == {}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("connecting to postgresql://ada:p%40ss@db/x now", "connecting to *** now"),
        ("the password p@ss, or p%40ss", "the password ***, or ***"),
        ('{"message": "to\\"ken\\u00e4"}', '{"message": "***"}'),
        ('to"kenä', "***"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_no_form_of_a_secret_stays_in_a_file(tmp_path, text, left):
    file = tmp_path / "log.txt"
    file.write_text(text)
    scrub(file, {"DB": "postgresql://ada:p%40ss@db/x", "KEY": 'to"kenä\n'})
    assert file.read_text() == left
    scrub(tmp_path / "absent", {"DB": "x"})
