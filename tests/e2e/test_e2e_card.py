"""The model card on the command line: from lock, evidence and documents, the same bytes each time."""

import json
import re

import pytest

FORMS = ("html", "markdown", "text", "json")
SECTIONS = (
    "Model details", "Intended use", "Inputs", "Factors", "Metrics", "Training data", "Evaluation data",
    "Quantitative analyses", "Ethical considerations", "Caveats and recommendations", "Reproducibility",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_card_is_the_same_each_time(built, tmp_path, form):
    texts = []
    for name in ("one", "two"):
        assert built.call("model", "card", "--format", form, "--out", str(tmp_path / name)).code == 0
        texts.append((tmp_path / name).read_bytes())
    assert texts[0] == texts[1]
    assert str(built.root).encode() not in texts[0]


def test_the_card_has_the_sections_of_model_cards_for_model_reporting(built):
    text = built.call("model", "card", "--format", "markdown").out
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [head for head in heads if head in SECTIONS] == list(SECTIONS)
    assert "Mitchell et al., Model Cards for Model Reporting" in text
    assert text.startswith("# Model card: shop\n")


def test_the_page_is_written_where_the_report_is(built):
    answer = built.call("model", "card")
    assert answer.out.strip() == ".mlops/model-card.html"
    page = (built.root / ".mlops/model-card.html").read_text()
    assert "<script" not in page
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org\S*", "", page)
    assert "prefers-color-scheme: dark" in page


def test_descriptions_are_the_purpose_and_do_not_make_the_model_new(built):
    assert "The pipeline does not say what the model is for" in built.call("model", "card", "--format", "text").out
    built.edit("pipeline.yaml", "name: shop\n", "name: shop\ndescription: Tells who buys, for the window dresser.\n")
    assert built.call("plan", "--detailed-exitcode").code == 0
    text = built.call("model", "card", "--format", "text").out
    assert "Tells who buys, for the window dresser." in text


def test_the_card_names_the_bundle_and_how_to_load_it_checked(built):
    from mlops_runner import load_project

    digest = load_project(built.root).lock().stages["package"].outputs["artifacts/model/bundle.json"].sha256
    value = built.call("model", "card", "--json").value
    (section,) = [one for one in value["sections"] if one["title"] == "Reproducibility"]
    (code,) = [block["text"] for block in section["blocks"] if block.get("language") == "python"]
    assert f"load_model('artifacts/model', check=True, sha256='{digest}')" in code
    facts = {item["name"]: item["value"] for item in section["blocks"][0]["items"]}
    assert {"python", "seed", "scikit-learn", "xgboost"} <= set(facts)


def test_an_altered_bundle_has_no_card(built):
    path = built.root / "artifacts/model/candidate.json"
    path.write_bytes(path.read_bytes() + b" ")
    answer = built.call("model", "card")
    assert answer.code == 4
    assert "candidate.json" in answer.err


def test_without_a_model_there_is_no_card(fresh):
    answer = fresh.call("model", "card")
    assert answer.code == 64
    assert "no model has been packaged yet" in answer.err
    assert json.loads(fresh.call("plan", "--json").out)["steps"]


def test_people_in_the_data_and_what_could_not_be_measured_are_named_and_personal_values_are_not(built):
    built.edit("specs/data.yaml", "device: {type: string}", "device: {type: string, tags: [pii, protected]}")
    gate = "{kind: fairness, criterion: demographic_parity, column: device, max_difference: 1.0, min_rows: 9000}"
    built.edit("specs/evaluation.yaml", "gates:\n", f"gates:\n  alike: {gate}\n")
    assert built.call("run", "--no-report").code in {0, 3}
    text = built.call("model", "card", "--format", "markdown").out
    assert "| `device` | personal data, protected attribute | feature | reads it |" in text
    assert "| Gate alike could not be measured |" in text
    assert "| **alike** | groups that must be treated alike | device | 9000 rows a group |" in text
    assert "personal data, not recorded" in text
    assert not re.search(r"\b(desk|phone|tablet)\b", text)
