"""Variances at the start, rows T010 to T013."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.diagnose.variance import variance_profile
from jaxtricks.experiment.order import Seen
from jaxtricks.models.cnn import CNN
from jaxtricks.report import plots


@pytest.fixture(scope="module")
def noise() -> jt.Dataset:
    """Whatever the labels, inputs of variance 1 in 100 dimensions."""
    draw = np.random.default_rng(0)
    return jt.Dataset.from_arrays(draw.normal(size=(200, 100)), np.arange(200) % 4, name="noise")


def profile(data, *, seeds=4, **settings):
    model = jt.MLP(**({"widths": (100,) * 3} | settings))
    return variance_profile(jt.Experiment(model=model, batch_size=100), data, seeds=seeds)


@pytest.mark.parametrize(
    ("name", "activation", "forward"),
    [("he_normal", "relu", 1.0), ("lecun_normal", "relu", 0.5), ("torch_default", "relu", 1 / 6), ("normal", "relu", 50.0)],
)
def test_forward_variance_grows_by_half_the_fan_in_times_that_of_the_weights(noise, name, activation, forward):
    found = profile(noise, kernel_init=name, activation=activation)
    assert found.layers == ("hidden_0/dense", "hidden_1/dense", "hidden_2/dense", "head")
    bias = 1 / (3 * 100) if name == "torch_default" else 0.0  # whose variance comes on top
    ratios = (found.outputs[:, 1:3] - bias) / found.outputs[:, :2]
    np.testing.assert_allclose(ratios.mean(), forward, rtol=0.15)
    if not bias:
        np.testing.assert_allclose(found.forward_ratios[:, :2], ratios, rtol=1e-6)
    np.testing.assert_allclose(found.inputs[:, 0], 1, rtol=0.05)  # standardized


def test_backward_variance_is_kept_by_he_in_a_network_of_one_width(noise):
    found = profile(noise, kernel_init="he_normal")
    np.testing.assert_allclose(found.backward_ratios[:, :2].mean(), 1, rtol=0.15)
    assert found.outputs.shape == found.inputs.shape == found.gradients.shape == (4, 4)
    assert found.forward_ratios.shape == found.backward_ratios.shape == (4, 3)


def test_lsuv_has_variance_1_everywhere(noise):
    np.testing.assert_allclose(profile(noise, kernel_init="lsuv", widths=(9, 8, 7), seeds=2).outputs, 1, rtol=1e-3)


def test_it_is_the_variance_of_the_first_step_s_batch(blobs, base):
    """By hand, for one seed: the batch, the pre-activations, and the gradient of each example's loss."""
    found = variance_profile(base, blobs, seeds=[3])
    split, key = blobs.split(3), rng.root(3)
    x, y = np.asarray(blobs.x, np.float32), blobs.y
    x = (x - x[split.train].mean(0)) / x[split.train].std(0)
    batch = split.train[np.asarray(base.order(key, Seen(jnp.asarray(y[split.train]), None, 16), 0))][:16]
    params = jt.MLP(widths=(6,), outputs=3).init({"params": rng.stream(key, "params")}, x[:1], train=False)["params"]
    z = x[batch] @ params["hidden_0"]["dense"]["kernel"]
    logits = np.maximum(z, 0) @ params["head"]["kernel"]
    np.testing.assert_allclose(found.outputs[0], [np.var(z), np.var(logits)], rtol=1e-4)
    np.testing.assert_allclose(found.inputs[0], [np.var(x[batch]), np.var(np.maximum(z, 0))], rtol=1e-4)
    slope = np.asarray(jax.nn.softmax(logits)) - np.eye(3)[y[batch]]
    below = slope @ params["head"]["kernel"].T * (np.asarray(z) > 0)
    np.testing.assert_allclose(found.gradients[0], [np.var(below), np.var(slope)], rtol=1e-4)


def test_seeds_are_members_and_remat_changes_nothing(blobs, base):
    settings = {"model.dropout": 0.5, "model.normalization": "batch"}
    plain = variance_profile(base.replace(settings), blobs, seeds=3)
    again = variance_profile(base.replace(settings | {"model.remat": True}), blobs, seeds=[2])
    assert plain.layers == again.layers
    np.testing.assert_allclose(plain.gradients[2:], again.gradients, rtol=1e-4)
    np.testing.assert_allclose(plain.outputs[2:], again.outputs, rtol=1e-4)


class Own(nn.Module):
    """A module of one's own, with layers of Flax: a convolution, and a dense layer that is used twice."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.Conv(4, (3,), name="conv")(x[..., None]).reshape(len(x), -1)
        dense = nn.Dense(x.shape[-1], name="twice")
        return nn.Dense(3, name="head")(dense(nn.relu(dense(x))))


def test_layers_of_any_module_that_have_a_kernel_are_found(blobs, noise):
    found = variance_profile(jt.Experiment(model=Own(), batch_size=16), blobs, seeds=2)
    assert found.layers == ("conv", "twice", "head")
    assert all(np.isfinite(a).all() and (a > 0).all() for a in (found.inputs, found.outputs, found.gradients))
    assert variance_profile(jt.MLP(widths=()), noise, seeds=1).layers == ("head",)  # a model alone, in the default experiment


def test_convolutions_are_layers_too():
    images = np.random.default_rng(0).normal(size=(40, 6, 6, 1))
    data = jt.Dataset.from_arrays(images, np.arange(40) % 4, name="pictures")
    model = CNN(channels=(4, 3), blocks="residual", normalization="batch")
    found = variance_profile(jt.Experiment(model=model, batch_size=16), data, seeds=1)
    stages = [f"stage_{i}/conv{suffix}" for i in range(2) for suffix in ("", "_1", "_2")]
    assert found.layers == (*stages, "head")
    assert np.isfinite(found.gradients).all() and (found.gradients > 0).all()


class Constant(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return jnp.zeros((len(x), 3)) + self.param("bias", nn.initializers.zeros, (1, 3))


def test_a_module_without_kernels_is_refused(blobs):
    with pytest.raises(jt.ConfigError, match=r"^Experiment.model = Constant has no layer with a kernel"):
        variance_profile(jt.Experiment(model=Constant(), batch_size=16), blobs, seeds=1)


def test_the_table_and_the_plot_show_every_layer_and_stand_dead_ones(noise):
    found = profile(noise, kernel_init=jt.nn.Normal(scale=1e-30), widths=(9,), seeds=2)  # all underflows
    text = str(found)
    assert [line.split()[0] for line in text.splitlines()[1:-1]] == list(found.layers)
    assert "geometric means of 2 seeds" in text
    for each in (found, profile(noise, kernel_init=jt.nn.Normal(scale=1.0), widths=(9,), seeds=2)):
        svg = str(plots.variance(each))
        assert svg.startswith("<svg") and "pre-activations" in svg and svg == str(plots.variance(each))
        assert "$" not in svg  # Matplotlib's own numbers at a logarithm's ticks
