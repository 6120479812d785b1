"""Convolutional networks of stages: what each stage computes, the networks of papers, and settings that cannot be."""

import json

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import from_json, parse, rebuild, to_json

X = jax.random.normal(jax.random.key(0), (3, 9, 8, 2))
NORMED = jt.CNN(stages=(jt.Conv(4), jt.Residual(4)), head="average", normalization="batch", outputs=3)


def flat(tree):
    return flax.traverse_util.flatten_dict(tree, sep="/")


def shapes(model, shape=X.shape):
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.ones(shape), train=False))
    return {path: leaf.shape for path, leaf in flat(variables["params"]).items()}


def size(model, shape=(1, 32, 32, 3)):
    return sum(int(np.prod(shape)) for shape in shapes(model, shape).values())


def called(model, x=X):
    """The parameters, moved away from zero, and the scores."""

    def both():
        variables = dict(model.init(jax.random.key(0), x, train=False))
        moved = jax.tree.map(lambda p: p + 0.1 * jnp.cos(jnp.arange(p.size)).reshape(p.shape), variables["params"])
        return moved, model.apply(variables | {"params": moved}, x, train=False)

    params, scores = jax.jit(both)()
    return flat(params), np.asarray(scores)


def convolved(x, params, name, stride=1):
    kernel = params[f"{name}/kernel"]
    pads = [((side - 1) // 2, side // 2) for side in kernel.shape[:2]]
    y = jax.lax.conv_general_dilated(x, kernel, (stride, stride), pads, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + params[f"{name}/bias"].reshape(1, 1, 1, -1)


def headed(x, params):
    return x.reshape(len(x), -1) @ params["head/kernel"] + params["head/bias"][None]


def pooled(x, size, reduce):
    down, across = x.shape[1] // size, x.shape[2] // size
    x = x[:, : down * size, : across * size].reshape(len(x), down, size, across, size, -1)
    return reduce(x, axis=(2, 4))


# --- what stages compute --------------------------------------------------------------------------------------------------


def test_a_linear_convolution_a_pool_and_a_dense_layer():
    """The lecture's ladder begins without an activation and without pooling."""
    model = jt.CNN(stages=(jt.Conv(4, then=()),), outputs=3)
    params, scores = called(model)
    np.testing.assert_allclose(scores, headed(convolved(X, params, "stage_0/conv"), params), rtol=1e-4, atol=1e-5)
    stages = (jt.Conv(4, 5, stride=2), jt.Pool(pooling="average"), jt.models.DenseStage(6))
    params, scores = called(rebuild(model, stages=stages))
    x = pooled(jax.nn.relu(convolved(X, params, "stage_0/conv", 2)), 2, jnp.mean)
    assert params["stage_2/dense/kernel"].shape == (2 * 2 * 4, 6)
    x = jax.nn.relu(x.reshape(3, -1) @ params["stage_2/dense/kernel"] + params["stage_2/dense/bias"][None])
    np.testing.assert_allclose(scores, headed(x, params), rtol=1e-4, atol=1e-5)


def test_what_follows_a_convolution_comes_in_its_order():
    usual, late = (
        jt.CNN(stages=(jt.Conv(4, then=then),), normalization="layer", activation="tanh", outputs=3)
        for then in (("normalize", "average_pool", "activate"), ("average_pool", "activate", "normalize"))
    )
    assert "stage_0/norm/scale" in shapes(usual) and "stage_0/late_norm_2/scale" in shapes(late)
    params, scores = called(late)
    x = jnp.tanh(pooled(convolved(X, params, "stage_0/conv"), 2, jnp.mean))
    x = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-6)
    x = x * params["stage_0/late_norm_2/scale"].reshape(1, 1, 1, -1) + params["stage_0/late_norm_2/bias"].reshape(1, 1, 1, -1)
    np.testing.assert_allclose(scores, headed(x, params), rtol=1e-4, atol=1e-5)
    late = rebuild(late, normalization="batch")
    variables = late.init(jax.random.key(0), X, train=False)
    with pytest.raises(jt.ConfigError, match="cannot be folded"):  # what comes after an activation is part of no convolution
        jt.models.fold(late, variables)


@pytest.mark.parametrize("shortcut", ["padded", "projected"])
def test_a_residual_stage_shrinks_and_widens(shortcut):
    params, scores = called(jt.CNN(stages=(jt.Residual(5, stride=2, shortcut=shortcut),), outputs=3))
    branch = convolved(jax.nn.relu(convolved(X, params, "stage_0/conv_1", 2)), params, "stage_0/conv_2")
    if shortcut == "padded":
        short = jnp.pad(X[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, 3)))
    else:
        short = convolved(X, params, "stage_0/conv_skip", 2)
    np.testing.assert_allclose(scores, headed(jax.nn.relu(branch + short), params), rtol=1e-4, atol=1e-5)


def test_batch_norm_of_residual_stages_is_folded():
    model = rebuild(NORMED, stages=(jt.Conv(4), jt.Residual(6, stride=2, shortcut="projected")))
    variables = jax.tree.map(lambda leaf: leaf + 0.3, model.init(jax.random.key(0), X, train=False))
    plain, folded = jt.models.fold(model, variables)
    np.testing.assert_allclose(plain.apply(folded, X, train=False), model.apply(variables, X, train=False), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["maxout", "swiglu"])
def test_units_of_several_pieces_cost_no_more_parameters(activation):
    stages = (jt.Conv(20), "pool", jt.Residual(30), jt.models.DenseStage(40), jt.Conv(10, 1, then=()))
    model = jt.CNN(stages=stages, normalization="layer", outputs=3)
    ours, theirs = size(rebuild(model, activation=activation), X.shape), size(model, X.shape)
    assert 0.85 * theirs < ours <= theirs  # in steps of whole channels


def test_dropout_is_where_stages_say_so():
    model = jt.CNN(stages=(jt.Conv(4), jt.Pool(then=("drop",))), dropout=0.5, outputs=3)
    variables = model.init(jax.random.key(0), X, train=False)
    _, seen = model.apply(
        variables, X, train=True, rngs={"dropout": jax.random.key(1)}, mutable=["intermediates"], capture_intermediates=True
    )
    for stage in ("stage_0", "stage_1"):
        assert "dropout" in seen["intermediates"][stage]


# --- networks of papers ---------------------------------------------------------------------------------------------------


def test_networks_of_papers_have_their_parameters():
    idle = 7 * 16 + 6 * 32 + 6 * 64  # biases before batch norm
    assert size(jt.models.resnet20(outputs=10)) == 269_722 + idle  # the paper says 0.27 million
    convolutions, dense = 14_714_688, 2 * 513 * 512 + 513 * 10
    assert size(jt.models.vgg16(outputs=10)) == convolutions + dense
    assert size(jt.models.vgg16(normalization="batch", outputs=10)) == convolutions + dense + 2 * 4224
    assert shapes(jt.models.airbench(outputs=10), (1, 32, 32, 3))["head/kernel"] == (256, 10)
    assert jt.models.resnet20(normalization="group").normalization == jt.nn.GroupNorm()


def torch_block(torch, below, features, stride):
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv_1, self.norm_1 = nn.Conv2d(below, features, 3, stride, padding=1), nn.BatchNorm2d(features)
            self.conv_2, self.norm_2 = nn.Conv2d(features, features, 3, padding=1), nn.BatchNorm2d(features)

        def forward(self, x):
            y = self.norm_2(self.conv_2(torch.relu(self.norm_1(self.conv_1(x)))))
            short = nn.functional.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, features - below))
            return torch.relu(y + short)

    return Block()


