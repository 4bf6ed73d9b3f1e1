"""The estimators of scikit-learn that may be trained and stored: a literal list, with the types each file may hold.

An estimator is listed only when a test shows that its stored form gives the same predictions bit for bit, and the
same bytes again. The types are constants of ours; nothing is ever added because a file asks for it.
"""

from dataclasses import dataclass
from typing import Literal

TREE = ("sklearn.tree._tree.Tree",)
LINKS = ("sklearn._loss.link.Interval", "sklearn._loss.link.IdentityLink", "sklearn._loss.link.LogLink")
LOGIT = (
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.HalfLogitLink",
    "sklearn._loss.link.MultinomialLogit",
)
CLASSIFICATION_LOSSES = (
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.ExponentialLoss",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn._loss._loss.CyExponentialLoss",
)
REGRESSION_LOSSES = (
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.loss.AbsoluteError",
    "sklearn._loss.loss.PinballLoss",
    "sklearn._loss.loss.HuberLoss",
    "sklearn._loss.loss.HalfPoissonLoss",
    "sklearn._loss.loss.HalfGammaLoss",
    "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn._loss._loss.CyAbsoluteError",
    "sklearn._loss._loss.CyPinballLoss",
    "sklearn._loss._loss.CyHuberLoss",
    "sklearn._loss._loss.CyHalfPoissonLoss",
    "sklearn._loss._loss.CyHalfGammaLoss",
)
HISTOGRAM = (
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.preprocessing._label.LabelEncoder",
)
TWEEDIE = (
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn._loss._loss.CyHalfTweedieLoss",
    "sklearn._loss._loss.CyHalfTweedieLossIdentity",
)
NEIGHBORS = (
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
)
NETWORK = (
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.preprocessing._label.LabelBinarizer",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """kind: what the estimator does. stored: its private import path. parts: the other types its file may hold."""

    kind: Literal["classifier", "regressor"]
    stored: str
    parts: tuple[str, ...] = ()

    @property
    def types(self) -> frozenset[str]:
        """All types a stored estimator may hold, besides numbers, texts and containers."""
        return frozenset((self.stored, *self.parts))


def _classifier(stored: str, *parts: str) -> Entry:
    return Entry("classifier", f"sklearn.{stored}", parts)


def _regressor(stored: str, *parts: str) -> Entry:
    return Entry("regressor", f"sklearn.{stored}", parts)


_TREES = "sklearn.tree._classes."
_HGB = "ensemble._hist_gradient_boosting.gradient_boosting."

ESTIMATORS: dict[str, Entry] = {
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": _classifier(
        "discriminant_analysis.LinearDiscriminantAnalysis"
    ),
    "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis": _classifier(
        "discriminant_analysis.QuadraticDiscriminantAnalysis"
    ),
    "sklearn.dummy.DummyClassifier": _classifier("dummy.DummyClassifier"),
    "sklearn.dummy.DummyRegressor": _regressor("dummy.DummyRegressor"),
    "sklearn.ensemble.AdaBoostClassifier": _classifier(
        "ensemble._weight_boosting.AdaBoostClassifier", f"{_TREES}DecisionTreeClassifier", *TREE
    ),
    "sklearn.ensemble.AdaBoostRegressor": _regressor(
        "ensemble._weight_boosting.AdaBoostRegressor", f"{_TREES}DecisionTreeRegressor", *TREE
    ),
    "sklearn.ensemble.BaggingClassifier": _classifier(
        "ensemble._bagging.BaggingClassifier", f"{_TREES}DecisionTreeClassifier", *TREE
    ),
    "sklearn.ensemble.BaggingRegressor": _regressor(
        "ensemble._bagging.BaggingRegressor", f"{_TREES}DecisionTreeRegressor", *TREE
    ),
    "sklearn.ensemble.ExtraTreesClassifier": _classifier(
        "ensemble._forest.ExtraTreesClassifier", f"{_TREES}ExtraTreeClassifier", *TREE
    ),
    "sklearn.ensemble.ExtraTreesRegressor": _regressor(
        "ensemble._forest.ExtraTreesRegressor", f"{_TREES}ExtraTreeRegressor", *TREE
    ),
    "sklearn.ensemble.GradientBoostingClassifier": _classifier(
        "ensemble._gb.GradientBoostingClassifier",
        *("sklearn.dummy.DummyClassifier", f"{_TREES}DecisionTreeRegressor", *TREE),
        *(*LINKS, *LOGIT, *CLASSIFICATION_LOSSES),
    ),
    "sklearn.ensemble.GradientBoostingRegressor": _regressor(
        "ensemble._gb.GradientBoostingRegressor",
        *("sklearn.dummy.DummyRegressor", f"{_TREES}DecisionTreeRegressor", *TREE),
        *(*LINKS, *REGRESSION_LOSSES),
    ),
    "sklearn.ensemble.HistGradientBoostingClassifier": _classifier(
        f"{_HGB}HistGradientBoostingClassifier", *HISTOGRAM, *LINKS, *LOGIT, *CLASSIFICATION_LOSSES
    ),
    "sklearn.ensemble.HistGradientBoostingRegressor": _regressor(
        f"{_HGB}HistGradientBoostingRegressor", *HISTOGRAM, *LINKS, *REGRESSION_LOSSES
    ),
    "sklearn.ensemble.RandomForestClassifier": _classifier(
        "ensemble._forest.RandomForestClassifier", f"{_TREES}DecisionTreeClassifier", *TREE
    ),
    "sklearn.ensemble.RandomForestRegressor": _regressor(
        "ensemble._forest.RandomForestRegressor", f"{_TREES}DecisionTreeRegressor", *TREE
    ),
    "sklearn.kernel_ridge.KernelRidge": _regressor("kernel_ridge.KernelRidge"),
    "sklearn.linear_model.ARDRegression": _regressor("linear_model._bayes.ARDRegression"),
    "sklearn.linear_model.BayesianRidge": _regressor("linear_model._bayes.BayesianRidge"),
    "sklearn.linear_model.ElasticNet": _regressor("linear_model._coordinate_descent.ElasticNet"),
    "sklearn.linear_model.GammaRegressor": _regressor(
        "linear_model._glm.glm.GammaRegressor", *LINKS, *REGRESSION_LOSSES
    ),
    "sklearn.linear_model.HuberRegressor": _regressor("linear_model._huber.HuberRegressor"),
    "sklearn.linear_model.Lars": _regressor("linear_model._least_angle.Lars"),
    "sklearn.linear_model.Lasso": _regressor("linear_model._coordinate_descent.Lasso"),
    "sklearn.linear_model.LassoLars": _regressor("linear_model._least_angle.LassoLars"),
    "sklearn.linear_model.LinearRegression": _regressor("linear_model._base.LinearRegression"),
    "sklearn.linear_model.LogisticRegression": _classifier("linear_model._logistic.LogisticRegression"),
    "sklearn.linear_model.OrthogonalMatchingPursuit": _regressor("linear_model._omp.OrthogonalMatchingPursuit"),
    "sklearn.linear_model.PoissonRegressor": _regressor(
        "linear_model._glm.glm.PoissonRegressor", *LINKS, *REGRESSION_LOSSES
    ),
    "sklearn.linear_model.QuantileRegressor": _regressor("linear_model._quantile.QuantileRegressor"),
    "sklearn.linear_model.Ridge": _regressor("linear_model._ridge.Ridge"),
    "sklearn.linear_model.SGDClassifier": _classifier(
        "linear_model._stochastic_gradient.SGDClassifier",
        *("sklearn._loss._loss.CyHalfBinomialLoss", "sklearn.linear_model._sgd_fast.ModifiedHuber"),
    ),
    "sklearn.linear_model.SGDRegressor": _regressor("linear_model._stochastic_gradient.SGDRegressor"),
    "sklearn.linear_model.TheilSenRegressor": _regressor("linear_model._theil_sen.TheilSenRegressor"),
    "sklearn.linear_model.TweedieRegressor": _regressor(
        "linear_model._glm.glm.TweedieRegressor", *LINKS, *REGRESSION_LOSSES, *TWEEDIE
    ),
    "sklearn.naive_bayes.BernoulliNB": _classifier("naive_bayes.BernoulliNB"),
    "sklearn.naive_bayes.GaussianNB": _classifier("naive_bayes.GaussianNB"),
    "sklearn.neighbors.KNeighborsClassifier": _classifier("neighbors._classification.KNeighborsClassifier", *NEIGHBORS),
    "sklearn.neighbors.KNeighborsRegressor": _regressor("neighbors._regression.KNeighborsRegressor", *NEIGHBORS),
    "sklearn.neural_network.MLPClassifier": _classifier(
        "neural_network._multilayer_perceptron.MLPClassifier", *NETWORK
    ),
    "sklearn.neural_network.MLPRegressor": _regressor("neural_network._multilayer_perceptron.MLPRegressor", *NETWORK),
    "sklearn.svm.LinearSVR": _regressor("svm._classes.LinearSVR"),
    "sklearn.svm.NuSVR": _regressor("svm._classes.NuSVR"),
    "sklearn.svm.SVR": _regressor("svm._classes.SVR"),
    "sklearn.tree.DecisionTreeClassifier": _classifier("tree._classes.DecisionTreeClassifier", *TREE),
    "sklearn.tree.DecisionTreeRegressor": _regressor("tree._classes.DecisionTreeRegressor", *TREE),
    "sklearn.tree.ExtraTreeClassifier": _classifier("tree._classes.ExtraTreeClassifier", *TREE),
    "sklearn.tree.ExtraTreeRegressor": _regressor("tree._classes.ExtraTreeRegressor", *TREE),
}

PREPROCESSING = frozenset(
    {
        "sklearn.compose._column_transformer.ColumnTransformer",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.RobustScaler",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._encoders.OneHotEncoder",
        "sklearn.preprocessing._encoders.OrdinalEncoder",
        # What "passthrough" becomes when fitted. It is harmless, because no file may hold a function.
        "sklearn.preprocessing._function_transformer.FunctionTransformer",
    }
)
# These learn several labels at once; of the others, a model is fitted for each label.
LABELLERS = frozenset(
    {
        "sklearn.dummy.DummyClassifier",
        "sklearn.ensemble.ExtraTreesClassifier",
        "sklearn.ensemble.RandomForestClassifier",
        "sklearn.neighbors.KNeighborsClassifier",
        "sklearn.neural_network.MLPClassifier",
        "sklearn.tree.DecisionTreeClassifier",
        "sklearn.tree.ExtraTreeClassifier",
    }
)
# What holds the models of the labels.
PER_LABEL = "sklearn.multioutput.MultiOutputClassifier"
PER_LABEL_OF_PROJECTS = frozenset(
    {PER_LABEL, "sklearn.multioutput.ClassifierChain", "sklearn.multiclass.OneVsRestClassifier"}
)
PYTHON = "python"
PROJECT = "project"  # read by a function of the project


def allowed_types(family: str) -> frozenset[str] | None:
    """Return the types a stored model of a family may hold, or None for a family that is not known."""
    if family == PYTHON:
        return PREPROCESSING.union(PER_LABEL_OF_PROJECTS, *(entry.types for entry in ESTIMATORS.values()))
    entry = ESTIMATORS.get(family)
    if entry is None:
        return None
    return entry.types | ({PER_LABEL} if entry.kind == "classifier" and family not in LABELLERS else set())
