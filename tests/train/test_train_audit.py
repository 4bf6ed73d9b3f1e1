"""Files made by hand to harm: each must be refused before anything is built from it."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from mlops_runner.errors import NotVerified
from mlops_runner.train.audit import audit
from mlops_runner.train.canonical import canonical
from mlops_runner.train.formats import estimator

FAMILY = "sklearn.linear_model.LinearRegression"
GOOD = canonical(skops.io.dumps(LinearRegression().fit(np.eye(3), np.arange(3))))
ALLOWED = frozenset({"sklearn.linear_model._base.LinearRegression"})


def rebuilt(change: Callable[[dict[str, Any], dict[str, bytes]], None], compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return the good file after changing its schema and members."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as source:
        members = {name: source.read(name) for name in source.namelist()}
    schema = json.loads(members["schema.json"])
    change(schema, members)
    members["schema.json"] = json.dumps(schema).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def node(loader: str, module: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"__loader__": loader, "__module__": module, "__class__": name, **fields}


EMPTY = node("TupleNode", "builtins", "tuple", content=[])
HOSTILE = {
    "an operator that calls": node("OperatorFuncNode", "operator", "methodcaller", attrs=EMPTY),
    "eval as a type": node("TypeNode", "builtins", "eval"),
    "a function": node("FunctionNode", "os", "system"),
    "a method": node("MethodNode", "builtins", "str", content={"func": "format", "obj": EMPTY}),
    "a partial": node("PartialNode", "functools", "partial", content={}),
    "an object of the standard library": node("ObjectNode", "subprocess", "Popen", content=EMPTY),
    "an estimator of another family": node("ObjectNode", "sklearn.svm._classes", "SVC", content=EMPTY),
    "an array of python objects": node("ConstructorFromReduceNode", "builtins", "eval", content=EMPTY),
    "a node that stands for another": node("CachedNode", "builtins", "str", __id__=1),
}


@pytest.mark.parametrize("planted", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_planted_node_is_refused(planted: dict[str, Any]) -> None:
    data = rebuilt(lambda schema, _: schema["content"]["content"].update(coef_=planted))
    with pytest.raises(NotVerified, match=r"not a model we stored: it (holds|uses)"):
        estimator.load(data, FAMILY)


def test_a_node_hidden_among_plain_values_is_found() -> None:
    data = rebuilt(lambda schema, _: schema.update(extra=[{"deep": [HOSTILE["a function"]]}]))
    with pytest.raises(NotVerified, match=r"uses FunctionNode for os.system"):
        estimator.load(data, FAMILY)


@pytest.mark.parametrize("protocol", [0, 1, 3, True, "2", None])
def test_another_protocol_is_refused(protocol: object) -> None:
    with pytest.raises(NotVerified, match="protocol"):
        audit(rebuilt(lambda schema, _: schema.update(protocol=protocol)), ALLOWED, "model.skops")


@pytest.mark.parametrize("name", ["../evil.npy", "/etc/passwd", "a/b.npy", "x" * 32 + ".npy", "0" * 32 + ".pkl"])
def test_a_member_whose_name_is_a_path_is_refused(name: str) -> None:
    with pytest.raises(NotVerified, match="has a member called"):
        audit(rebuilt(lambda _, members: members.update({name: b""})), ALLOWED, "model.skops")


def test_a_reference_out_of_the_archive_is_refused() -> None:
    planted = node("NdArrayNode", "numpy", "ndarray", type="numpy", file="../../secret.npy")
    data = rebuilt(lambda schema, _: schema["content"]["content"].update(coef_=planted))
    with pytest.raises(NotVerified, match="names a member that is not there"):
        audit(data, ALLOWED, "model.skops")


def test_a_compressed_archive_is_refused_because_it_may_be_a_bomb() -> None:
    with pytest.raises(NotVerified, match="compressed"):
        audit(rebuilt(lambda *_: None, zipfile.ZIP_DEFLATED), ALLOWED, "model.skops")


def test_an_array_that_claims_more_than_it_has_is_refused() -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": (2**40,)})
    data = rebuilt(lambda _, members: members.update({"0" * 32 + ".npy": buffer.getvalue()}))
    with pytest.raises(NotVerified, match="not as large as it says"):
        audit(data, ALLOWED, "model.skops")


@pytest.mark.parametrize("cut", [0, 10, len(GOOD) // 2, len(GOOD) - 1])
def test_a_truncated_file_is_refused(cut: int) -> None:
    with pytest.raises(NotVerified, match="damaged"):
        audit(GOOD[:cut], ALLOWED, "model.skops")


def test_deep_nesting_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", "[" * 200_000)
    with pytest.raises(NotVerified, match="damaged"):
        audit(buffer.getvalue(), ALLOWED, "model.skops")


def test_a_family_that_is_not_listed_is_refused() -> None:
    with pytest.raises(NotVerified, match=r'family "os.system" is not known'):
        estimator.load(GOOD, "os.system")


def test_the_unharmed_file_is_accepted() -> None:
    assert estimator.load(GOOD, FAMILY).predict(np.eye(3)).round(9).tolist() == [0, 1, 2]
    audit(rebuilt(lambda *_: None), ALLOWED, "model.skops")