def torch_resnet20(torch):
    nn = torch.nn
    stem = nn.Sequential()
    stem.add_module("conv", nn.Conv2d(3, 16, 3, padding=1))
    stem.add_module("norm", nn.BatchNorm2d(16))
    stem.add_module("relu", nn.ReLU())
    blocks = [(16, 16, 1)] * 3 + [(16, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1)]
    network = nn.Sequential()
    network.add_module("stage_0", stem)
    for i, block in enumerate(blocks):
        network.add_module(f"stage_{i + 1}", torch_block(torch, *block))
    network.add_module("mean", nn.AdaptiveAvgPool2d(1))
    network.add_module("flat", nn.Flatten())
    network.add_module("head", nn.Linear(64, 10))
    return network


def torch_vgg16(torch):
    nn = torch.nn
    layers, below, stage = [], 3, 0
    for features, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [(f"stage_{stage}", nn.Sequential()), (f"relu_{stage}", nn.ReLU())]
            layers[-2][1].add_module("conv", nn.Conv2d(below, features, 3, padding=1))
            below, stage = features, stage + 1
        layers.append((f"pool_{stage}", nn.MaxPool2d(2)))
        stage += 1
    layers += [("flat", nn.Flatten()), ("drop", nn.Dropout())]
    for _ in range(2):
        layers += [(f"stage_{stage}", nn.Sequential()), (f"relu_{stage}", nn.ReLU())]
        layers[-2][1].add_module("dense", nn.Linear(512, 512))
        stage += 1
    network = nn.Sequential()
    for name, layer in [*layers, ("head", nn.Linear(512, 10))]:
        network.add_module(name, layer)
    return network


