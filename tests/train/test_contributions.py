"""What each validation example adds to a metric: the mean over the examples is the metric itself."""

import numpy as np
import pytest

import jaxtricks as jt

BASE = jt.Experiment(model=jt.MLP(widths=(4,)), batch_size=24, epochs=2)
PLACE = {"layout": jt.Layout(runs=2), "progress": False}


def data(task):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(90, 5))
    y = {
        "classes": (x[:, 0] > 0) + (x[:, 1] > 0.5).astype(int),
        "multilabel": (x[:, :3] > 0).astype(int),
        "values": 300 + 20 * x[:, :2] + draw.normal(size=(90, 2)),
    }[task]
    return jt.Dataset.from_arrays(x, y, task=task)


@pytest.mark.parametrize(
    ("task", "more", "unknown"),
    [
        ("classes", ("macro_f1", "balanced_accuracy", "perplexity", "brier", "top_2", "roc_auc"), {"roc_auc"}),
        ("multilabel", ("macro_f1",), set()),
        ("values", ("r2", "mse"), {"r2"}),
    ],
)
def test_the_mean_over_examples_is_the_metric(task, more, unknown):
    experiment = BASE.replace({"metrics": more})
    runs = jt.fit(experiment, data(task), seeds=3, **PLACE)
    for name, values in runs.metrics.items():
        each = runs.contributions(name)
        assert (each is None) == (name in unknown)
        if each is not None:
            assert each.shape == (3, 18)
            np.testing.assert_allclose(each.mean(axis=1), values, rtol=1e-4, atol=1e-6)


def test_they_are_those_of_each_runs_own_examples_in_their_order():
    runs = jt.fit(BASE, data("classes"), seeds=3, **PLACE)
    each, pool = runs.contributions("accuracy"), runs.data
    predicted = runs.log_probs(pool.x).argmax(axis=2)
    for row, split in enumerate(runs.sampling.split):
        places = runs.sampling.validation[split]
        np.testing.assert_array_equal(each[row], predicted[row, places] == pool.y[places])
    np.testing.assert_array_equal(runs.at([2, 0]).contributions("accuracy"), each[[2, 0]])


def test_they_are_of_the_weights_that_are_kept_when_training_stops_early():
    stopping = jt.EarlyStopping(patience=1)
    runs = jt.fit(BASE.replace({"epochs": 6, "stopping": stopping}), data("classes"), seeds=3, **PLACE)
    np.testing.assert_allclose(runs.contributions("nll").mean(axis=1), runs.metrics["nll"], rtol=1e-4)


def test_a_root_to_first_order_is_the_delta_method():
    runs = jt.fit(BASE, data("values"), seeds=2, **PLACE)
    squares = np.square(
        runs.log_probs(runs.data.x)[np.arange(2)[:, None], runs.sampling.validation] - runs.data.y[runs.sampling.validation]
    )
    expected = [jt.statistics.linear_root(each) for each in squares.astype(float)]
    np.testing.assert_allclose(runs.contributions("rmse"), expected, rtol=1e-3)
