"""What is trained by a loss of one's own is also what ends training, keeps checkpoints and judges."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks.train.prepare import prepare

HERE = jt.Layout(runs=1, width=2)
fit = partial(jt.fit, seeds=2, layout=HERE, progress=False)
BASE = jt.Experiment(
    model=jt.MLP(widths=(16,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.03)), batch_size=16, epochs=12
)


def own_entropy(scores, targets):
    return (jnp.logaddexp(0, scores) - targets * scores).mean(axis=-1)


def own_squares(scores, targets):
    return jnp.square(scores - targets).sum(axis=-1)


def pinball(scores, targets):
    """Asks for the quantile 0.9."""
    away = targets - scores
    return jnp.maximum(0.9 * away, -0.1 * away).mean(axis=-1)


@pytest.fixture(scope="module")
def tags():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(200, 6))
    return jt.Dataset.from_arrays(x, (x[:, :3] > 0).astype(int), task="multilabel", name="tags")


@pytest.fixture(scope="module")
def clouds():
    y = np.repeat(np.arange(4), 40)
    draw = np.random.default_rng(0)
    return jt.Dataset.from_arrays(3 * draw.normal(size=(4, 5))[y] + draw.normal(size=(160, 5)), y, name="clouds")


def test_an_own_cross_entropy_of_columns_stops_early_with_the_best_weights(tags):
    experiment = BASE.replace({"objective.loss": own_entropy, "stopping": jt.EarlyStopping(patience=3), "epochs": 30})
    runs = fit(experiment, tags)
    assert (runs.metrics["accuracy"] > 0.93).all() and not runs.summary().collapsed
    np.testing.assert_allclose(runs.metrics["own_entropy"], np.nanmin(runs.curves["own_entropy"], axis=1), rtol=1e-6)
    for row, places in enumerate(runs.sampling.validation):
        right = (runs.probabilities(tags.x[places], members=True)[row] > 0.5) == tags.y[places]
        assert right.mean() == pytest.approx(runs.metrics["accuracy"][row], abs=1e-6)


def test_scores_that_stand_for_no_probabilities_have_no_calibration_error(clouds):
    for loss in ("hinge", own_squares):
        runs = fit(BASE.replace({"objective.loss": loss}), clouds)
        assert (runs.metrics["accuracy"] > 0.9).all()
        assert set(runs.metrics) == {"accuracy", runs.experiment.objective.loss.name}
        report = jt.ensemble(runs).evaluate(clouds)
        assert list(report.ensemble) == ["accuracy"] and "ece" not in str(report)


def test_a_loss_says_what_its_scores_mean(clouds):
    """Squared errors of one's own, as those of the package: near the end the scores are the probabilities."""
    said = jt.losses.FunctionLoss(function=own_squares, predictions="probabilities")
    own, known = (fit(BASE.replace({"objective.loss": loss, "epochs": 20}), clouds) for loss in (said, "squared"))
    assert (
        {"accuracy", "nll", "ece"} < set(own.metrics) and (own.metrics["ece"] < 0.2).all() and (known.metrics["ece"] < 0.2).all()
    )
    logits = jt.losses.FunctionLoss(function=optax.softmax_cross_entropy, predictions="logits")
    same, usual = (fit(BASE.replace({"objective.loss": loss}), clouds) for loss in (logits, "cross_entropy"))
    for name in ("accuracy", "nll", "ece"):
        np.testing.assert_allclose(same.metrics[name], usual.metrics[name], rtol=1e-3, atol=1e-4)


def test_a_metric_of_probabilities_is_refused_where_there_are_none(clouds):
    with pytest.raises(jt.ConfigError) as caught:
        prepare(BASE.replace({"objective.loss": own_squares, "metrics": ("brier",)}), clouds, 100)
    assert str(caught.value) == (
        "Experiment.metrics = 'brier' needs probabilities, and the scores of Objective.loss = 'own_squares' stand for none; "
        "a loss whose scores do is allowed: FunctionLoss(function=own_squares, predictions='logits') says so."
    )


