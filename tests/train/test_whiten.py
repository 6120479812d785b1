"""Whitened inputs: covariance I over each split's own training examples, for every member, with a traced epsilon."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.data.principal import principal, spread
from jaxtricks.restart.member import scaled

DRAW = np.random.default_rng(0)
MIXED = DRAW.normal(size=(200, 6)) @ DRAW.normal(size=(6, 6)) + 3
Y = (MIXED[:, 0] > 3).astype(int)
BASE = jt.Experiment(model=jt.MLP(widths=()), inputs=jt.experiment.Whiten(epsilon=1e-5), batch_size=20, epochs=2)


def seen(runs, row):
    """What a member's model sees of the pool."""
    member = jax.tree.map(lambda part: jnp.asarray(part[row]), runs.members)
    return np.asarray(scaled(runs.experiment, member, jnp.asarray(runs.data.x)))


def test_every_member_whitens_by_its_own_training_examples_and_its_own_epsilon():
    data = jt.Dataset.from_arrays(MIXED.reshape(200, 2, 3, 1), Y)
    experiments = [BASE, BASE.replace({"inputs.epsilon": 1.0})]
    assert len(jt.config.group(experiments)) == 1  # one program does for both
    for runs in jt.fit(experiments, data, seeds=2, progress=False):
        for row in range(2):
            x, places = seen(runs, row).reshape(200, 6), runs.members.train[row]
            train = data.x[places].reshape(-1, 6)
            variances, axes = np.linalg.eigh(np.cov(train.T, bias=True) / train.var(axis=0).mean())
            zca = axes / np.sqrt(variances + runs.experiment.inputs.epsilon) @ axes.T
            expected = (data.x.reshape(200, 6) - train.mean(axis=0)) / np.sqrt(train.var(axis=0).mean()) @ zca
            np.testing.assert_allclose(x, expected, rtol=1e-2, atol=2e-3)
            if runs.experiment.inputs.epsilon < 1:
                np.testing.assert_allclose(x[places].T @ x[places] / len(places), np.eye(6), atol=0.01)


def test_what_is_predicted_is_whitened_too():
    data = jt.Dataset.from_arrays(MIXED, Y)
    runs = jt.fit(BASE.replace({"optimizer.rule.learning_rate": 0.05, "epochs": 10}), data, seeds=2, progress=False)
    assert np.all(runs.metrics["accuracy"] > 0.9)
    found = runs.log_probs(data.x[:5])
    kernel, bias = (np.asarray(runs.variables["params"]["head"][name][0]) for name in ("kernel", "bias"))
    logits = seen(runs, 0)[:5] @ kernel + bias
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found[0], expected, rtol=1e-3, atol=1e-4)


def test_covariances_are_those_of_numpy_however_examples_are_cut(monkeypatch):
    monkeypatch.setattr("jaxtricks.data.principal.ROWS", 7)
    x, trains = MIXED.reshape(200, 3, 2), np.stack([np.arange(0, 100), np.arange(50, 150)])
    shift = np.stack([x[train].mean(axis=0) for train in trains])
    sigma = spread(x, trains, shift)
    found = principal(x, trains, shift, np.broadcast_to(sigma[:, None, None], shift.shape))
    for row, train in enumerate(trains):
        covariance = np.cov(x[train].reshape(100, 6).T, bias=True) / sigma[row] ** 2
        np.testing.assert_allclose(found.axes[row] * found.variances[row] @ found.axes[row].T, covariance, atol=1e-5)
        assert found.variances[row].mean() == pytest.approx(1)


def test_features_that_never_vary_stay_zero():
    x = np.column_stack([MIXED, np.full(200, 7.0)])
    runs = jt.fit(BASE, jt.Dataset.from_arrays(x, Y), seeds=1, progress=False)
    np.testing.assert_allclose(seen(runs, 0)[:, -1], 0, atol=1e-4)
    same = jt.fit(BASE, jt.Dataset.from_arrays(np.ones((40, 3)), np.arange(40) % 2), seeds=1, progress=False)
    assert np.isfinite(same.metrics["nll"]).all()


def test_inputs_of_too_many_features_are_refused_before_anything_is_computed(monkeypatch):
    monkeypatch.setattr("jaxtricks.experiment.inputs.moments", lambda *args, **options: pytest.fail("computed"))
    data = jt.Dataset.from_arrays(np.zeros((40, 65, 64, 1), np.uint8), np.arange(40) % 2)
    said = r"^Experiment\.inputs = 'whiten' takes inputs of at most 4096 features; arrays has 4160\.$"
    with pytest.raises(jt.ConfigError, match=said):
        jt.fit(BASE, data, seeds=1, progress=False)


def test_sequences_of_several_lengths_are_refused():
    data = jt.Dataset.from_arrays(np.zeros((40, 5, 2)), np.arange(40) % 2, lengths=np.arange(40) % 5 + 1)
    with pytest.raises(jt.ConfigError, match=r"^Experiment\.inputs = 'whiten' takes inputs of one length; arrays holds padded "):
        jt.fit(BASE.replace({"model": "rnn"}), data, seeds=1, progress=False)
