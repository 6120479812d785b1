"""What claims measure alike: when curves get somewhere, settings tuned on other seeds, epochs timed."""

import numpy as np
import pytest

import jaxtricks as jt
from experiments.measures import (
    RATE,
    WIDENED,
    epochs_until,
    final_loss,
    fit_tuned,
    halved,
    seconds_an_epoch,
    slowness,
    tuned,
    widened,
)
from jaxtricks.evaluate.claim import Chosen, Scale


def test_a_curve_gets_somewhere_on_the_line_between_two_epochs():
    curves = np.array([[1.0, 0.5, 0.1, 0.7], [0.3, 0.2, 0.1, 0.0], [1.0, 0.9, 0.8, np.nan], [1.0, 0.4, 0.4, 0.4]])
    np.testing.assert_allclose(epochs_until(curves, 0.4), [2.25, 1, 5, 2])
    np.testing.assert_allclose(epochs_until(-curves[:1], -0.6), [1.0])  # what rises, negated


def test_images_of_half_the_size_are_means_rounded_or_not():
    x = np.array([[0, 1, 4, 4], [1, 1, 4, 5]], np.uint8)[None, :, :, None]
    pool = jt.Dataset.from_arrays(np.repeat(x, 4, axis=0), [0, 1, 0, 1])
    for rounded, means, dtype in ((True, [[1, 4]], np.uint8), (False, [[0.75, 4.25]], np.float32)):
        found = halved(pool, rounded=rounded).x
        assert found[0, :, :, 0].tolist() == means and found.dtype == dtype


@pytest.fixture(scope="module")
def digits():
    return jt.load("digits").subset(80, seed=0, validation=0.5)


@pytest.fixture(scope="module")
def base():
    return jt.Experiment(model=jt.MLP(widths=(4,)), optimizer=jt.Optimizer(rule=jt.SGD()), batch_size=20, epochs=2)


def test_each_arm_gets_its_own_best_rate_on_seeds_and_examples_that_are_not_judged(base):
    pool, scale = jt.load("digits"), Scale("cpu", 2)
    arms = {"one": base, "other": base.replace({"inputs": "raw"})}
    rates = (1e-6, 1e-2, 1e2)
    fitted, best = fit_tuned(arms, pool, rates, scale, score=slowness, size=80, validation=0.5)
    tuning = scale.tuning_examples(pool, 80, 0.5)
    for name, arm in arms.items():
        scores = [slowness(jt.fit(arm.replace({RATE: rate}), tuning, seeds=scale.tuning)).mean() for rate in best[name].tried]
        assert best[name].value == best[name].tried[int(np.argmin(scores))]
        assert fitted[name].experiment.optimizer.rule.learning_rate == best[name].value
        assert not set(fitted[name].seeds) & set(scale.tuning)
        judged = {row.tobytes() for row in fitted[name].data.x}
        assert len(judged) >= 79 and not judged & {row.tobytes() for row in tuning.x}


def test_a_ladder_is_widened_until_its_best_is_inside(digits, base):
    def near(place):
        return lambda runs: np.abs(np.log10([runs.experiment.optimizer.rule.learning_rate]) - place)

    (inside,) = tuned({"a": base}, digits, (1e-3, 1e-2, 1e-1), score=near(-2), seeds=[0]).values()
    assert inside == Chosen(1e-2, (1e-3, 1e-2, 1e-1), edge=False)
    (below,) = tuned({"a": base}, digits, (1e-3, 1e-2, 1e-1), score=near(-4.2), seeds=[0]).values()
    assert below == Chosen(1e-4, (1e-5, 1e-4, 1e-3, 1e-2, 1e-1), edge=False)
    (beyond,) = tuned({"a": base}, digits, (1e-3, 1e-2), score=near(9), seeds=[0]).values()
    assert beyond.edge and beyond.value == 1e2 and len(beyond.tried) == 2 + WIDENED  # there is a bound, and it is told
    assert tuned({"a": base}, digits, (0.1,), score=near(0), seeds=[0]) == {"a": Chosen(0.1, (0.1,), edge=True)}


@pytest.mark.parametrize(("best", "following"), [(0.1, 0.033), (0.3, None), (1.0, 3.33)])
def test_a_ladder_goes_on_by_its_last_ratio(best, following):
    assert widened((0.1, 0.3, 1.0), best) == (following and pytest.approx(following, rel=0.02))


def test_a_run_that_diverged_has_the_worst_scores(digits, base):
    runs = jt.fit(base.replace({RATE: 1e30}), digits, seeds=2)
    assert len(runs.diverged) == 2
    assert np.isinf(final_loss(runs)).all() and np.isinf(slowness(runs)).all()


def test_epochs_are_timed_in_turns(digits, base):
    seconds = seconds_an_epoch({"a": base, "b": base.replace({"model.dropout": 0.5})}, digits, 3)
    assert {name: values.shape for name, values in seconds.items()} == {"a": (3,), "b": (3,)}
    assert all((values > 0).all() for values in seconds.values())
