"""The convolutional network: the usual function, every trick, and draws that do not depend on the other parts."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import rebuild, stack
from jaxtricks.models.cnn import CNN

X = jax.random.normal(jax.random.key(0), (5, 6, 7, 2))
BASE = CNN(channels=(4, 3), outputs=3)
RESIDUAL = rebuild(BASE, blocks="residual")


def flat(tree):
    return flax.traverse_util.flatten_dict(tree, sep="/")


def weights(model, seed=0):
    return flat(jax.jit(lambda: model.init({"params": jax.random.key(seed)}, X, train=False))()["params"])


def run(model, train=True, x=X):
    """Logits, and the gradients of a loss by path, in a network whose weights come from seed 0, biases and all away from zero."""

    def both():
        variables = dict(model.init({"params": jax.random.key(0)}, x, train=False))
        params = jax.tree.map(
            lambda leaf: leaf + 0.1 * jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape), variables.pop("params")
        )

        def loss(params):
            logits, _ = model.apply(
                {"params": params, **variables}, x, train=train, rngs={"dropout": jax.random.key(7)}, mutable=list(variables)
            )
            return jnp.mean(jnp.square(logits - 1)), logits

        (_, logits), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        return params, logits, gradient

    params, logits, gradient = jax.jit(both)()
    return flat(params), np.asarray(logits), flat(gradient)


def convolved(x, params, name):
    y = jax.lax.conv_general_dilated(x, params[f"{name}/kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + params[f"{name}/bias"].reshape(1, 1, 1, -1)


def pooled(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


# --- shapes and values --------------------------------------------------------------------------------------------------


def test_parameters():
    stage = {"stage_0/conv/kernel": (3, 3, 2, 4), "stage_0/conv/bias": (4,)}
    second = {"stage_1/conv/kernel": (3, 3, 4, 3), "stage_1/conv/bias": (3,)}
    head = {"head/kernel": (3, 3), "head/bias": (3,)}  # 6 × 7 → 3 × 3 → 1 × 1
    assert {path: leaf.shape for path, leaf in weights(BASE).items()} == stage | second | head
    branch = {
        f"stage_{i}/conv_{j}/{name}": shape
        for i, width in enumerate((4, 3))
        for j in (1, 2)
        for name, shape in {"kernel": (3, 3, width, width), "bias": (width,)}.items()
    }
    assert {path: leaf.shape for path, leaf in weights(RESIDUAL).items()} == stage | second | head | branch
    large = weights(rebuild(BASE, kernel_size=5, channels=(4,)))
    assert large["stage_0/conv/kernel"].shape == (5, 5, 2, 4) and large["head/kernel"].shape == (3 * 3 * 4, 3)
    assert weights(rebuild(BASE, head="average", channels=(4,)))["head/kernel"].shape == (4, 3)
    assert weights(rebuild(BASE, channels=()))["head/kernel"].shape == (6 * 7 * 2, 3)


@pytest.mark.parametrize("activation", ["relu", "tanh", "leaky_relu"])
def test_it_is_the_usual_network_for_activations_that_rise(activation):
    model = rebuild(BASE, activation=activation)
    params, logits, _ = run(model)
    x = X
    for name in ("stage_0", "stage_1"):
        x = pooled(model.activation(convolved(x, params, f"{name}/conv")))  # pooling last, as everybody does
    np.testing.assert_allclose(logits, x.reshape(5, -1) @ params["head/kernel"] + params["head/bias"][None], rtol=1e-4, atol=1e-5)


def test_a_residual_stage_adds_its_branch_to_its_input():
    params, logits, _ = run(rebuild(RESIDUAL, channels=(4,), head="average"))
    x = jax.nn.relu(pooled(convolved(X, params, "stage_0/conv")))
    branch = jax.nn.relu(convolved(x, params, "stage_0/conv_1"))
    x = jax.nn.relu(x + convolved(branch, params, "stage_0/conv_2"))
    expected = x.mean(axis=(1, 2)) @ params["head/kernel"] + params["head/bias"][None]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_average_pooling():
    params, logits, _ = run(rebuild(BASE, channels=(4,), pooling="average"))
    x = convolved(X, params, "stage_0/conv")[:, :, :6].reshape(5, 3, 2, 3, 2, 4).mean(axis=(2, 4))
    expected = jax.nn.relu(x).reshape(5, -1) @ params["head/kernel"] + params["head/bias"][None]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["maxout", "swiglu"])
@pytest.mark.parametrize("changes", [{}, {"blocks": "residual", "normalization": "layer"}, {"head": "average"}])
def test_units_of_several_pieces_cost_no_more_parameters(changes, activation):
    def parameters(model):
        return sum(leaf.size for leaf in weights(model).values())

    model = rebuild(BASE, channels=(20, 30), **changes)
    ours, theirs = parameters(rebuild(model, activation=activation)), parameters(model)
    assert 0.85 * theirs < ours <= theirs  # in steps of whole channels


# --- tricks -------------------------------------------------------------------------------------------------------------

TRICKS = {
    "batch norm": {"normalization": "batch"},
    "layer norm": {"normalization": "layer"},
    "dropout": {"dropout": 0.5},
    "input dropout": {"input_dropout": 0.5},
    "drop connect": {"drop_connect": 0.5},
    "initializer": {"kernel_init": "he_normal"},
    "activation": {"activation": "elu"},
    "maxout": {"activation": "maxout"},
    "average pooling": {"pooling": "average"},
    "residual": {"blocks": "residual"},
    "residual, all of them": {"blocks": "residual", "normalization": "batch", "dropout": 0.5, "activation": "maxout"},
}


@pytest.mark.parametrize("name", TRICKS)
def test_every_trick_changes_the_function_and_all_parameters_learn(name):
    base = rebuild(BASE, channels=(4,))
    _, logits, _ = run(base)
    _, changed, gradient = run(rebuild(base, **TRICKS[name]))
    assert changed.shape == logits.shape == (5, 3) and np.all(np.isfinite(changed))
    assert not np.allclose(changed, logits, rtol=1e-3)
    # A bias before batch norm, which subtracts it again, is the one parameter without a gradient.
    idle = {path for path, leaf in gradient.items() if np.allclose(leaf, 0, atol=1e-6)}
    assert all("batch" in str(TRICKS[name]) and "conv" in path and path.endswith("bias") for path in idle)


@pytest.mark.parametrize("field", ["dropout", "input_dropout", "drop_connect"])
def test_dropout_of_rate_zero_is_off_bit_for_bit(field):
    np.testing.assert_array_equal(run(rebuild(BASE, **{field: 0.0}))[1], run(BASE)[1])


@pytest.mark.parametrize("changes", [{"remat": True}, {"lowering": "mixed"}, {"lowering": "direct"}])
def test_how_it_is_computed_changes_nothing(changes):
    model = rebuild(RESIDUAL, channels=(4,), dropout=0.5, normalization="batch")
    (_, logits, gradient), (_, others, theirs) = run(model), run(rebuild(model, **changes))
    np.testing.assert_allclose(logits, others, rtol=1e-4, atol=1e-5)
    assert gradient.keys() == theirs.keys()
    for path in gradient:
        np.testing.assert_allclose(gradient[path], theirs[path], rtol=1e-3, atol=1e-5)
    text = str(jax.make_jaxpr(lambda: rebuild(model, **changes).init(jax.random.key(0), X, train=False))())
    if changes.get("lowering") != "mixed" or jax.default_backend() == "cpu":  # elsewhere it is "patches"
        assert ("checkpoint" in text or "remat" in text) if "remat" in changes else "conv_general_dilated" in text


def test_floats_of_the_parts_are_traced():
    models = [
        rebuild(
            BASE,
            activation=jt.nn.LeakyReLU(slope=r),
            kernel_init=jt.nn.Normal(scale=r),
            normalization=jt.nn.BatchNorm(momentum=r),
            dropout=r,
        )
        for r in (0.1, 0.5)
    ]

    def member(model):
        variables = model.init({"params": jax.random.key(0)}, X, train=False)
        return model.apply(variables, X, train=True, rngs={"dropout": jax.random.key(1)}, mutable=["batch_stats"])

    together = jax.jit(jax.vmap(member))(stack(models))
    for i, model in enumerate(models):
        for one, other in zip(jax.tree.leaves(together), jax.tree.leaves(jax.jit(member)(model)), strict=True):
            np.testing.assert_allclose(one[i], other, rtol=1e-4, atol=1e-5)


# --- pairing ------------------------------------------------------------------------------------------------------------

CHANGES = {
    "a stage more": {"channels": (4, 3)},
    "residual": {"blocks": "residual"},
    "dropout": {"dropout": 0.5},
    "batch norm": {"normalization": "batch"},
    "everything": {"dropout": 0.5, "input_dropout": 0.2, "normalization": "batch", "remat": True, "activation": "gelu"},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_leaves_the_other_weights_alone(name):
    base = rebuild(BASE, channels=(4,))
    ours, theirs = weights(base), weights(rebuild(base, **CHANGES[name]))
    same = {path for path in ours.keys() & theirs.keys() if ours[path].shape == theirs[path].shape}
    assert {"stage_0/conv/kernel", "stage_0/conv/bias"} <= same
    assert all(np.array_equal(ours[path], theirs[path]) for path in same)
    other = weights(base, seed=1)
    assert not np.array_equal(ours["stage_0/conv/kernel"], other["stage_0/conv/kernel"])


def test_a_change_leaves_the_other_masks_alone():
    def mask(model):
        def outputs():
            variables = model.init({"params": jax.random.key(0)}, X, train=False)
            mutable = [*variables.keys() - {"params"}, "intermediates"]
            _, changed = model.apply(
                variables, X, train=True, rngs={"dropout": jax.random.key(7)}, mutable=mutable, capture_intermediates=True
            )
            return changed["intermediates"]["stage_0"]["dropout"]["__call__"][0]

        return np.asarray(jax.jit(outputs)()) == 0

    base = rebuild(BASE, channels=(4,), dropout=0.5, activation="tanh")
    ours = mask(base)
    assert 0.2 < ours.mean() < 0.8
    for changes in ({"blocks": "residual"}, {"normalization": "batch"}, {"input_dropout": 0.5}, {"drop_connect": 0.5}):
        np.testing.assert_array_equal(mask(rebuild(base, **changes)), ours)


# --- bad input, and the engine ------------------------------------------------------------------------------------------


def shapes(model, shape):
    return jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.ones(shape), train=False))


def test_what_it_does_not_take():
    with pytest.raises(jt.ConfigError, match=r"^CNN takes images \[height, width, channels\], not examples of shape \(5,\)\."):
        shapes(BASE, (2, 5))
    with pytest.raises(jt.ConfigError, match=r"^CNN.channels\[1\] = 3 leaves nothing of an image of 1 × 4; fewer stages, "):
        shapes(BASE, (2, 3, 9, 1))
    shapes(BASE, (2, 4, 4, 1))
    with pytest.raises(jt.ConfigError, match=r"^CNN.outputs = None: fit fills it from the data's classes"):
        shapes(rebuild(BASE, outputs=None), (2, 4, 4, 1))
    with pytest.raises(jt.ConfigError, match=r"^CNN.blocks = 'resdual' is not allowed; did you mean 'residual'\?$"):
        CNN(blocks="resdual")


def test_fit_passes_the_sentence_on():
    data = jt.Dataset.from_arrays(np.ones((40, 5)), np.arange(40) % 2, name="rows")
    with pytest.raises(jt.ConfigError, match=r"^CNN takes images \[height, width, channels\], not examples of shape \(5,\)\."):
        jt.fit(jt.Experiment(model=CNN(), batch_size=8), data, seeds=1, progress=False)


def test_it_learns_the_digits():
    experiment = jt.Experiment(model=CNN(channels=(8,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.01)), epochs=1)
    runs = jt.fit(experiment, jt.load("digits"), seeds=2, progress=False)
    assert np.all(runs.metrics["accuracy"] > 0.5)
    assert runs.plan.width == (1 if jax.default_backend() == "cpu" else 2)
