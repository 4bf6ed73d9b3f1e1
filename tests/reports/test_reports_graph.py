"""The graph: what is folded, where nodes are placed, and pages that hold foreign names."""

import random
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_runner.errors import Place
from mlops_runner.plan.graph import joined
from mlops_runner.plan.model import Plan, PlannedStep, Reason
from mlops_runner.plan.steps import Input, Step
from mlops_runner.reports.graph import drawn, graph_json, render_graph
from mlops_runner.reports.graph_layout import GAP, lay_out


def step(name, *reads):
    inputs = tuple(Input(path, path) for path in reads)
    return Step(name, "command", 1, {"outputs": [f"out/{name}"]}, {"": Place("pipeline.yaml")}, "", inputs)


def plan(*steps, action="unchanged", reasons=()):
    return Plan("p", tuple(PlannedStep(s.name, action, s, None, reasons) for s in joined(steps)))


def fan(count):
    counts = [step(f"count@{n}", "out/sorted", f"data/{n}.csv") for n in range(count)]
    return plan(step("sorted", "words.txt"), *counts, step("total", *(f"out/count@{n}" for n in range(count))))


def test_a_few_instances_are_drawn_one_by_one():
    assert render_graph(fan(2), "text").splitlines() == [
        "· sorted   ← words.txt",
        "· count@0   ← sorted, data/0.csv",
        "· count@1   ← sorted, data/1.csv",
        "· total   ← count@0, count@1",
    ]


def test_many_instances_and_files_are_one_node_each_but_in_json():
    found = fan(9)
    assert render_graph(found, "text").splitlines() == [
        "· sorted   ← words.txt",
        "· count@… (9)   ← sorted, data/0.csv … (9 files)",
        "· total   ← count@… (9)",
    ]
    assert len(render_graph(found, "text", everything=True).splitlines()) == 11
    assert len(graph_json(found)["nodes"]) == 11


def test_instances_with_different_actions_show_the_one_that_matters_most():
    steps = joined([step(f"count@{n}") for n in range(10)])
    actions = ["unchanged"] * 8 + ["rerun", "unknown"]
    found = Plan("p", tuple(PlannedStep(s.name, a, s) for s, a in zip(steps, actions, strict=True)))
    (node,) = drawn(found).nodes
    assert node.action == "rerun"
    page = render_graph(found, "html")
    assert [words in page for words in ("</i>1 runs again<", "</i>1 known later<", "</i>8 unchanged<")] == [True] * 3


def test_mermaid_and_dot_name_every_node_and_edge():
    found = plan(step("a", 'odd "name".csv'), step("b", "out/a"))
    assert render_graph(found, "mermaid").splitlines() == [
        "flowchart LR", '  n0["odd &quot;name&quot;.csv"]', '  n1["a"]', '  n2["b"]', "  n0 --> n1", "  n1 --> n2",
    ]  # fmt: skip
    assert '  "odd \\"name\\".csv" -> "a";' in render_graph(found, "dot")


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_edges_run_to_the_right_and_nodes_lie_apart(seed, size):
    chance = random.Random(seed)
    edges = [(m, n) for n in range(size) for m in range(n) if chance.random() < 0.1]
    layers = [0] * size
    for one, other in edges:
        layers[other] = max(layers[other], layers[one] + 1)
    widths = [chance.uniform(40, 300) for _ in range(size)]
    found = lay_out(layers, edges, widths)
    for (one, other), way in zip(edges, found.ways, strict=True):
        points = [found.centres[one][0], *(x for x, _ in way), found.centres[other][0]]
        assert points == sorted(points)
        assert len(set(points)) == len(points)
    boxes = sorted((x, y, widths[n]) for n, (x, y) in enumerate(found.centres))
    for number, (x, y, width) in enumerate(boxes):
        assert width / 2 <= x <= found.width - width / 2 + 0.001
        for to_x, to_y, to_width in boxes[number + 1 :]:
            assert abs(y - to_y) >= 26 or to_x - x >= (width + to_width) / 2 + GAP / 2


@pytest.mark.parametrize("form", ["svg", "html"])
def test_a_drawing_is_well_formed_the_same_twice_and_asks_for_nothing_outside(form):
    odd = [step("a", "data/<b>&\u0007.csv"), step("b", "out/a")]
    found = plan(*odd, action="rerun", reasons=(Reason("input-changed", "data/<b>&.csv", "x", "y"),))
    text = render_graph(found, form)
    assert text == render_graph(found, form)
    ElementTree.fromstring(re.sub("(?s)^.*?(<svg.*</svg>).*$", r"\1", text))
    assert "<b>" not in text
    assert "\u0007" not in text
    assert "input data/&lt;b&gt;&amp;.csv changed" in text
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert "<script" not in text


def test_a_click_on_a_step_leads_to_its_reasons():
    text = render_graph(plan(step("a"), action="add", reasons=(Reason("new", "a"),)), "html")
    assert '<a href="#step-0">' in text
    assert '<section id="step-0">' in text
    assert "<li>not in pipeline.lock yet</li>" in text


def test_a_page_is_written_where_it_is_asked_for(fresh):
    answer = fresh.call("graph", "--format", "html", "--out", str(fresh.root / "graph.html"))
    assert answer.code == 0
    assert answer.out == ""
    assert "train.logistic" in fresh.read("graph.html")
