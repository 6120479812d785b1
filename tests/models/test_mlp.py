"""The fully connected network: what one part draws does not depend on which others there are."""

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import rebuild, stack

X = jax.random.normal(jax.random.key(0), (6, 4))
float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
BASE = jt.MLP(widths=(8, 8), outputs=3)


def init(model, seed=0):
    variables = jax.jit(lambda: model.init({"params": jax.random.key(seed)}, X, train=False))()
    return {name: flax.traverse_util.flatten_dict(tree, sep="/") for name, tree in variables.items()}


def weights(model):
    return init(model)["params"]


def run(model, train=True, seed=7):
    """Logits and every module's output, by path, in a network whose weights come from seed 0."""

    def both():
        variables = model.init({"params": jax.random.key(0)}, X, train=False)
        rngs = {"dropout": jax.random.key(seed)}
        mutable = [name for name in variables if name != "params"] + ["intermediates"]
        return model.apply(variables, X, train=train, rngs=rngs, mutable=mutable, capture_intermediates=True)

    y, changed = jax.jit(both)()
    outputs = flax.traverse_util.flatten_dict(changed["intermediates"], sep="/")
    return y, {path.removesuffix("/__call__"): np.asarray(value[0]) for path, value in outputs.items()}


def masks(model, **settings):
    return {path: value == 0 for path, value in run(model, **settings)[1].items() if "dropout" in path.split("/")[-1]}


# --- shapes and values --------------------------------------------------------------------------------------------------


def test_it_is_the_usual_network():
    params = weights(BASE)
    assert {path: leaf.shape for path, leaf in params.items()} == {
        "hidden_0/dense/kernel": (4, 8),
        "hidden_0/dense/bias": (8,),
        "hidden_1/dense/kernel": (8, 8),
        "hidden_1/dense/bias": (8,),
        "head/kernel": (8, 3),
        "head/bias": (3,),
    }
    x = np.asarray(X)
    for layer in ("hidden_0/dense", "hidden_1/dense"):
        x = np.maximum(0, x @ np.asarray(params[f"{layer}/kernel"]))
    np.testing.assert_allclose(run(BASE, train=False)[0], x @ params["head/kernel"], rtol=1e-5, atol=1e-6)


def test_the_parts_of_a_hidden_layer_come_in_their_order():
    model = rebuild(BASE, widths=(8,), activation="tanh", normalization="layer", dropout=0.5)
    logits, outputs = run(model)
    normalized = outputs["hidden_0/norm"]
    np.testing.assert_allclose(normalized.mean(1), 0, atol=1e-5)
    kept = outputs["hidden_0/dropout"] != 0
    np.testing.assert_allclose(outputs["hidden_0/dropout"][kept], 2 * np.tanh(normalized)[kept], rtol=1e-5)
    np.testing.assert_array_equal(outputs["hidden_0"], outputs["hidden_0/dropout"])
    np.testing.assert_allclose(logits, outputs["hidden_0"] @ weights(model)["head/kernel"], rtol=1e-5, atol=1e-6)


def test_inputs_are_flattened_and_no_hidden_layer_is_a_linear_model():
    images = jnp.ones((2, 4, 3, 1))
    variables = jt.MLP(widths=(), outputs=3).init(jax.random.key(0), images, train=False)
    assert {path: leaf.shape for path, leaf in flax.traverse_util.flatten_dict(variables["params"], sep="/").items()} == {
        "head/kernel": (12, 3),
        "head/bias": (3,),
    }


def test_a_network_without_outputs_says_who_fills_them():
    with pytest.raises(jt.ConfigError, match=r"^MLP.outputs = None: fit fills it from the data's classes"):
        jax.eval_shape(lambda: jt.MLP().init(jax.random.key(0), X, train=False))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, "float64"])
