"""What the Evaluation document cannot check alone: sides, metrics, slices and columns that other documents decide."""

from collections.abc import Callable, Iterator, Set

from mlops_runner.errors import Diagnostic
from mlops_runner.evaluate.metrics.names import known_metrics
from mlops_runner.plan.compile_parts import sides_of
from mlops_runner.specs.complaints import nearest
from mlops_runner.specs.data import Data
from mlops_runner.specs.evaluation import Evaluation, Slice
from mlops_runner.specs.evaluation_gates import (
    ChampionGate,
    FairnessGate,
    Gate,
    RobustnessGate,
    SideGate,
    SlicesGate,
    StabilityGate,
)
from mlops_runner.specs.load import Core, Loaded
from mlops_runner.specs.locations import Path
from mlops_runner.specs.task import CLASSIFYING, DECIDED_BY_THRESHOLD
from mlops_runner.specs.training_trainers import batch_rows_of

NUMERIC = {"float", "int"}
CHAMPION = "champion"
# Types of the columns that a perturbation can touch.
TOUCHED = {"noise": NUMERIC, "shift": NUMERIC, "missing": {"float", "int", "string", "bool"}, "unseen": {"string"}}


def metrics_are_known(core: Core) -> Iterator[Diagnostic]:
    """Every metric is one of the task, listed once, and those of gates and of the selection are listed."""
    evaluation, training = core.evaluation, core.training
    known = known_metrics(training.spec.task)
    listed = evaluation.spec.metrics
    for position, metric in enumerate(listed):
        path: Path = ("metrics", position)
        if metric not in known:
            yield unknown_metric(evaluation, metric, path, known, training.spec.task)
        elif metric in listed[:position]:
            yield at(evaluation, "duplicate-metric", f'metric "{metric}" is listed twice', path, "remove one")
    uses: list[tuple[Loaded, str, Path]] = [(training, training.spec.select.metric, ("select", "metric"))]  # type: ignore[type-arg]
    gates = evaluation.spec.gates.items()
    uses += [(evaluation, gate.metric, ("gates", name, "metric")) for name, gate in gates if hasattr(gate, "metric")]
    for loaded, metric, path in uses:
        if metric not in known:
            yield unknown_metric(loaded, metric, path, known, training.spec.task)
        elif metric not in listed:
            hint = f"add it to metrics in {evaluation.document.file}"
            yield at(loaded, "unmeasured-metric", f'metric "{metric}" is not among the measured metrics', path, hint)


def weights_are_there(core: Core) -> Iterator[Diagnostic]:
    """Metrics are weighted by a column that is declared, and no gate asks for what has no weighted form."""
    evaluation = core.evaluation
    if not evaluation.spec.weighted:
        return
    if not core.data.spec.with_role("weight"):
        message = f"metrics are to be weighted, and no column of {core.data.document.file} has the role weight"
        yield at(evaluation, "no-weights", message, ("weighted",), "give a column role: weight, or remove weighted")
    for name, gate in evaluation.spec.gates.items():
        if isinstance(gate, ChampionGate) and gate.method == "mcnemar":
            message = "McNemar's test counts rows, and here rows count by their weight"
            path: Path = ("gates", name, "method")
            yield at(evaluation, "no-weighted-form", message, path, "method: paired_bootstrap, or remove weighted")


def unknown_metric(loaded: Loaded, metric: str, path: Path, known: Set[str], task: str) -> Diagnostic:  # type: ignore[type-arg]
    """Complain about a metric that the task does not have."""
    hint = nearest(metric.replace("@", "_at_"), known) or f"known for {task}: {', '.join(sorted(known))}"
    return at(loaded, "unknown-metric", f'metric "{metric}" is not known', path, hint)


def evaluated_sides_exist(core: Core) -> Iterator[Diagnostic]:
    """The split makes every side that the threshold is chosen on, and that gates are measured on."""
    sides, evaluation = sides_of(core.data.spec), core.evaluation
    rule = evaluation.spec.threshold
    uses: list[tuple[str, Path]] = []
    if rule is not None and rule.rule != "fixed":
        uses.append((rule.split, ("threshold", "split")))
    gates = evaluation.spec.gates.items()
    uses += [(gate.split, ("gates", name, "split")) for name, gate in gates if isinstance(gate, SideGate)]
    for side, path in uses:
        if side not in sides:
            hint = f"give {side} a share in {core.data.document.file}, or use another side"
            yield at(evaluation, "unknown-side", f"the split makes no {side} side", path, hint)


