"""The face for scikit-learn: ensembles of restarts with `fit`, `predict` and parameters that a search can set.

They work in pipelines, cross-validation, grid searches and whatever else takes an estimator, such as cleanlab.
"""

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Float, Num, Shaped
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.random import sample_without_replacement
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from jaxtricks.config import items
from jaxtricks.config.paths import meant
from jaxtricks.data import Dataset
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.experiment.seeds import LARGEST, Seeds
from jaxtricks.train.fit import fit

NESTED = "experiment__"  # what parameters that are settings of the experiment begin with
FEWEST, MOST = 32, 1024  # examples that are predicted together: a power of two between them, or a multiple of the last
NAMED = 3  # restarts that diverged


class Estimator(BaseEstimator):
    """What `Classifier` and `Regressor` have in common.

    Args:
        experiment: what each restart trains; None: `Experiment()`, with batches no larger than the training split. Its settings
            are parameters, too, by their paths: `experiment__model__widths`, or `experiment__widths` where the end says enough.
        seeds: how many restarts are trained, in one program, and averaged over.
        validation: the share of the examples that each restart draws to validate on, and does not train on, in (0, 1).
        random_state: what the restarts' seeds are drawn by; None: they are 0, 1, …, as everywhere in jaxtricks.

    Attributes:
        runs_: the restarts, with the data that they were trained on, see `jaxtricks.Runs`; `runs_.diverged` names those that are
            left out of what is predicted, of which a warning tells.
        score_: the mean over the restarts that did not diverge of the metric on the examples that each validated on.
        n_features_in_: the features of an input, a count.
        feature_names_in_: their names, where X was a table with names.
    """

    METRIC: ClassVar[str]

    def __init__(
        self, experiment: Experiment | None = None, *, seeds: int = 8, validation: float = 0.2, random_state: Any = None
    ) -> None:
        self.experiment = experiment
        self.seeds = seeds
        self.validation = validation
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Gives the parameters by name.

        Args:
            deep: whether to give the settings of the experiment, too.
        """
        own: dict[str, Any] = super().get_params(deep=False)
        nested = {NESTED + path.replace(".", "__"): value for path, _, value in items(self._experiment)} if deep else {}
        return own | nested

    def set_params(self, **params: Any) -> Self:
        """Sets parameters by name, and gives the estimator.

        Args:
            **params: those of the estimator, or settings of its experiment, such as `experiment__model__widths=(64,)`.

        Raises:
            ConfigError: for an unknown setting, or a value that it does not take.
            ValueError: for another unknown parameter.
        """
        super().set_params(**{name: value for name, value in params.items() if not name.startswith(NESTED)})
        for name in sorted(filter(lambda name: name.startswith(NESTED), params), key=lambda name: name.count("__")):
            path = meant(self._experiment, name.removeprefix(NESTED).replace("__", "."))
            self.experiment = self._experiment.replace({path: params[name]})
        return self

    @property
    def _experiment(self) -> Experiment:
        return Experiment() if self.experiment is None else self.experiment

    def _fit(self, data: Dataset) -> Self:
        seeds, experiment = self._seeds(), self._experiment
        if self.experiment is None:  # nobody chose its batches
            size = min(experiment.batch_size, seeds.sampling(data).train.shape[1])
            experiment = experiment.replace({"batch_size": size})
        runs = fit(experiment, data, seeds=seeds, progress=False)
        if runs.diverged:
            first = ", ".join(f"{name} at step {step}" for name, step in list(runs.diverged.items())[:NAMED])
            said = f"{len(runs.diverged)} of {len(runs)} restarts diverged ({first}{', …' if len(runs.diverged) > NAMED else ''})"
            if not runs.alive.any():
                raise ValueError(f"{said}, and none is left to predict with; a smaller learning rate may help.")
            warnings.warn(f"{said}, and are left out of what is predicted.", ConvergenceWarning, stacklevel=3)
        self.runs_ = runs
        self.score_ = float(np.nanmean(runs.metrics[self.METRIC][runs.alive]))
        return self

    def _seeds(self) -> Seeds:
        if self.random_state is None:
            return Seeds(self.seeds)
        drawn = sample_without_replacement(LARGEST, self.seeds, random_state=check_random_state(self.random_state))
        return Seeds(tuple(drawn.tolist()))

    def _data(self, X: Any, y: Any, sample_weight: Any, **about: Any) -> Dataset:
        """The data set of checked arrays."""
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        missing = X.dtype.kind == "f"  # whether some are is not asked: those that are may all be among those that are predicted
        return Dataset.from_arrays(X, y, validation=self.validation, weights=weights, missing=missing, **about)

    def _averaged(self, X: Any) -> Float[np.ndarray, "examples outputs"]:
        """The mean over the restarts that did not diverge, for inputs that come in a few sizes, so that few programs compile."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, allow_nd=True, ensure_all_finite="allow-nan")
        count = len(X)
        size = -(-count // MOST) * MOST if count > MOST else max(FEWEST, 1 << (count - 1).bit_length())
        alive = self.runs_.at(np.flatnonzero(self.runs_.alive).tolist())
        return alive.probabilities(X[np.minimum(np.arange(size), count - 1)])[:count]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class Classifier(ClassifierMixin, Estimator):
    """A classifier of scikit-learn that trains several restarts of an experiment in one program, and averages over them.

    Inputs are numbers, [examples, ...]; NaN stands for one that is missing. Tables with words and dates are for
    `jt.Dataset.from_frame` and `jt.fit`.

    Args:
        experiment: what each restart trains; None: `Experiment()`, with batches no larger than the training split. Its settings
            are parameters, too, by their paths: `experiment__model__widths`, or `experiment__widths` where the end says enough.
        seeds: how many restarts are trained, in one program, and averaged over.
        validation: the share of the examples that each restart draws to validate on, and does not train on, in (0, 1).
        random_state: what the restarts' seeds are drawn by; None: they are 0, 1, …, as everywhere in jaxtricks.

    Attributes:
        classes_: the classes, sorted.
        score_: the mean over the restarts that did not diverge of the accuracy on the examples that each validated on.
        runs_: the restarts, with the data that they were trained on, see `jaxtricks.Runs`; `runs_.diverged` names those that are
            left out of what is predicted, of which a warning tells.

    >>> from sklearn.datasets import load_iris
    >>> x, y = load_iris(return_X_y=True)
    >>> model = jt.Classifier(jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2), seeds=2).fit(x, y)
    >>> model.predict_proba(x[:5]).shape, model.classes_
    ((5, 3), array([0, 1, 2]))
    >>> model.set_params(experiment__model__widths=(4,)).experiment.model.widths
    (4,)
    """

    METRIC: ClassVar[str] = "accuracy"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains the restarts.

        Args:
            X: the inputs, [examples, ...], numbers.
            y: the class of each, [examples]; two classes or more.
            sample_weight: how much each counts in the loss, [examples], at least 0; None: all count alike.

        Raises:
            ValueError: for inputs, labels or settings that cannot be trained on, or where all restarts diverged.
        """
        X, y = validate_data(self, X, y, allow_nd=True, ensure_all_finite="allow-nan", ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y: {self.classes_[0]!r} is its only class; two classes or more are allowed.")
        return self._fit(self._data(X, numbers, sample_weight, task="classes", classes=tuple(map(str, self.classes_))))

    def predict_proba(self, X: Any) -> Float[np.ndarray, "examples classes"]:
        """Gives the probability of each class, in the order of `classes_`; the mean over the restarts.

        Args:
            X: the inputs, [examples, ...], numbers.
        """
        found = self._averaged(X)
        return found / found.sum(axis=1, keepdims=True)  # float32 adds up to 1 but for rounding

    def predict(self, X: Any) -> Shaped[np.ndarray, " examples"]:
        """Gives the most probable class of each input.

        Args:
            X: the inputs, [examples, ...], numbers.
        """
        likeliest = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[likeliest])


class Regressor(RegressorMixin, Estimator):
    """A regressor of scikit-learn that trains several restarts of an experiment in one program, and averages over them.

    Inputs are numbers, [examples, ...]; NaN stands for one that is missing. Values are learnt on the scale of the training
    split, and predicted in their own units.

    Args:
        experiment: what each restart trains; None: `Experiment()`, with batches no larger than the training split. Its settings
            are parameters, too, by their paths: `experiment__model__widths`, or `experiment__widths` where the end says enough.
        seeds: how many restarts are trained, in one program, and averaged over.
        validation: the share of the examples that each restart draws to validate on, and does not train on, in (0, 1).
        random_state: what the restarts' seeds are drawn by; None: they are 0, 1, …, as everywhere in jaxtricks.

    Attributes:
        score_: the mean over the restarts that did not diverge of R² on the examples that each validated on.
        runs_: the restarts, with the data that they were trained on, see `jaxtricks.Runs`; `runs_.diverged` names those that are
            left out of what is predicted, of which a warning tells.

    >>> x = np.linspace(-1, 1, 100)[:, None]
    >>> model = jt.Regressor(jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2), seeds=2).fit(x, 3 * x[:, 0] + 1)
    >>> model.predict(x[:5]).shape
    (5,)
    """

    METRIC: ClassVar[str] = "r2"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains the restarts.

        Args:
            X: the inputs, [examples, ...], numbers.
            y: the value of each, [examples], or several values, [examples, outputs].
            sample_weight: how much each counts in the loss, [examples], at least 0; None: all count alike.

        Raises:
            ValueError: for inputs, values or settings that cannot be trained on, or where all restarts diverged.
        """
        X, y = validate_data(
            self, X, y, allow_nd=True, ensure_all_finite="allow-nan", ensure_min_samples=2, y_numeric=True, multi_output=True
        )
        y = np.asarray(y, np.float64)
        self._single = y.ndim == 1
        return self._fit(self._data(X, y, sample_weight, task="values"))

    def predict(self, X: Any) -> Num[np.ndarray, "examples ..."]:
        """Gives the predicted values, [examples] or [examples, outputs] as y was; the mean over the restarts.

        Args:
            X: the inputs, [examples, ...], numbers.
        """
        found = self._averaged(X)
        return found[:, 0] if self._single else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