def test_optax_s_losses_of_each_output_are_taken_as_they_are(tags):
    prices = jt.Dataset.from_arrays(tags.x, tags.x[:, :2])
    huber, labels = (
        fit(BASE.replace({"objective.loss": optax.huber_loss}), prices),
        fit(BASE.replace({"objective.loss": optax.sigmoid_binary_cross_entropy}), tags),
    )
    assert (huber.metrics["r2"] > 0.9).all() and (labels.metrics["accuracy"] > 0.9).all()
    by_hand = fit(BASE.replace({"objective.loss": lambda s, t: optax.huber_loss(s, t).mean(axis=-1)}), prices)
    np.testing.assert_allclose(huber.metrics["rmse"], by_hand.metrics["rmse"], rtol=1e-4)


def test_training_is_followed_by_the_metric_that_a_loss_names(clouds):
    """By a metric in which higher is better: the weights that are kept are those with the best one."""
    loss = jt.losses.FunctionLoss(function=own_squares, validated_by="macro_f1")
    runs = fit(BASE.replace({"objective.loss": loss, "stopping": jt.EarlyStopping(patience=2), "epochs": 6}), clouds)
    assert "own_squares" not in runs.metrics
    np.testing.assert_allclose(runs.metrics["macro_f1"], runs.curves["macro_f1"].max(axis=1), rtol=1e-6)


def test_a_plateau_follows_an_own_loss(tags):
    """Where its validation value never falls the rate falls after each epoch, so that nothing more is learnt."""
    plateau = BASE.replace({"optimizer.schedule": jt.schedules.Plateau(drop=1e-6), "epochs": 4})
    still = jt.losses.FunctionLoss(
        function=own_entropy, validated_by=jt.Metric("still", lambda s, t: jnp.zeros(()), higher_is_better=False)
    )
    flat, falling = fit(
        [plateau.replace({"objective.loss": loss, "metrics": ("roc_auc",)}) for loss in (still, own_entropy)], tags
    )
    last = [runs.curves["train_loss"][:, -1] for runs in (flat, falling)]
    assert (last[0] > last[1] + 0.05).all()


def test_checkpoints_keep_the_best_by_an_own_loss_and_verdicts_go_by_it(tags, tmp_path):
    experiment = BASE.replace({"objective.loss": own_entropy, "epochs": 6, "optimizer.rule.learning_rate": 0.3})
    kept = jt.Checkpoints(tmp_path, newest=1, best="own_entropy")
    runs = fit(experiment, tags, checkpoints=kept)
    best = 1 + int(runs.curves["own_entropy"].mean(axis=0).argmin())
    assert set(jt.snapshots(tmp_path, tags)) == {best, 6}
    verdict = jt.compare(
        experiment,
        experiment.replace({"optimizer.rule.learning_rate": 1e-4}),
        tags,
        seeds=2,
        metric="own_entropy",
        layout=HERE,
        progress=False,
        tune=None,
    )
    assert verdict.metric == "own_entropy" and verdict.difference > 0 and not verdict.higher_is_better


def test_another_quantile_than_the_mean_is_no_collapse():
    """Of prices with a long tail; the quantile 0.9 is worse than the mean by squared errors, and that is what was asked for."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(1000, 2))
    y = 1e5 * (3 * x[:, :1] + np.exp(draw.normal(size=(1000, 1))))
    data = jt.Dataset.from_arrays(x, y)
    asked = BASE.replace({"objective.loss": pinball})
    learnt, still = fit([asked, asked.replace({"optimizer.rule.learning_rate": 1e-9})], data)
    assert (learnt.metrics["r2"] < 0.6).all() and not learnt.summary().collapsed
    assert len(still.summary().collapsed) == 2


def test_a_class_that_nearly_all_have_is_no_collapse():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(1500, 2))
    y = (x[:, 0] + 0.7 * draw.normal(size=1500) > 2.0).astype(int)
    data = jt.Dataset.from_arrays(x, y)
    learnt, still = fit([BASE, BASE.replace({"optimizer.rule.learning_rate": 1e-9})], data)
    assert not learnt.summary().collapsed and len(still.summary().collapsed) == 2