def gates_fit_task(core: Core) -> Iterator[Diagnostic]:
    """Thresholds need two classes or labels, fairness two classes; gates that decide on intervals need them."""
    task, evaluation = core.training.spec.task, core.evaluation
    if evaluation.spec.threshold is not None and task not in DECIDED_BY_THRESHOLD:
        message = f"a decision threshold needs a binary or multilabel task; this one is {task}"
        yield at(evaluation, "needless-threshold", message, ("threshold",), "remove it")
    intervals = evaluation.spec.intervals
    if intervals is not None and intervals.stratify == "target":
        yield from _stratified(core)
    for name, gate in evaluation.spec.gates.items():
        if isinstance(gate, FairnessGate) and task != "binary":
            message = f"a fairness gate needs a binary task; this one is {task}"
            yield at(evaluation, "wrong-task", message, ("gates", name, "kind"), "use a slices gate")
        if intervals is None and _needs_intervals(gate):
            message = f'gate "{name}" decides on intervals, and intervals are turned off'
            yield at(evaluation, "no-intervals", message, ("gates", name), "remove: intervals: null")


def _stratified(core: Core) -> Iterator[Diagnostic]:
    path: Path = ("intervals", "stratify")
    if core.training.spec.task not in CLASSIFYING:
        message = f"resamples are stratified by class, and a {core.training.spec.task} task has none"
        if core.training.spec.task == "multilabel":
            message = "resamples are stratified by class, and a row of a multilabel task has many labels"
        yield at(core.evaluation, "needless-stratify", message, path, "stratify: none")
    if group := core.data.spec.with_role("group"):
        message = f'groups of "{group[0]}" are drawn whole, which cannot keep the number of rows of each class'
        yield at(core.evaluation, "needless-stratify", message, path, "stratify: none")


def _needs_intervals(gate: Gate) -> bool:
    if gate.kind == "champion":
        return gate.method == "paired_bootstrap"
    return getattr(gate, "decide_on", "value") == "interval"


def refits_can_be_made(core: Core) -> Iterator[Diagnostic]:
    """Folds that are left out are declared, and no candidate keeps its rows on the disk."""
    for name, gate in core.evaluation.spec.gates.items():
        if isinstance(gate, StabilityGate) and gate.over == "folds" and core.data.spec.folds is None:
            message = f'gate "{name}" leaves out folds, and {core.data.document.file} declares none'
            hint = "add folds: {count: 5, seed: 1} there, or over: seeds"
            yield at(core.evaluation, "no-folds", message, ("gates", name, "over"), hint)
    wanted = next(_refits(core.evaluation.spec), None)
    for path, trainer in core.training.spec.trainers() if wanted else ():
        if path != ("baseline",) and batch_rows_of(trainer) is not None:
            message = f"external_memory keeps rows on the disk, and {wanted} trains again on rows that are held"
            hint = f"remove {wanted} from {core.evaluation.document.file}, or external_memory"
            yield at(core.training, "no-external-memory", message, (*path, "external_memory"), hint)


def _refits(evaluation: Evaluation) -> Iterator[str]:
    """Name what trains the winner again."""
    yield from (f'gate "{name}"' for name, gate in evaluation.gates.items() if isinstance(gate, StabilityGate))
    if evaluation.learning_curve is not None:
        yield "the learning curve"


def champion_is_named(core: Core) -> Iterator[Diagnostic]:
    """A gate against the champion has one to compare with, and no candidate takes its name."""
    evaluation = core.evaluation
    for name, gate in evaluation.spec.gates.items():
        if gate.kind == "champion" and evaluation.spec.champion is None:
            message = f'gate "{name}" compares with the champion, and none is named'
            hint = "add: champion: {bundle: models/champion}"
            yield at(evaluation, "missing-champion", message, ("gates", name, "kind"), hint)
    if CHAMPION in core.training.spec.candidates:
        message = 'a candidate cannot be called "champion"'
        place = core.training.document.place(("candidates", CHAMPION), key=True)
        yield Diagnostic("reserved-name", message, place, "choose another name")
    if evaluation.spec.champion is not None:
        folder, artifacts = evaluation.spec.champion.bundle, core.pipeline.spec.artifacts
        if f"{folder}/".startswith(f"{artifacts}/"):
            message = f"{folder} lies in the folder that steps write to ({artifacts})"
            hint = "keep the champion elsewhere: it must not change while its challenger is trained"
            yield at(evaluation, "champion-in-artifacts", message, (CHAMPION, "bundle"), hint)


