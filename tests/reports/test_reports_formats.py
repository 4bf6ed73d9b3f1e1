import json

import pytest

from mlops_runner.reports.document import (
    Cell,
    Code,
    Column,
    Facts,
    Figure,
    Gate,
    Paragraph,
    Report,
    Section,
    Table,
    Verdict,
    Verdicts,
)
from mlops_runner.reports.formats.markdown import escape
from mlops_runner.reports.render import render, render_html, render_json, render_markdown, render_text

SVG = '<svg viewBox="0 0 1 1"></svg>'
DIGEST = Cell("k1:abcd…", "k1:abcdefgh", mono=True)
REPORT = Report(
    "churn",
    "Who leaves?",
    Verdict("fail", "1 of 2 gates refuses the model: recall 0.9 < 0.95."),
    (
        Section("Gates", (Verdicts((Gate("recall", "test", "fail", "recall 0.9 < 0.95", blocks=True),)),)),
        Section(
            "Lineage", (Table((Column("Stage"), Column("Rows", "right")), (("train", "12"), (DIGEST, "3"))),), "detail"
        ),
        Section("Rest", (Paragraph("Text."), Figure(SVG, "A curve.", "It rises."), Code("mlops verify", "sh"))),
    ),
    Facts((("Winner", "forest"),)),
)
EVIL = "</script><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}|`x`**b**@team\n# head\x1b[31m\u202e\"'"


def hostile():
    table = Table(
        (Column(EVIL),), ((EVIL,), (Cell(EVIL, EVIL * 2, mono=True),), (Cell(EVIL, EVIL * 2, strong=True),)), EVIL
    )
    gates = Verdicts((Gate(EVIL, EVIL, "unmeasured", EVIL, blocks=False),))
    blocks = (Paragraph(EVIL), table, Facts(((EVIL, EVIL),)), gates, Figure(SVG, EVIL, EVIL), Code(EVIL, EVIL))
    sections = (Section(EVIL, blocks), Section(EVIL, blocks, "detail"))
    return Report(EVIL, EVIL, Verdict("pass", EVIL), sections, Facts(((EVIL, EVIL),)))


def test_text_is_aligned_and_names_the_verdict():
    assert render_text(REPORT) == (
        "churn\n=====\nWho leaves?\n\nFAIL: 1 of 2 gates refuses the model: recall 0.9 < 0.95.\n\nWinner  forest\n\n"
        "Gates\n-----\nVerdict  Gate    Numbers compared   Measured on\nFAIL     recall  recall 0.9 < 0.95  test\n\n\n"
        "Lineage\n-------\nStage     Rows\ntrain       12\nk1:abcd…     3\n\n\n"
        "Rest\n----\nText.\n\n[figure] A curve. It rises.\n\n  mlops verify\n\n"
    )


def test_markdown_has_tables_and_folds_details():
    assert render_markdown(REPORT) == (
        "# churn\n\nWho leaves?\n\n❌ **FAIL** 1 of 2 gates refuses the model: recall 0.9 &lt; 0.95.\n\n"
        "Winner **forest**\n\n"
        "## Gates\n\n| Verdict | Gate | Numbers compared | Measured on |\n|---|---|---|---|\n"
        "| ❌ FAIL | **recall** | `recall 0.9 < 0.95` | test |\n\n"
        "<details>\n<summary>Lineage</summary>\n\n"
        "| Stage | Rows |\n|---|---:|\n| train | 12 |\n| `k1:abcd…` | 3 |\n\n</details>\n\n"
        "## Rest\n\nText.\n\n*A curve.* It rises.\n\n```sh\nmlops verify\n```\n"
    )


def test_json_carries_full_values_and_no_drawing():
    found = json.loads(render_json(REPORT))
    assert found["verdict"]["answer"] == "fail"
    assert found["sections"][1]["blocks"][0]["rows"] == [["train", "12"], ["k1:abcdefgh", "3"]]
    assert found["sections"][2]["blocks"][1] == {"kind": "figure", "caption": "A curve.", "alt": "It rises."}


def test_html_says_the_verdict_in_words_and_keeps_full_digests_behind_short_ones():
    page = render_html(REPORT)
    assert '<span class="word">FAIL</span>' in page
    assert '<code title="k1:abcdefgh">k1:abcd…</code>' in page
    assert SVG in page


def test_html_needs_no_script_and_no_request():
    page = render_html(REPORT)
    for word in ("<script", "http://", "https://", "@import", "url(", "<link", "<img"):
        assert word not in page


def test_html_serves_dark_screens_and_paper():
    page = render_html(REPORT)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_html_escapes_every_string():
    page = render_html(hostile())
    assert "<img" not in page
    assert "</script" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "{{ 7*7 }}" in page
    assert 'title="&lt;/script' in page


def test_json_may_stand_within_a_page():
    text = render_json(hostile())
    assert "<" not in text
    assert json.loads(text)["title"] == EVIL


def test_text_never_steers_the_terminal():
    text = render_text(hostile())
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_markdown_keeps_the_shape_of_its_tables():
    rows = [line for line in render_markdown(hostile()).splitlines() if line.startswith("| ")]
    cells = {line.replace("\\|", "").count("|") for line in rows}
    assert cells == {2, 3, 5}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>&", "&lt;b&gt;&amp;"),
        ("a|b", "a\\|b"),
        ("a\nb", "a b"),
        ("*x* _y_ roc_auc", "\\*x\\* \\_y\\_ roc_auc"),
        ("[a](b)", "\\[a\\](b)"),
        ("`x`", "\\`x\\`"),
        ("@team #1", "@\u2060team #\u20601"),
        ("https://x.y www.x", "https\u2060://x.y www\u2060.x"),
        ("# head", "\\# head"),
        ("- item", "\\- item"),
        ("1. item", "1\\. item"),
        ("0.95", "0.95"),
        ("\x1b[31m", "\ufffd\\[31m"),
    ],
)
def test_markdown_escapes(text, expected):
    assert escape(text) == expected


def test_code_in_markdown_has_a_fence_longer_than_any_within():
    report = Report("r", "", Verdict("pass", ""), (Section("s", (Code("````", "sh` x"),)),))
    assert "`````shx\n````\n`````" in render_markdown(report)


@pytest.mark.parametrize("form", ["html", "markdown", "text", "json"])
def test_the_same_report_gives_the_same_bytes(form):
    assert render(hostile(), form) == render(hostile(), form)


def test_highlights_of_html_keep_the_exact_value_behind():
    report = Report("r", "", Verdict("pass", ""), (), Facts((("auc", Cell("0.9951", "0.995087")),)))
    assert '<dd><span title="0.995087">0.9951</span></dd>' in render_html(report)