@pytest.mark.parametrize("name", ["resnet20", "vgg16"])
def test_networks_of_papers_are_pytorchs(name, float64):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = {"resnet20": torch_resnet20, "vgg16": torch_vgg16}[name](torch).double().eval()
    with torch.no_grad():
        for leaf in theirs.state_dict().values():  # away from zero and one, running averages too
            if leaf.ndim == 1:
                leaf.add_(0.3 * torch.rand(leaf.shape, dtype=leaf.dtype))
        x = np.random.default_rng(0).normal(size=(2, 3, 32, 32))
        expected = theirs(torch.from_numpy(x)).numpy()
    model = getattr(jt.models, name)(outputs=10)
    with float64():
        images = jnp.asarray(x.transpose(0, 2, 3, 1))
        variables = model.init(jax.random.key(0), images, train=False)
        ours = jax.tree.map(np.asarray, flat(variables))
        taken = {}
        for path, leaf in ours.items():
            layer, _, last = path.partition("/")[2].rpartition("/")
            there = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}.get(last, last)
            array = theirs.state_dict()[f"{layer.replace('/', '.')}.{there}"].numpy()
            taken[path] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
            assert taken[path].shape == leaf.shape
        found = jax.jit(lambda v: model.apply(v, images, train=False))(flax.traverse_util.unflatten_dict(taken, sep="/"))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


# --- settings -------------------------------------------------------------------------------------------------------------