def slices_are_declared(core: Core) -> Iterator[Diagnostic]:
    """Slices are of declared columns, and gates are on declared slices."""
    evaluation = core.evaluation
    known = evaluation.spec.slices
    for name, part in known.items():
        yield from _slice(evaluation, core.data.spec.with_derived(), name, part)
    for name, gate in evaluation.spec.gates.items():
        for part_name, path in _slices_of(name, gate):
            if part_name not in known:
                hint = nearest(part_name, known) or f"declare it under slices; known: {', '.join(known) or 'none'}"
                yield at(evaluation, "unknown-slice", f'slice "{part_name}" is not declared', path, hint)


def _slices_of(name: str, gate: Gate) -> Iterator[tuple[str, Path]]:
    if isinstance(gate, SlicesGate):
        for position, part in enumerate(gate.slices):
            yield part, ("gates", name, "slices", position)
    elif (part_name := getattr(gate, "slice", None)) is not None:
        yield part_name, ("gates", name, "slice")


def _slice(evaluation: Loaded[Evaluation], data: Data, name: str, part: Slice) -> Iterator[Diagnostic]:
    path: Path = ("slices", name, "column")
    if part.column not in data.columns:
        yield _unknown_column(evaluation, part.column, data, path)
    elif part.equals is None and data.columns[part.column].type not in NUMERIC:
        kind = data.columns[part.column].type
        message = f'a range needs a numeric column; "{part.column}" is {kind}'
        yield at(evaluation, "wrong-type", message, path, "use equals")


def columns_of_gates_fit(core: Core) -> Iterator[Diagnostic]:
    """Gates name columns that are declared and of a type that they can use."""
    evaluation, data = core.evaluation, core.data.spec.with_derived()
    for name, gate in evaluation.spec.gates.items():
        if isinstance(gate, FairnessGate):
            yield from _groups(evaluation, data, name, gate)
        elif isinstance(gate, RobustnessGate):
            yield from _touched(evaluation, data, name, gate)


def _groups(evaluation: Loaded[Evaluation], data: Data, name: str, gate: FairnessGate) -> Iterator[Diagnostic]:
    path: Path = ("gates", name, "column")
    if gate.column not in data.columns:
        yield _unknown_column(evaluation, gate.column, data, path)
        return
    kind = data.columns[gate.column].type
    if gate.edges and kind not in NUMERIC:
        message = f'edges need a numeric column; "{gate.column}" is {kind}'
        yield at(evaluation, "wrong-type", message, ("gates", name, "edges"), "remove edges")
    if not gate.edges and kind in {"float", "date", "datetime"}:
        message = f'every value of "{gate.column}", a {kind}, would be a group of its own'
        yield at(evaluation, "wrong-type", message, path, "name the edges between groups, or another column")


def _touched(evaluation: Loaded[Evaluation], data: Data, name: str, gate: RobustnessGate) -> Iterator[Diagnostic]:
    done, types = gate.perturbation, TOUCHED[gate.perturbation.kind]
    features = data.with_role("feature")
    for position, column in enumerate(done.columns):
        path: Path = ("gates", name, "perturbation", "columns", position)
        if column not in features:
            hint = nearest(column, features) or "name a feature"
            yield at(evaluation, "unknown-column", f'"{column}" is not a feature', path, hint)
        elif data.columns[column].type not in types:
            message = (
                f'{done.kind} needs a {" or ".join(sorted(types))} column; "{column}" is {data.columns[column].type}'
            )
            yield at(evaluation, "wrong-type", message, path, "name other columns")
    if not done.columns and not any(data.columns[column].type in types for column in features):
        message = f"no feature is a {' or '.join(sorted(types))} column, which {done.kind} needs"
        yield at(evaluation, "wrong-type", message, ("gates", name, "perturbation"), "use another perturbation")


def _unknown_column(evaluation: Loaded[Evaluation], column: str, data: Data, path: Path) -> Diagnostic:
    hint = nearest(column, data.columns) or "declare it in the Data document"
    return at(evaluation, "unknown-column", f'column "{column}" is not declared', path, hint)


def at(loaded: Loaded, code: str, message: str, path: Path, hint: str) -> Diagnostic:  # type: ignore[type-arg]
    """Put a complaint to a place of a document."""
    return Diagnostic(code, message, loaded.document.place(path), hint)


EVALUATION_CHECKS: tuple[Callable[[Core], Iterator[Diagnostic]], ...] = (
    metrics_are_known, weights_are_there, evaluated_sides_exist, gates_fit_task, champion_is_named, slices_are_declared,
    columns_of_gates_fit, refits_can_be_made,
)  # fmt: skip
