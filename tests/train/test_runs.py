import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.restart.evaluation import EVALUATION_BATCH

SEEDS = [4, 9, 1, 0, 2]


@pytest.fixture(scope="module", params=["one device", "padded over three"])
def runs(request, digits):
    experiment = jt.Experiment(
        model=jt.MLP(widths=(8,), normalization="batch", dropout="test_scaled"), inputs="unit", batch_size=40, epochs=3
    )
    layout = {"one device": jt.Layout(runs=1), "padded over three": jt.Layout(runs=3, width=2)}[request.param]
    return jt.fit(experiment, digits, seeds=SEEDS, layout=layout, progress=False)


def test_every_array_has_a_leading_axis_of_runs(runs):
    assert len(runs) == len(runs.names) == 5
    assert runs.seeds.tolist() == SEEDS
    assert all(leaf.shape[0] == 5 for leaf in jax.tree.leaves((runs.members, runs.states, runs.curves)))
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves((runs.members, runs.states, runs.curves)))
    assert runs.curves.keys() == {"train_loss", "grad_norm", "largest_grad_norm", "accuracy", "nll", "ece"}
    assert {curve.shape for curve in runs.curves.values()} == {(5, 3)}
    assert runs.experiment.model.outputs == 10
    np.testing.assert_array_equal(runs.states.step, 3 * (160 // 40))


def test_metrics_are_the_last_of_validation(runs):
    assert runs.metrics.keys() == {"accuracy", "nll", "ece"}
    for name, values in runs.metrics.items():
        np.testing.assert_array_equal(values, runs.curves[name][:, -1])
        np.testing.assert_array_equal(values, runs.states.metrics[name])
    assert runs.diverged == {}


def expected(runs, row, x):
    """A member's log-probabilities, by Linen alone."""
    params, stats = jax.tree.map(lambda leaf: jnp.asarray(leaf[row]), (runs.states.params, runs.states.collections))
    scaled = jnp.asarray(x, jnp.float32) / runs.data.scale
    return jax.nn.log_softmax(runs.experiment.model.apply({"params": params, **stats}, scaled, train=False))


@pytest.mark.parametrize("examples", [1, 30, EVALUATION_BATCH, EVALUATION_BATCH + 7])
def test_log_probs_are_those_of_the_members(examples, runs):
    x = np.resize(runs.data.x, (examples, *runs.data.shape))
    log_probs = runs.log_probs(x)
    assert log_probs.shape == (5, examples, 10)
    for row in range(5):
        np.testing.assert_allclose(log_probs[row], expected(runs, row, x), rtol=1e-4, atol=1e-5)


def test_metrics_are_those_of_the_log_probs(runs):
    for row, validation in enumerate(runs.members.validation):
        log_probs, y = runs.log_probs(runs.data.x[validation])[row], runs.data.y[validation]
        np.testing.assert_allclose(runs.metrics["nll"][row], -log_probs[np.arange(y.size), y].mean(), rtol=1e-4)
        np.testing.assert_allclose(runs.metrics["accuracy"][row], np.mean(log_probs.argmax(axis=1) == y), rtol=1e-6)


@pytest.mark.parametrize("inputs", ["raw", "unit", "standardize"])
def test_log_probs_scale_inputs_as_each_member_was_trained(inputs, blobs):
    data = jt.Dataset.from_arrays(blobs.x, blobs.y, scale=20.0)
    runs = jt.fit(jt.Experiment(model=jt.MLP(widths=()), inputs=inputs, batch_size=40, epochs=1), data, seeds=2, progress=False)
    for row, seed in enumerate(runs.seeds):
        head = jax.tree.map(lambda leaf, row=row: leaf[row], runs.states.params["head"])
        train = data.x[data.split(seed).train].astype(np.float64)
        shift, scale = {"raw": (0, 1), "unit": (0, 20), "standardize": (train.mean(axis=0), train.std(axis=0))}[inputs]
        logits = (data.x - shift) / scale @ head["kernel"] + head["bias"]
        np.testing.assert_allclose(runs.log_probs(data.x)[row], jax.nn.log_softmax(logits), rtol=1e-3, atol=1e-4)


def test_the_validation_set_may_be_larger_than_a_chunk(digits):
    large = jt.Dataset.from_arrays(np.resize(digits.x, (1300, 64)), np.resize(digits.y, 1300), validation=1100 / 1300)
    experiment = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=100, epochs=1)
    runs = jt.fit(experiment, large, seeds=2, layout=jt.Layout(runs=1), progress=False)
    for row, validation in enumerate(runs.members.validation):
        assert validation.size == 1100
        log_probs = runs.log_probs(large.x[validation])[row]
        np.testing.assert_allclose(runs.metrics["nll"][row], -log_probs[np.arange(1100), large.y[validation]].mean(), rtol=1e-4)


@pytest.mark.parametrize("stream", [False, True])
def test_no_examples_are_refused(blobs, stream):
    experiment = jt.Experiment(model=jt.MLP(widths=()), batch_size=16, epochs=1)
    runs = jt.fit(experiment, blobs, seeds=1, layout=jt.Layout(runs=1, stream=stream), progress=False)
    with pytest.raises(jt.DataError, match=r"^x: shape \(0, 5\) holds no examples; at least one is allowed\.$"):
        runs.log_probs(blobs.x[:0])
