"""The face for scikit-learn: its own checks, and what it is used in."""

import dataclasses
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import jaxtricks as jt
from jaxtricks import estimators

TINY = jt.Experiment(
    model=jt.MLP(widths=(16,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.03)), batch_size=32, epochs=15
)
X, Y = load_iris(return_X_y=True)
FAILS = {
    "check_sample_weight_equivalence_on_dense_data": "an example of weight 2 is not two examples where splits are drawn",
    "check_estimators_overwrite_params": "it compares pickles, and that of a Flax module holds an id; see the test of equality",
}


SMALL = TINY.replace({"batch_size": 8})  # some of the checks train on 8 examples


def named_checks():
    """scikit-learn's checks of both, each with a short name; of the regressor those that ask for what only it does."""
    found = []
    own = ("regressor", "supervised", "idempotent", "sample_weights_shape")
    for estimator, chosen in ((jt.Classifier(SMALL, seeds=1), ("check",)), (jt.Regressor(SMALL, seeds=1), own)):
        for _, check in estimator_checks_generator(estimator):
            name = check.func.__name__
            if any(word in name for word in chosen):
                marks = [pytest.mark.xfail(reason=FAILS[name], strict=True)] if name in FAILS else []
                more = "".join(f"-{word}" for word in check.keywords)
                found.append(pytest.param(estimator, check, marks=marks, id=f"{type(estimator).__name__}-{name}{more}"))
    return found


@pytest.mark.parametrize(("estimator", "check"), named_checks())
def test_scikit_learn_s_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def fitted():
    return jt.Classifier(TINY, seeds=3).fit(X, Y)


def test_probabilities_are_the_ensemble_s_mean(fitted):
    members = fitted.runs_.probabilities(X[:7], members=True)
    assert members.shape == (3, 7, 3)
    np.testing.assert_allclose(fitted.predict_proba(X[:7]), members.mean(axis=0), rtol=1e-5)
    assert fitted.score(X, Y) > 0.9 and fitted.score_ == pytest.approx(fitted.runs_.metrics["accuracy"].mean())


def test_seeds_are_those_of_jaxtricks_or_drawn_by_the_random_state():
    def seeds(state):
        return jt.Classifier(seeds=4, random_state=state)._seeds().numbers

    assert seeds(None) == (0, 1, 2, 3)
    assert seeds(5) == seeds(5) != seeds(6) and len(set(seeds(5))) == 4
    state = np.random.RandomState(0)
    assert seeds(state) != seeds(state)


def test_batches_that_nobody_chose_fit_the_data():
    model = jt.Classifier(seeds=1).fit(X[::5], Y[::5])
    assert model.runs_.experiment.batch_size == 24 and model.experiment is None
    with pytest.raises(jt.ConfigError, match=r"batch_size = 32 is not a number of examples that the training split has: 24"):
        jt.Classifier(TINY, seeds=1).fit(X[::5], Y[::5])


def test_settings_are_parameters_by_their_paths():
    model = jt.Classifier(TINY)
    assert model.get_params()["experiment__model__widths"] == (16,) and "experiment__model__widths" not in model.get_params(
        deep=False
    )
    model.set_params(
        experiment__model__dropout__rate=0.25, experiment__model__dropout=0.5, experiment__learning_rate=0.1, seeds=2
    )
    assert (model.experiment.model.dropout.rate, model.experiment.optimizer.rule.learning_rate, model.seeds) == (0.25, 0.1, 2)
    assert TINY.model.dropout is None
    assert jt.Regressor().set_params(experiment__epochs=3).experiment == jt.Experiment(epochs=3)
    with pytest.raises(jt.ConfigError, match=r"there is no setting 'model\.wdths'; did you mean 'model\.widths'\?"):
        model.set_params(experiment__model__wdths=(8,))
    with pytest.raises(ValueError, match="Invalid parameter 'seed'"):
        model.set_params(seed=3)


def test_it_is_searched_and_validated_in_a_pipeline():
    line = make_pipeline(StandardScaler(), jt.Classifier(TINY, seeds=2))
    grid = {"classifier__experiment__optimizer__rule__learning_rate": [1e-5, 0.03]}  # one program for both
    found = GridSearchCV(line, grid, cv=2).fit(X, Y)
    assert found.best_params_ == {name: rates[1] for name, rates in grid.items()} and found.best_score_ > 0.8
    assert cross_val_score(line, X, Y, cv=2).mean() == pytest.approx(found.best_score_)


def test_it_is_cloned_and_pickled_and_its_experiment_stays_as_it_is(fitted):
    assert fitted.experiment == TINY == jt.Experiment.from_json(TINY.to_json())
    twin, again = clone(fitted), pickle.loads(pickle.dumps(fitted))
    assert not hasattr(twin, "runs_") and twin.experiment == TINY
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.runs_.summary() == fitted.runs_.summary() and again.score_ == fitted.score_
    np.testing.assert_array_equal(again.runs_.evaluate("validation")["nll"], fitted.runs_.evaluate("validation")["nll"])