def test_stages_are_settings_as_any_other():
    base = jt.Experiment(model=jt.CNN(stages=(jt.Conv(8, 5), "pool", jt.Residual(8))))
    assert base.model.stages[1] == jt.Pool()
    assert jt.Experiment.from_json(json.loads(json.dumps(base.to_json()))) == base
    assert base.to_json()["model"]["stages"][1] == {"kind": "pool", "size": 2, "pooling": "max", "then": []}
    wider = base.replace({"model.stages.0.features": 16})
    assert wider.model.stages[0] == jt.Conv(16, 5) and wider.model.stages[1:] == base.model.stages[1:]
    assert base.diff(wider) == {"model.stages.0.features": (8, 16)}
    longer = base.replace({"model.stages": (*base.model.stages, "dense")})
    assert base.diff(longer).keys() == {"model.stages"}
    assert jax.tree.structure(base) != jax.tree.structure(wider)
    words = ['[{"kind":', '"conv",', '"features": 8, "kernel_size": 5}, "pool",', '{"kind": "residual"}]']
    written = parse(base, "model.stages", words)
    assert base.replace({"model.stages": written, "model.stages.2.features": 8}) == base
    assert base.replace({"model.stages": parse(base, "model.stages", ["conv", "pool"])}).model.stages == (jt.Conv(), jt.Pool())
    assert base.replace({"model.stages": "dense"}).model.stages == (jt.models.DenseStage(),)
    assert from_json(type(base.model), to_json(base.model)) == base.model


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"model.stages": ("conv", "pol")}, r"CNN\.stages\[1\] = 'pol' names no image stage; did you mean 'pool'\?"),
        ({"model.stages": 3}, r"CNN\.stages\[0\] = 3 is not one of conv, dense, pool, residual\."),
        ({"model.stages": (jt.nn.ReLU(),)}, r"CNN\.stages\[0\] = ReLU\(\) is not one of conv, .*"),
        ({"model.stages.3.features": 8}, r"there is no setting 'model\.stages\.3\.features'"),
        ({"model.stages.0.featurs": 8}, r"there is no setting .*; did you mean 'model\.stages\.0\.features'\?"),
        (
            {"model.stages.0.then": ("normalise",)},
            r".*ConvStage\.then = \('normalise',\) is not allowed; did you mean 'normalize'\?",
        ),
    ],
)
def test_settings_that_cannot_be(changes, error):
    base = jt.Experiment(model=jt.CNN(stages=("conv", "pool")))
    with pytest.raises(jt.ConfigError, match=error):
        base.replace(changes)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (
            jt.CNN(stages=("conv", jt.Pool(4), "conv", jt.Pool(3)), outputs=3),
            r"^CNN\.stages\[3\] = PoolStage\(size=3, .*\) leaves nothing of an image of 2 × 2; fewer stages, smaller ",
        ),
        (
            jt.CNN(stages=(jt.Conv(4, 9, padding="VALID"),), outputs=3),
            r"^CNN\.stages\[0\] = .* leaves nothing of an image of 9 × 8",
        ),
        (
            jt.CNN(stages=("conv",), channels=(8,), outputs=3),
            r"^CNN\.channels = \(8,\) is for usual stages, and CNN\.stages are ",
        ),
        (jt.CNN(stages=("conv", jt.Residual(4)), outputs=3), r"^ResidualStage\.shortcut = 'padded' makes no 4 channels of 32; "),
    ],
)
def test_stages_that_do_not_fit_the_images(model, error):
    with pytest.raises(jt.ConfigError, match=error):
        shapes(model)


def test_vgg_leaves_nothing_of_mnist():
    data = jt.Dataset.from_arrays(np.zeros((40, 28, 28, 1)), np.arange(40) % 2, name="like mnist")
    with pytest.raises(jt.ConfigError, match=r"^CNN\.stages\[17\] = PoolStage\(.*\) leaves nothing of an image of 1 × 1; "):
        jt.fit(jt.Experiment(model=jt.models.vgg16(), batch_size=8), data, seeds=1, progress=False)


def test_a_stage_of_ones_own_has_floats_that_are_traced():
    @jt.extend.config()
    class Times(jt.models.ImageStage):
        factor: jt.extend.Positive = 2.0

        def __call__(self, x, parts, train):
            return self.factor * x

    models = [jt.CNN(stages=(Times(factor=f),), outputs=3) for f in (1.0, 3.0)]
    together = jax.vmap(lambda model: model.init_with_output(jax.random.key(0), X, train=False)[0])(jt.config.stack(models))
    for model, found in zip(models, together, strict=True):
        np.testing.assert_allclose(found, model.init_with_output(jax.random.key(0), X, train=False)[0], rtol=1e-4, atol=1e-5)
    assert jt.config.hyperparameters(models[1]) == {"stages.0.factor": 3.0}


def test_a_network_of_stages_learns_the_digits():
    model = jt.CNN(stages=(jt.Conv(8), jt.Pool(), jt.Residual(8)), normalization="batch")
    experiment = jt.Experiment(model=model, optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.01)), epochs=1)
    runs = jt.fit(experiment, jt.load("digits"), seeds=2, progress=False)
    assert np.all(runs.metrics["accuracy"] > 0.5)
