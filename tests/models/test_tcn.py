"""The temporal convolutional network: the paper's function, its receptive field, and what each field does."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtricks.config import rebuild
from jaxtricks.models.tcn import TCN
from tests.models import networks

X = jax.random.normal(jax.random.key(0), (2, 8, 3))
BASE = TCN(channels=(4, 5), kernel_size=2, outputs=3, read="every")


def shapes(model, x=X):
    return networks.shapes(model, x)


def run(model, x=X):
    """Parameters by path, logits in training, and the gradient."""
    params, logits, gradient = networks.trained(model, x)
    return flax.traverse_util.flatten_dict(params, sep="/"), logits, gradient


def test_it_is_the_paper_s_function():
    params, logits, _ = run(BASE)

    def convolved(x, name, dilation):
        kernel = params[f"{name}/kernel"]
        kernel = kernel * (params[f"{name}/scale"] / np.sqrt(np.sum(np.square(kernel), axis=(0, 1))))[None, None]
        y = jax.lax.conv_general_dilated(
            x, kernel, (1,), [(dilation, 0)], rhs_dilation=(dilation,), dimension_numbers=("NWC", "WIO", "NWC")
        )
        return jax.nn.relu(y + params[f"{name}/bias"].reshape(1, 1, -1))

    x = X
    for level, dilation in (("level_0", 1), ("level_1", 2)):
        branch = convolved(convolved(x, f"{level}/conv_1", dilation), f"{level}/conv_2", dilation)
        x = jax.nn.relu(branch + x @ params[f"{level}/skip/kernel"] + params[f"{level}/skip/bias"].reshape(1, 1, -1))
    expected = x @ params["head/kernel"] + params["head/bias"].reshape(1, 1, -1)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_parameters():
    level = {"conv_1/kernel": (2, 4, 4), "conv_2/kernel": (2, 4, 4)}
    level |= {f"conv_{i}/{name}": (4,) for i in (1, 2) for name in ("bias", "scale")}
    expected = {f"level_{i}/{path}": shape for i in (0, 1) for path, shape in level.items()}
    tokens = rebuild(BASE, channels=(4, 4), embedding=4, vocabulary=9)  # of one width, so that no skip needs a map
    assert shapes(tokens, jnp.zeros((2, 8), jnp.int32)) == expected | {
        "embed/embedding": (9, 4),
        "head/kernel": (4, 3),
        "head/bias": (3,),
    }
    plain = shapes(rebuild(BASE, weight_norm=False))
    assert not any("scale" in path for path in plain) and "level_0/skip/kernel" in plain
    # Bai+ 2018's network for sequential MNIST.
    paper = TCN(channels=(25,) * 8, kernel_size=7, outputs=10, read="last")
    assert sum(np.prod(shape) for shape in shapes(paper, jnp.zeros((1, 784, 1))).values()) == 66_910


@pytest.mark.parametrize(("levels", "taps"), [(1, 3), (3, 2), (2, 4)])
def test_the_receptive_field_is_exactly_the_formula_s(levels, taps):
    field = 1 + 2 * (taps - 1) * sum(2**i for i in range(levels))
    model = rebuild(BASE, channels=(4,) * levels, kernel_size=taps, activation="tanh")  # a ReLU might be off
    x = jax.random.normal(jax.random.key(1), (1, field + 4, 2))

    @jax.jit
    def gradient():
        variables = model.init(jax.random.key(0), x, train=False)
        return jax.grad(lambda x: jnp.sum(jnp.abs(model.apply(variables, x, train=False)[0, -2])))(x)

    size = np.abs(gradient()[0]).sum(axis=1)
    reached = np.nonzero(size)[0]
    assert reached[0] == len(size) - 1 - field and reached[-1] == len(size) - 2
    assert size[reached[0]] > 1e-8 and size[reached[0] - 1] == 0


TRICKS = {
    "drop connect": {"drop_connect": 0.5},
    "pieces": {"activation": "maxout"},
    "all": {"dropout": 0.5, "input_dropout": 0.2, "kernel_init": "he_normal", "kernel_size": 3, "weight_norm": False},
}


@pytest.fixture(scope="module")
def off():
    return run(rebuild(BASE, channels=(6,)))[1]


@pytest.mark.parametrize("name", TRICKS)
def test_every_trick_changes_the_function_and_all_parameters_learn(name, off):
    _, changed, gradient = run(rebuild(BASE, channels=(6,), **TRICKS[name]))
    assert changed.shape == off.shape == (2, 8, 3) and np.all(np.isfinite(changed))
    assert not np.allclose(changed, off, rtol=1e-3)
    assert all(np.abs(leaf).max() > 1e-7 for leaf in gradient.values())


def test_dropout_of_rate_zero_is_off_bit_for_bit(off):
    neutral = rebuild(BASE, channels=(6,), dropout=0.0, input_dropout=0.0, drop_connect=0.0)
    np.testing.assert_array_equal(run(neutral)[1], off)


def test_remat_recomputes_and_changes_nothing():
    model = rebuild(BASE, dropout=0.5, channels=(6,))
    (_, logits, gradient), (_, others, theirs) = run(model), run(rebuild(model, remat=True))
    np.testing.assert_allclose(logits, others, rtol=1e-5, atol=1e-6)
    for path in gradient:
        np.testing.assert_allclose(gradient[path], theirs[path], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("channels", [(20, 30), (24, 24), (7, 20, 7)])
def test_units_of_several_pieces_cost_no_more_parameters(channels):
    def count(model):
        return sum(np.prod(shape) for shape in shapes(model).values())

    model = rebuild(BASE, channels=channels)
    assert count(model) == model._parameters(X.shape[-1])(channels, 1)
    assert 0.85 * count(model) < count(rebuild(model, activation="maxout")) <= count(model)


@pytest.mark.parametrize(("activation", "levels"), [("geglu", 2), ("swiglu", 2), ("maxout", 6), ("relu", 6)])
def test_networks_of_units_with_pieces_start_at_a_moderate_size(activation, levels):
    model = TCN(channels=(12,) * levels, kernel_size=2, activation=activation, outputs=3, read="last")
    x = jax.random.normal(jax.random.key(0), (4, 80, 3))
    scores = model.apply(model.init({"params": jax.random.key(1)}, x, train=False), x, train=False)
    assert np.all(np.isfinite(scores)) and 1e-3 < np.abs(scores).max() < 50
