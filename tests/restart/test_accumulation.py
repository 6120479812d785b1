"""Parts of a batch one after the other, and arithmetic in half the bits."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.restart.accumulation import accumulated, split

fit = partial(jt.fit, progress=False)
BASE = jt.Experiment(
    model=jt.MLP(widths=(8,)),
    optimizer=jt.Optimizer(rule=jt.Momentum(learning_rate=0.1), clip_norm=1.0),
    objective=jt.Objective(prior=jt.losses.Gaussian()),
    batch_size=16,
    epochs=3,
)
HOW = {"seeds": 2, "layout": jt.Layout(runs=1, width=2)}


@pytest.fixture(scope="module")
def data(digits):
    return digits.subset(100, 0)


def test_parts_are_the_whole_in_another_order():
    parts = split({"x": jnp.arange(24).reshape(12, 2)}, 3)["x"]
    assert parts.shape == (3, 4, 2)
    np.testing.assert_array_equal(parts[1, :, 0], [2, 8, 14, 20])
    np.testing.assert_array_equal(np.sort(parts.ravel()), np.arange(24))


@pytest.mark.parametrize("layout", [HOW["layout"], jt.Layout(runs=2, data=2)])
def test_the_mean_over_parts_is_the_whole_batch(data, float64, layout):
    with float64():
        whole, parts = (fit(BASE.replace({"accumulate": k}), data, seeds=2, layout=layout) for k in (1, 4))
        for name in whole.curves:
            np.testing.assert_allclose(parts.curves[name], whole.curves[name], rtol=1e-10)


@pytest.fixture(scope="module")
def uneven():
    """64 sequences of 1 to 7 steps: some steps do not count, some sequences count more, and one does not count at all."""
    random = np.random.default_rng(0)
    lengths = random.integers(1, 8, 64)
    y = random.integers(0, 3, (64, 7))
    y[random.random(y.shape) < 0.2] = -100
    weights = random.exponential(size=64) * (np.arange(64) > 0)
    return jt.Dataset.from_arrays(random.normal(size=(64, 7, 2)), y, lengths=lengths, weights=weights, classes="abc")


@pytest.mark.parametrize("reduction", ["tokens", "max_length", "sum"])
def test_parts_with_other_numbers_of_true_steps_are_the_whole_batch(uneven, float64, reduction):
    model = jt.RNN(widths=(4,), cell="tanh", activation_penalty=2.0, temporal_penalty=1.0)
    experiment = BASE.replace({"model": model, "objective.reduction": reduction, "objective.l2": 0.01, "epochs": 2})
    with float64():
        whole, parts = (fit(experiment.replace({"accumulate": k}), uneven, seeds=2, layout=HOW["layout"]) for k in (1, 8))
        for name in whole.curves:
            np.testing.assert_allclose(parts.curves[name], whole.curves[name], rtol=1e-10)


def test_parts_with_other_weights_are_the_whole_batch(data, float64):
    random = np.random.default_rng(0)
    weighted = jt.Dataset.from_arrays(data.x, data.y, weights=random.exponential(size=len(data)) ** 3)
    with float64():
        plain = fit(BASE, data, **HOW)
        whole, parts = (fit(BASE.replace({"accumulate": k}), weighted, **HOW) for k in (1, 8))
        for name in whole.curves:
            np.testing.assert_allclose(parts.curves[name], whole.curves[name], rtol=1e-10)
        assert not np.allclose(plain.curves["train_loss"], whole.curves["train_loss"], rtol=1e-3)


def test_each_part_has_masks_and_statistics_of_its_own_and_all_of_them_reach_the_averages(data):
    experiment = BASE.replace({"model.dropout": 0.5, "model.normalization": "batch", "epochs": 1})
    whole, parts = (fit(experiment.replace({"accumulate": k}), data, **HOW) for k in (1, 4))
    assert not np.allclose(whole.curves["train_loss"], parts.curves["train_loss"], rtol=1e-4)
    gaps = jax.tree.map(lambda a, b: np.abs(a - b).max(), whole.variables["batch_stats"], parts.variables["batch_stats"])
    assert min(jax.tree.leaves(gaps)) > 1e-3


def test_what_the_model_gives_beside_goes_from_part_to_part():
    def part(number, seen):
        def loss(params):
            quotients = jt.extend.Quotient((params * number) ** 2, number), jt.extend.Quotient(params, jnp.ones(()))
            return quotients, {"sum": seen["sum"] + number}

        return loss

    problem = accumulated(part, lambda params: 10 * params, {"sum": jnp.float32(1)}, jnp.array([1.0, 2.0, 3.0]))
    (loss, after), grad = jax.value_and_grad(problem, has_aux=True)(jnp.float32(2))
    assert (float(loss), float(after["sum"]), float(grad)) == pytest.approx((4 * 14 / 6 + 2 + 20, 7, 4 * 14 / 6 + 1 + 10))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"accumulate": 3}, "Experiment.accumulate = 3 is not a number of parts that a batch of 16 has evenly."),
        (
            {"accumulate": 2, "optimizer": jt.Optimizer(rule=jt.optim.Newton())},
            "gives no curvature of a whole batch, which Newton needs",
        ),
    ],
)
def test_refused(data, changes, said):
    with pytest.raises(jt.ConfigError, match=said):
        fit(BASE.replace(changes), data, **HOW)


def test_in_bfloat16_parameters_stay_in_full_precision_and_losses_nearly_the_same(data):
    full, half = (
        fit(BASE.replace({"compute": kind, "model.normalization": "batch"}), data, **HOW) for kind in ("full", "bfloat16")
    )
    assert jax.tree.map(lambda leaf: leaf.dtype, full.states) == jax.tree.map(lambda leaf: leaf.dtype, half.states)
    assert not np.array_equal(full.curves["train_loss"], half.curves["train_loss"])
    np.testing.assert_allclose(half.curves["train_loss"], full.curves["train_loss"], rtol=0.03)
    # The products are bfloat16's: eight bits of mantissa.
    gap = np.abs(half.log_probs(data.x[:20]) - full.log_probs(data.x[:20])).max()
    assert 1e-4 < gap < 0.5


def test_a_language_model_in_bfloat16():
    text = jt.load("python_topics", text=jt.Text("char", length=16)).subset(64, 0)
    model = jt.RNN(embedding=4, widths=(8,), carry_state=True, softmax=jt.nn.SampledSoftmax(samples=8))
    experiment = jt.Experiment(model=model, order="contiguous", batch_size=8, epochs=1, compute="bfloat16")
    assert np.isfinite(fit(experiment, text, seeds=1).metrics["nll"]).all()
