"""A small project on disk, and edits of its documents: « in a new text marks where the complaint should point."""

from pathlib import Path

from mlops_runner.errors import Place
from mlops_runner.plan.compile import compile_pipeline
from mlops_runner.specs.load import folder_reader, load_core

DOCUMENTS = {
    "pipeline.yaml": """\
apiVersion: mlops/v1
kind: Pipeline
name: loans
description: Who pays back.
specs:
  rollout: specs/rollout.yaml
  monitoring: specs/monitoring.yaml
environments:
- environments/staging.yaml
- environments/production.yaml
""",
    "specs/data.yaml": """\
apiVersion: mlops/v1
kind: Data
name: loans
source:
  kind: csv
  path: data/loans.csv
columns:
  income: {type: float, min: 0}
  purpose:
    type: string
    tags: [pii]
  region: {type: string, role: ignored}
  paid:
    type: string
    role: target
    allowed: ["yes", "no"]
split:
  kind: random
  seed: 7
""",
    "specs/training.yaml": """\
apiVersion: mlops/v1
kind: Training
name: loans
task: binary
positive: "no"
seed: 11
baseline:
  trainer: python
  callable: rules:train
candidates:
  linear:
    trainer: sklearn
    estimator: sklearn.linear_model.LogisticRegression
    params:
      C: 0.5
  boosted:
    trainer: xgboost
    early_stopping_rounds: 5
select:
  metric: roc_auc
""",
    "specs/evaluation.yaml": """\
apiVersion: mlops/v1
kind: Evaluation
name: loans
metrics: [roc_auc, recall]
threshold:
  rule: cost
  false_negative: 5
  false_positive: 1
slices:
  rich: {column: income, min: 1000}
gates:
  finds:
    kind: absolute
    metric: recall
    slice: rich
    min: 0.5
""",
    "specs/monitoring.yaml": """\
apiVersion: mlops/v1
kind: Monitoring
name: loans
windows: {size: 1000, step: 500, min_rows: 400}
watch: {predictions: true, features: [income]}
detectors:
  numbers: {kind: numeric, test: ks, effect: distance, threshold: 0.1, columns: [income]}
  quality: {kind: performance, cohorts: 2, severity: critical}
correction: {method: bh, alpha: 0.05}
rule: {of: 3, at_least: 2}
labels: {maturity: 14d, min_coverage: 0.95}
performance: {metric: recall, margin: 0.02}
alerts:
  routes:
  - channel: {webhook: {secret: HOOK}}
    severity: warning
    cooldown: 7d
""",
    "specs/rollout.yaml": """\
apiVersion: mlops/v1
kind: Rollout
name: loans
strategy: canary
authority: commit
assignment:
  unit: {source: header, name: x-customer}
steps:
- name: tenth
  weight: 10
  hold: {min_duration: 1d, max_duration: 9d}
- name: full
  weight: 100
  hold: {min_duration: 1d, max_duration: 9d}
bake: {duration: 45d, compare: reverse_shadow}
metrics:
- name: errors
  source: {gateway: error}
  test: {kind: rate_ratio, harmful: increase}
decision: {alpha: 0.05, require: no_harm, on_inconclusive: hold}
""",
    "environments/staging.yaml": """\
apiVersion: mlops/v1
kind: Environment
name: staging
service: loans
engine: embedded
models:
  stable: null
  candidate: null
rollout:
  id: 0
  policy: specs/rollout.yaml
  ceiling: {step: null, weight: 0}
""",
    "rules.py": "def train(x, y, *, seed):\n    return None\n",
}
DOCUMENTS["environments/production.yaml"] = DOCUMENTS["environments/staging.yaml"].replace("staging", "production")

MARK = "«"


def write(root: Path, *edits: tuple[str, str, str]) -> Place | None:
    """Write the project with (file, old, new) edits; return the place of the mark, if one of them has it."""
    texts = dict(DOCUMENTS)
    for file, old, new in edits:
        assert old in texts[file], f"{file} has no {old!r}"
        texts[file] = texts[file].replace(old, new, 1)
    marked = None
    for file, text in texts.items():
        if MARK in text:
            before = text[: text.index(MARK)]
            marked = Place(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text.replace(MARK, ""))
    return marked


def core_of(root: Path):
    return load_core(folder_reader(root))


def compiled_of(root: Path):
    """Compile a project that is there."""
    core = core_of(root)
    return compile_pipeline(core.pipeline, core)


def compiled(root: Path, *edits):
    """Write the project and compile it."""
    write(root, *edits)
    return compiled_of(root)