@pytest.mark.parametrize("normalization", ["batch", "noisy_batch", "layer", "group"])
def test_the_precision_of_the_inputs_is_that_of_the_network(normalization, dtype):
    model = rebuild(BASE, dropout=0.5, input_dropout=0.1, drop_connect=0.1, normalization=normalization)

    def forward(x):
        variables = model.init(jax.random.key(0), x, train=False)
        return variables, model.apply(variables, x, train=True, rngs={"dropout": jax.random.key(0)}, mutable=["batch_stats"])

    with float64(dtype == "float64"):
        before, (logits, after) = jax.eval_shape(forward, jax.ShapeDtypeStruct(X.shape, dtype))
    assert logits.dtype == dtype
    kernels = {leaf.dtype for leaf in jax.tree.leaves(before["params"]) if leaf.ndim > 1}
    assert kernels == {jnp.dtype(dtype)}
    # Running averages keep their type from step to step, as a scan wants, and are never coarser than float32.
    if normalization.endswith("batch"):
        assert after["batch_stats"] == before["batch_stats"]
        assert {leaf.dtype for leaf in jax.tree.leaves(after)} == {np.promote_types(dtype, np.float32)}


# --- pairing ------------------------------------------------------------------------------------------------------------

CHANGES = {
    "one layer more": {"widths": (8, 8, 8)},
    "one layer less": {"widths": (8,)},
    "wider": {"widths": (8, 16)},
    "dropout": {"dropout": 0.5},
    "input dropout": {"input_dropout": 0.5},
    "batch norm": {"normalization": "batch"},
    "layer norm": {"normalization": "layer"},
    "group norm": {"normalization": "group"},
    "noisy batch norm": {"normalization": "noisy_batch"},
    "drop connect": {"drop_connect": 0.5},
    "remat": {"remat": True},
    "another activation": {"activation": jt.nn.ELU()},
    "everything": {"dropout": 0.5, "input_dropout": 0.2, "normalization": "batch", "remat": True, "activation": "gelu"},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_leaves_the_other_weights_alone(name):
    ours, theirs = weights(BASE), weights(rebuild(BASE, **CHANGES[name]))
    same = {path for path in ours.keys() & theirs.keys() if ours[path].shape == theirs[path].shape}
    expected = {"one layer less": 4, "wider": 3}.get(name, 6)
    assert len(same) == expected
    assert all(np.array_equal(ours[path], theirs[path]) for path in same)


@pytest.mark.parametrize("name", [name for name in CHANGES if "drop" not in name and name != "everything"])
def test_a_change_leaves_the_other_masks_alone(name):
    base = rebuild(BASE, dropout=0.5, input_dropout=0.5, activation="tanh")  # relu has zeros of its own
    ours, theirs = masks(base), masks(rebuild(base, **CHANGES[name]))
    assert set(ours) == {"input_dropout", "hidden_0/dropout", "hidden_1/dropout"}
    same = [path for path in ours if path in theirs and ours[path].shape == theirs[path].shape]
    assert len(same) == (2 if name in ("one layer less", "wider") else 3)
    for path in same:
        np.testing.assert_array_equal(ours[path], theirs[path])
        assert 0.2 < ours[path].mean() < 0.8


def test_masks_differ_between_layers_and_seeds():
    model = rebuild(BASE, dropout=0.5, activation="tanh")
    ours, others = masks(model), masks(model, seed=8)
    assert not np.array_equal(ours["hidden_0/dropout"], ours["hidden_1/dropout"])
    assert not np.array_equal(ours["hidden_0/dropout"], others["hidden_0/dropout"])


def test_the_masks_of_connections_are_drawn_by_path_and_change_no_other_mask():
    model = rebuild(BASE, drop_connect=0.5, activation="tanh")
    more = rebuild(model, widths=(8, 8, 8), dropout=0.5, normalization="noisy_batch")
    ours, theirs = masks_of_connections(model), masks_of_connections(more)
    assert ours.keys() == {"hidden_0/dense", "hidden_1/dense"}  # none in the head
    assert all(np.array_equal(ours[path], theirs[path]) for path in ours)
    assert not np.array_equal(ours["hidden_0/dense"], ours["hidden_1/dense"][:4])
    units = masks(rebuild(more, drop_connect=None))
    assert all(np.all(mask[units[path]]) for path, mask in masks(more).items())  # without connections more may be 0


def masks_of_connections(model):
    outputs = run(model)[1]
    return {p.removesuffix("/connections"): v == 0 for p, v in outputs.items() if p.endswith("/connections")}


def test_dropout_of_the_two_variants_and_any_rate_is_drawn_from_the_same_numbers():
    def mask(dropout):
        return masks(rebuild(BASE, dropout=dropout, activation="tanh"))["hidden_0/dropout"]

    np.testing.assert_array_equal(mask(jt.nn.Inverted(rate=0.5)), mask(jt.nn.TestScaled(rate=0.5)))
    assert np.all(mask(0.8)[mask(0.5)])  # what the lower rate drops, the higher drops too


def test_weights_of_layers_and_seeds_differ():
    params = weights(BASE)
    assert not np.array_equal(params["hidden_1/dense/kernel"], weights(rebuild(BASE, widths=(8, 8)))["hidden_0/dense/kernel"][:4])
    assert not np.array_equal(params["head/kernel"], init(BASE, seed=1)["params"]["head/kernel"])
    square = init(rebuild(BASE, widths=(4, 4)))["params"]
    assert not np.array_equal(square["hidden_0/dense/kernel"], square["hidden_1/dense/kernel"])


def test_the_initializer_scales_all_kernels_of_the_same_draw():
    lecun, he = (weights(rebuild(BASE, kernel_init=name)) for name in ("lecun_normal", "he_normal"))
    for path in lecun:
        np.testing.assert_allclose(he[path], np.sqrt(2) * lecun[path], rtol=1e-6)


# --- switches -----------------------------------------------------------------------------------------------------------


def gradient(model):
    def loss(params):
        variables = {"params": params, **{k: v for k, v in start.items() if k != "params"}}
        y, _ = model.apply(variables, X, train=True, rngs={"dropout": jax.random.key(1)}, mutable=["batch_stats"])
        return jnp.mean(y**2)

    start = model.init({"params": jax.random.key(0)}, X, train=False)
    return jax.jit(jax.value_and_grad(loss))(start["params"])


def test_remat_gives_the_same_loss_and_gradient():
    model = rebuild(BASE, dropout=0.5, drop_connect=0.5, normalization="batch")
    plain, again = gradient(model), gradient(rebuild(model, remat=True))
    assert jax.tree.structure(plain) == jax.tree.structure(again)
    for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(again), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    text = str(jax.make_jaxpr(lambda x: rebuild(model, remat=True).init(jax.random.key(0), x, train=False))(X))
    assert "checkpoint" in text or "remat" in text


@pytest.mark.parametrize("field", ["dropout", "input_dropout", "drop_connect"])
def test_dropout_of_rate_zero_is_off_bit_for_bit(field):
    zero, off = run(rebuild(BASE, **{field: 0.0}))[0], run(BASE)[0]
    assert np.asarray(zero).tobytes() == np.asarray(off).tobytes()


@pytest.mark.parametrize("normalization", [None, "batch", "noisy_batch", "layer", "group"])
def test_at_test_an_example_does_not_depend_on_its_companions_or_on_chance(normalization):
    model = rebuild(BASE, normalization=normalization, dropout=0.5, input_dropout=jt.nn.TestScaled(), drop_connect=0.5)
    variables = jax.jit(lambda: model.init({"params": jax.random.key(0)}, X, train=False))()
    forward = jax.jit(lambda x: model.apply(variables, x, train=False))  # and no dropout stream is asked for
    rows = np.array([3, 3, 0, 1, 3, 5])
    np.testing.assert_allclose(forward(X[rows]), np.asarray(forward(X))[rows], rtol=1e-5, atol=1e-6)


def test_floats_of_the_parts_are_traced():
    parts = [(jt.nn.LeakyReLU(slope=r), jt.nn.Normal(scale=r), jt.nn.BatchNorm(momentum=r), r) for r in (0.1, 0.5)]
    names = ("activation", "kernel_init", "normalization", "dropout")
    models = [rebuild(BASE, **dict(zip(names, values, strict=True))) for values in parts]

    def member(model):
        variables = model.init({"params": jax.random.key(0)}, X, train=False)
        return model.apply(variables, X, train=True, rngs={"dropout": jax.random.key(1)}, mutable=["batch_stats"])

    together = jax.jit(jax.vmap(member))(stack(models))
    for i, model in enumerate(models):
        alone = jax.jit(member)(model)
        for one, other in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(one[i], other, rtol=1e-4, atol=1e-5)


def test_a_network_inside_another_module_draws_by_its_path_there():
    class Outer(nn.Module):
        extra: bool

        @nn.compact
        def __call__(self, x, train):
            if self.extra:
                x = nn.Dense(4, name="extra")(x)
            return rebuild(BASE, name="inner")(x, train)

    ours, theirs = weights(Outer(False)), weights(Outer(True))
    assert all(np.array_equal(ours[path], theirs[path]) for path in ours)
    assert not np.array_equal(ours["inner/head/kernel"], weights(BASE)["head/kernel"])


# --- units of several pieces --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["maxout", "geglu", "swiglu"])
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_units_of_two_pieces_take_as_many_parameters(activation, normalization):
    model = rebuild(BASE, widths=(48, 24), normalization=normalization)
    one, two = ({path: leaf.shape for path, leaf in weights(m).items()} for m in (model, rebuild(model, activation=activation)))
    count, most = (sum(int(np.prod(shape)) for shape in shapes.values()) for shapes in (two, one))
    assert 0.85 * most < count <= most
    units = two["hidden_1/dense/kernel"][0]
    assert two["hidden_0/dense/kernel"] == (4, 2 * units) and two["head/kernel"][1] == 3
    assert abs(two["head/kernel"][0] - units / 2) <= 1  # a common scale


def test_the_number_that_widths_are_matched_by_is_that_of_the_parameters_with_a_normalization():
    for model in (rebuild(BASE, normalization="layer"), rebuild(BASE, widths=()), rebuild(BASE, normalization="batch")):
        assert model._parameters(4)(model.widths, 1) == sum(leaf.size for leaf in weights(model).values())
    wide = rebuild(BASE, activation="maxout", widths=(20, 20), normalization="layer")
    units = weights(wide)["head/kernel"].shape[0]
    assert wide._parameters(4)((units, units), 2) == sum(leaf.size for leaf in weights(wide).values())


def test_normalization_changes_no_width():
    shapes = [
        {path: leaf.shape for path, leaf in weights(rebuild(BASE, activation="geglu", normalization=norm)).items()}
        for norm in (None, "batch")
    ]
    assert shapes[0].items() <= shapes[1].items()


def test_maxout_is_the_larger_of_two_linear_maps():
    model = rebuild(BASE, widths=(12,), activation="maxout")
    params, (logits, outputs) = weights(model), run(model, train=False)
    first, second = np.split(np.asarray(X) @ np.asarray(params["hidden_0/dense/kernel"]), 2, axis=1)
    np.testing.assert_allclose(outputs["hidden_0"], np.maximum(first, second), rtol=1e-5, atol=1e-6)
    assert logits.shape == (6, 3)


def test_a_network_too_narrow_for_pieces_is_refused_before_anything_compiles():
    data = jt.Dataset.from_arrays(np.random.default_rng(0).normal(size=(60, 5)), np.repeat(np.arange(3), 20), name="blobs")
    with pytest.raises(jt.ConfigError, match="leave no room for units of 2 pieces"):
        jt.fit(jt.Experiment(model=jt.MLP(widths=(1,), activation="geglu"), batch_size=16), data, seeds=1, progress=False)
