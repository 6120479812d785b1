"""What claims measure alike: when curves get somewhere, settings tuned on other seeds, epochs timed."""

import numpy as np
import pytest

import jaxtricks as jt
from experiments.measures import RATE, TUNING, epochs_until, final_loss, fit_tuned, seconds_an_epoch, slowness


def test_a_curve_gets_somewhere_on_the_line_between_two_epochs():
    curves = np.array([[1.0, 0.5, 0.1, 0.7], [0.3, 0.2, 0.1, 0.0], [1.0, 0.9, 0.8, np.nan], [1.0, 0.4, 0.4, 0.4]])
    np.testing.assert_allclose(epochs_until(curves, 0.4), [2.25, 1, 5, 2])
    np.testing.assert_allclose(epochs_until(-curves[:1], -0.6), [1.0])  # what rises, negated


@pytest.fixture(scope="module")
def digits():
    return jt.load("digits").subset(80, seed=0, validation=0.5)


@pytest.fixture(scope="module")
def base():
    return jt.Experiment(model=jt.MLP(widths=(4,)), optimizer=jt.Optimizer(rule=jt.SGD()), batch_size=20, epochs=2)


def test_each_arm_gets_its_own_best_rate_on_seeds_that_are_not_judged(digits, base):
    arms = {"one": base, "other": base.replace({"inputs": "raw"})}
    rates = (1e-6, 1e-2, 1e3)
    fitted, best = fit_tuned(arms, digits, rates, 2, score=slowness)
    for name, arm in arms.items():
        scores = [slowness(jt.fit(arm.replace({RATE: rate}), digits, seeds=TUNING)).mean() for rate in rates]
        assert best[name] == rates[int(np.argmin(scores))]
        assert fitted[name].experiment.optimizer.rule.learning_rate == best[name]
        assert not set(fitted[name].seeds) & set(TUNING)


def test_a_run_that_diverged_has_the_worst_scores(digits, base):
    runs = jt.fit(base.replace({RATE: 1e30}), digits, seeds=2)
    assert len(runs.diverged) == 2
    assert np.isinf(final_loss(runs)).all() and np.isinf(slowness(runs)).all()


def test_epochs_are_timed_in_turns(digits, base):
    seconds = seconds_an_epoch({"a": base, "b": base.replace({"model.dropout": 0.5})}, digits, 3)
    assert {name: values.shape for name, values in seconds.items()} == {"a": (3,), "b": (3,)}
    assert all((values > 0).all() for values in seconds.values())
