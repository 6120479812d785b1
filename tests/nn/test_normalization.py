"""Batch, layer and group normalization, rows T016, T022, T023 and T024."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import choices, stack
from jaxtricks.nn.normalization import GroupNorm, NoisyBatchNorm

DATA = np.random.default_rng(0).normal(size=(64, 5)) * [1, 2, 3, 0.1, 10] + [0, 1, -5, 3, 20]
X = jnp.asarray(DATA, jnp.float32)


# Every choice, on five features, and without noise.
PLAIN = choices(jt.nn.Normalization) | {"group": partial(GroupNorm, groups=1), "noisy_batch": partial(NoisyBatchNorm, noise=0)}
EACH = pytest.mark.parametrize("name", PLAIN)


class Norm(nn.Module):
    normalization: jt.nn.Normalization

    @nn.compact
    def __call__(self, x, train):
        return self.normalization(x, train=train, name="norm")


@jax.jit
def start(normalization, x=X):
    return Norm(normalization).init(jax.random.key(0), x, train=False)


@jax.jit
def forward(normalization, variables, x=X):
    """The output in training, and the variables after it."""
    rngs = {"dropout": jax.random.key(1)}
    y, changed = Norm(normalization).apply(variables, x, train=True, mutable=["batch_stats"], rngs=rngs)
    return y, variables | changed


@jax.jit
def evaluate(normalization, variables, x=X):
    return Norm(normalization).apply(variables, x, train=False)


def test_batch_norm_normalizes_features_over_the_batch():
    y, _ = forward(jt.nn.BatchNorm(), start(jt.nn.BatchNorm()))
    mean, variance = DATA.mean(0), DATA.var(0)
    np.testing.assert_allclose(y, (DATA - mean) / np.sqrt(variance + 1e-5), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(np.mean(y, 0), 0, atol=1e-5)
    np.testing.assert_allclose(np.var(y, 0), variance / (variance + 1e-5), rtol=1e-3)


def test_layer_norm_normalizes_each_example_over_its_features():
    y = evaluate(jt.nn.LayerNorm(), start(jt.nn.LayerNorm()))
    mean, variance = DATA.mean(1, keepdims=True), DATA.var(1, keepdims=True)
    np.testing.assert_allclose(y, (DATA - mean) / np.sqrt(variance + 1e-6), rtol=1e-3, atol=1e-4)


@EACH
def test_epsilon_is_added_to_the_variance_and_traced(name):
    variants = [PLAIN[name](epsilon=e) for e in (1e-5, 1.0, 50.0)]
    variables = start(variants[0])
    together = jax.jit(jax.vmap(lambda norm: forward(norm, variables)[0]))(stack(variants))
    axis = 0 if name.endswith("batch") else 1
    centred = DATA - DATA.mean(axis, keepdims=True)
    for y, norm in zip(together, variants, strict=True):
        expected = centred / np.sqrt(DATA.var(axis, keepdims=True) + norm.epsilon)
        np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "axis"), [("batch", 0), ("layer", 1)])
def test_gamma_sigma_and_beta_mu_give_the_input_back(name, axis):
    norm = PLAIN[name](epsilon=1e-12)
    if name == "batch":
        x, scale, bias = X, DATA.std(0), DATA.mean(0)
    else:  # one example, whose own mean and deviation are a scale for all its features
        x, scale, bias = X[:1], np.full(5, DATA[0].std()), np.full(5, DATA[0].mean())
    variables = start(norm, x)
    variables["params"]["norm"] = {"scale": jnp.asarray(scale, jnp.float32), "bias": jnp.asarray(bias, jnp.float32)}
    np.testing.assert_allclose(forward(norm, variables, x)[0], x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_running_averages_are_the_lecture_s_and_converge_to_the_population(momentum):
    norm = jt.nn.BatchNorm(momentum=momentum)
    variables = start(norm)
    np.testing.assert_array_equal(variables["batch_stats"]["norm"]["mean"], np.zeros(5))
    np.testing.assert_array_equal(variables["batch_stats"]["norm"]["var"], np.ones(5))
    mean, variance = np.zeros(5), np.ones(5)
    for batch in DATA.reshape(4, 16, 5):
        mean = momentum * mean + (1 - momentum) * batch.mean(0)
        variance = momentum * variance + (1 - momentum) * batch.var(0)
        _, variables = forward(norm, variables, jnp.asarray(batch, jnp.float32))
    statistics = variables["batch_stats"]["norm"]
    np.testing.assert_allclose(statistics["mean"], mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(statistics["var"], variance, rtol=1e-4, atol=1e-5)
    for _ in range(200):  # the same batch again and again is its own population
        _, variables = forward(norm, variables)
    statistics = variables["batch_stats"]["norm"]
    np.testing.assert_allclose(statistics["mean"], DATA.mean(0), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(statistics["var"], DATA.var(0), rtol=1e-3)
    np.testing.assert_allclose(evaluate(norm, variables), forward(norm, variables)[0], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    ("norm", "axis"), [(jt.nn.BatchNorm(), 0), (jt.nn.LayerNorm(), 1), (jt.nn.GroupNorm(groups=1), 1)], ids=str
)
def test_a_large_mean_does_not_drown_the_variance(norm, axis):
    x = X / jnp.std(X, axis=axis, keepdims=True) + 3000
    y, _ = forward(norm, start(norm, x), x)
    np.testing.assert_allclose(np.std(y, axis=axis), 1, rtol=1e-3)


def test_images_are_normalized_by_channel():
    images = X.reshape(4, 4, 4, 5)
    y, _ = forward(jt.nn.BatchNorm(), start(jt.nn.BatchNorm(), images), images)
    np.testing.assert_allclose(y.reshape(64, 5), forward(jt.nn.BatchNorm(), start(jt.nn.BatchNorm()))[0], rtol=1e-4, atol=1e-4)


def test_batch_norm_is_linen_s_where_linen_s_is_exact():
    ours, theirs = start(jt.nn.BatchNorm()), nn.BatchNorm(use_running_average=False, momentum=0.9)
    y, changed = theirs.apply({name: tree["norm"] for name, tree in ours.items()}, X, mutable=["batch_stats"])
    z, after = forward(jt.nn.BatchNorm(), ours)
    np.testing.assert_allclose(z, y, rtol=1e-2, atol=1e-3)
    for name in ("mean", "var"):
        np.testing.assert_allclose(after["batch_stats"]["norm"][name], changed["batch_stats"][name], rtol=1e-4)


def test_batch_norm_knows_train_from_test():
    variables = start(jt.nn.BatchNorm())
    train, _ = forward(jt.nn.BatchNorm(), variables)
    test = evaluate(jt.nn.BatchNorm(), variables)
    np.testing.assert_allclose(test, DATA / np.sqrt(1 + 1e-5), rtol=1e-5)  # averages of 0 and 1 before the first step
    assert not np.allclose(train, test, atol=0.1)
    # At test an example's output does not depend on its companions; in training it does.
    np.testing.assert_allclose(evaluate(jt.nn.BatchNorm(), variables, X[:3]), test[:3], rtol=1e-6)
    assert not np.allclose(forward(jt.nn.BatchNorm(), variables, X[:3])[0], train[:3], atol=0.1)


def test_batch_norm_changes_nothing_but_its_averages_and_only_in_training():
    variables = start(jt.nn.BatchNorm())
    assert set(variables) == {"params", "batch_stats"}
    _, unchanged = Norm(jt.nn.BatchNorm()).apply(variables, X, train=False, mutable=["batch_stats"])
    assert jax.tree.all(jax.tree.map(np.array_equal, unchanged["batch_stats"], variables["batch_stats"]))


def test_layer_norm_is_the_same_in_training_and_test_and_for_a_batch_of_one():
    variables = start(jt.nn.LayerNorm())
    assert set(variables) == {"params"}  # no running averages
    train, _ = forward(jt.nn.LayerNorm(), variables)
    np.testing.assert_array_equal(train, evaluate(jt.nn.LayerNorm(), variables))
    alone = np.concatenate([forward(jt.nn.LayerNorm(), variables, row[None])[0] for row in X[:4]])
    np.testing.assert_allclose(alone, train[:4], rtol=1e-5)
    # A batch of one has no variance over the batch: batch norm forgets the example.
    assert not np.asarray(forward(jt.nn.BatchNorm(), start(jt.nn.BatchNorm()), X[:1])[0]).any()


@EACH
def test_the_scale_of_what_comes_in_does_not_matter(name):
    norm = PLAIN[name](epsilon=1e-12)
    variables = start(norm)
    np.testing.assert_allclose(forward(norm, variables)[0], forward(norm, variables, 1000 * X)[0], rtol=1e-3, atol=1e-4)


IMAGES = jnp.asarray(np.random.default_rng(1).normal(size=(3, 4, 5, 8)) * [1, 2, 3, 4, 1, 2, 3, 4] + np.arange(8), jnp.float32)


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("shape", [(3, 4, 5, 8), (60, 8)], ids=["images", "features"])
def test_group_norm_normalizes_each_example_s_groups_of_features_over_all_places(shape, groups):
    x = IMAGES.reshape(shape)
    norm = GroupNorm(groups=groups)
    variables = start(norm, x)
    assert {name: leaf.shape for name, leaf in variables["params"]["norm"].items()} == {"scale": (8,), "bias": (8,)}
    scale, bias = np.arange(1.0, 9), np.arange(8.0)
    variables["params"]["norm"] = {"scale": jnp.asarray(scale, jnp.float32), "bias": jnp.asarray(bias, jnp.float32)}
    parts = np.asarray(x, np.float64).reshape(shape[0], -1, groups, 8 // groups)
    mean, variance = parts.mean((1, 3), keepdims=True), parts.var((1, 3), keepdims=True)
    expected = ((parts - mean) / np.sqrt(variance + 1e-5)).reshape(shape) * scale + bias
    np.testing.assert_allclose(evaluate(norm, variables, x), expected, rtol=1e-4, atol=1e-4)


def test_group_norm_is_the_same_in_training_and_test_and_for_an_image_alone():
    norm = GroupNorm(groups=2)
    variables = start(norm, IMAGES)
    assert set(variables) == {"params"}
    train, _ = forward(norm, variables, IMAGES)
    np.testing.assert_array_equal(train, evaluate(norm, variables, IMAGES))
    np.testing.assert_allclose(evaluate(norm, variables, IMAGES[1:2])[0], train[1], rtol=1e-5, atol=1e-6)


def test_one_group_is_layer_norm_where_there_are_no_places():
    group, layer = GroupNorm(groups=1, epsilon=1e-6), jt.nn.LayerNorm(epsilon=1e-6)
    np.testing.assert_allclose(evaluate(group, start(group)), evaluate(layer, start(layer)), rtol=1e-4, atol=1e-5)


def test_groups_that_do_not_divide_the_features_are_refused():
    with pytest.raises(jt.ConfigError, match=r"^GroupNorm.groups = 4 is not a divisor of the 5 features that it normalizes\."):
        jax.eval_shape(lambda: Norm(GroupNorm()).init(jax.random.key(0), X, train=False))


# --- noise --------------------------------------------------------------------------------------------------------------


def noisy(seed=1, noise=0.5, x=X, **settings):
    norm = NoisyBatchNorm(noise=noise, **settings)
    rngs = {"dropout": jax.random.key(seed)}
    return np.asarray(Norm(norm).apply(start(norm, x), x, train=True, mutable=["batch_stats"], rngs=rngs)[0])


def test_noise_of_strength_zero_and_all_noise_at_test_is_batch_norm():
    plain, norm = forward(jt.nn.BatchNorm(), start(jt.nn.BatchNorm()))[0], NoisyBatchNorm()
    np.testing.assert_array_equal(noisy(noise=0), plain)
    assert np.std(noisy() - plain) > 0.2
    np.testing.assert_array_equal(evaluate(norm, start(norm)), evaluate(jt.nn.BatchNorm(), start(jt.nn.BatchNorm())))


def test_noise_shifts_and_scales_each_feature_and_each_value_by_what_the_paper_draws():
    plain = np.asarray(forward(jt.nn.BatchNorm(), start(jt.nn.BatchNorm()))[0])
    # Of one stream, m and s are told apart by two inputs: y and -y, whose noisy values are m ± s y.
    one, other = noisy(), noisy(x=-X)
    shift, scale = (one + other) / 2, (one - other) / (2 * plain)
    many = [noisy(seed) for seed in range(300)]
    means = np.mean(many, axis=1)  # of the features [steps, features]: uniform within ±0.5, but for 64 values' own noise
    assert np.abs(means).max() < 0.5 + 0.1 and means.std() == pytest.approx(0.5 / np.sqrt(3), rel=0.1)
    stds = np.std(many, axis=1)
    assert stds.mean() == pytest.approx(1.125, rel=0.05)
    # Within a feature, m varies by U(-0.1, 0.1) and s by N(0, 0.1²).
    assert np.ptp(shift, axis=0).max() < 0.2 + 1e-3 and shift.std(axis=0).mean() == pytest.approx(0.1 / np.sqrt(3), rel=0.2)
    sure = np.abs(plain) > 0.3
    assert np.mean([scale[sure[:, j], j].std() for j in range(5)]) == pytest.approx(0.1, rel=0.2)
    assert not np.allclose(noisy(1), noisy(2), atol=0.1) and np.array_equal(noisy(1), noisy(1))


def test_the_noise_s_strength_is_traced():
    norms = [NoisyBatchNorm(noise=n) for n in (0.0, 1.0)]
    variables = start(norms[0])
    together = jax.jit(jax.vmap(lambda norm: forward(norm, variables)[0]))(stack(norms))
    np.testing.assert_allclose(together, [noisy(noise=n) for n in (0.0, 1.0)], rtol=1e-4, atol=1e-5)