def test_classes_keep_their_names_and_tables_theirs():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = jt.Classifier(TINY, seeds=1).fit(frame, np.array(["setosa", "versicolor", "virginica"])[Y])
    assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"] and model.feature_names_in_.tolist() == list("abcd")
    assert set(model.predict(frame)) <= set(model.classes_)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("dcba")])


def test_weights_count_in_the_loss():
    halves = np.where(Y == 1, 100.0, 1.0)
    plain, weighted = (jt.Classifier(TINY.replace({"epochs": 2}), seeds=2).fit(X, Y, sample_weight=w) for w in (None, halves))
    assert weighted.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean() + 0.1


def test_missing_numbers_are_filled_by_each_restart(fitted):
    holes = X.copy()
    holes[::5, 2] = np.nan
    model = jt.Classifier(TINY, seeds=1).fit(holes, Y)
    assert np.isfinite(model.predict_proba(holes)).all() and model.score(holes, Y) > 0.8
    late = fitted.predict_proba(holes)  # it saw none in training, as where a fold has them all
    assert np.isfinite(late).all()
    np.testing.assert_array_equal(late[1::5], fitted.predict_proba(X)[1::5])


def with_alive(runs, alive):
    """The same restarts, of which some are said to have diverged."""
    return dataclasses.replace(runs, trained=runs.trained._replace(states=runs.trained.states._replace(alive=np.array(alive))))


def test_restarts_that_diverged_are_left_out_and_named(fitted, monkeypatch):
    monkeypatch.setattr(estimators, "fit", lambda *args, **options: with_alive(fitted.runs_, [True, False, True]))
    with pytest.warns(ConvergenceWarning, match=r"^1 of 3 restarts diverged \(seed 1 at step \d+\), and are left out of what "):
        model = clone(fitted).fit(X, Y)
    members = fitted.runs_.probabilities(X[:7], members=True)
    np.testing.assert_allclose(model.predict_proba(X[:7]), members[[0, 2]].mean(axis=0), rtol=1e-5)
    assert model.score_ == pytest.approx(fitted.runs_.metrics["accuracy"][[0, 2]].mean())
    monkeypatch.setattr(estimators, "fit", lambda *args, **options: with_alive(fitted.runs_, [False] * 3))
    with pytest.raises(ValueError, match=r"^3 of 3 restarts diverged \(seed 0 .*\), and none is left to predict with; a smaller"):
        clone(fitted).fit(X, Y)


def test_pictures_are_inputs_of_networks_for_pictures(pictures):
    model = jt.Classifier(TINY.replace({"model": jt.CNN(channels=(4,)), "epochs": 1}), seeds=1).fit(pictures.x, pictures.y)
    assert model.predict_proba(pictures.x[:40]).shape == (40, 3)


def test_values_come_in_their_units_one_or_several():
    x, y = load_diabetes(return_X_y=True)
    model = jt.Regressor(TINY, seeds=2).fit(x, y)
    assert model.predict(x).shape == y.shape and model.score(x, y) > 0.4
    assert model.score_ == pytest.approx(model.runs_.metrics["r2"].mean())
    both = model.fit(x, np.stack([y, -3 * y], axis=1)).predict(x[:9])
    assert both.shape == (9, 2) and np.corrcoef(both.T)[0, 1] < -0.9


class Cleaning:
    """What cleanlab's `CleanLearning` does with a classifier: it finds labels that others find unlikely, and trains without."""

    def __init__(self, model):
        self.model = model

    def fit(self, x, y):
        proba = cross_val_predict(clone(self.model), x, y, cv=3, method="predict_proba")
        self.wrong = proba[np.arange(len(y)), y] < 0.2
        kept = ~self.wrong
        self.model.fit(x[kept], y[kept], sample_weight=np.full(kept.sum(), 1.5))
        return self


def test_labels_are_cleaned_by_it():
    mistaken = Y.copy()
    mistaken[:5] = 2
    cleaned = Cleaning(jt.Classifier(TINY, seeds=2)).fit(X, mistaken)
    assert cleaned.wrong[:5].all() and cleaned.wrong.sum() < 20 and cleaned.model.score(X, Y) > 0.9


@pytest.mark.parametrize(
    ("model", "y", "says"),
    [
        (jt.Classifier(TINY), np.zeros(150, int), "is its only class; two classes or more are allowed"),
        (jt.Classifier(TINY, validation=2.0), Y, "validation"),
        (jt.Classifier(TINY, seeds=0), Y, "seeds"),
        (jt.Classifier(TINY), Y + 0.5, "Unknown label type"),
    ],
)
def test_refused(model, y, says):
    with pytest.raises(ValueError, match=says):
        model.fit(X, y)
