"""Weights of PyTorch's networks in ours: equal scores, equal weights on the way back, and what cannot be."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.experiment.transfer import replaced
from tests.models import torch_formulas as formulas

MEANINGS = {"tokens": None, "features": None, "outputs": None}


def loaded(model, x, state, blobs, **how):
    """The variables of a model that starts from a state_dict."""
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))
    transfer = jt.Transfer.of(state, layout="torch", **how)
    given, said = transfer.given(jt.Seeds(1).sampling(blobs), shapes, model, MEANINGS)
    assert not said.drawn and not said.unused
    return replaced(shapes, jax.tree.map(lambda leaf: leaf[0], given))


def scores(model, x, state, blobs, **how):
    return jax.jit(lambda variables: model.apply(variables, x, train=False))(loaded(model, x, state, blobs, **how))


def draws(**shapes):
    """A state_dict of random numbers; those of variances are above 0.5."""
    draw = np.random.default_rng(0)
    names = {name.replace("__", "."): shape for name, shape in shapes.items()}
    return {name: np.abs(a) + 0.5 if "var" in name else a for name, shape in names.items() for a in [draw.normal(size=shape)]}


def as_torch(module, state, *inputs):
    """What PyTorch's module gives with these weights, at test."""
    torch = pytest.importorskip("torch")
    module.double().eval().load_state_dict({name: torch.tensor(a) for name, a in state.items()})
    with torch.no_grad():
        return module(*map(torch.tensor, inputs)).numpy()


# --- a multilayer perceptron with batch norm --------------------------------------------------------------------------------

PERCEPTRON = draws(
    **{"0__weight": (4, 6), "0__bias": 4, "3__weight": (3, 4), "3__bias": 3},
    **{f"1__{name}": 4 for name in ("weight", "bias", "running_mean", "running_var")},
)
PERCEPTRON_NAMES = {"0": "hidden_0/dense", "1": "hidden_0/norm", "3": "head"}


def perceptron(state, x):
    hidden = formulas.batch_norm(state, "1", formulas.linear(state, "0", x))
    return formulas.linear(state, "3", np.maximum(hidden, 0))


def test_linear_layers_and_batch_norm(blobs, float64):
    x = np.random.default_rng(1).normal(size=(5, 6))
    with float64():
        model = jt.MLP(widths=(4,), normalization="batch", outputs=3)
        ours = scores(model, jnp.asarray(x), PERCEPTRON, blobs, names=PERCEPTRON_NAMES)
    np.testing.assert_allclose(ours, perceptron(PERCEPTRON, x), rtol=1e-10)


def test_linear_layers_and_batch_norm_are_pytorchs():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).normal(size=(5, 6))
    layers = torch.nn.Linear(6, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Linear(4, 3)
    np.testing.assert_allclose(as_torch(torch.nn.Sequential(*layers), PERCEPTRON, x), perceptron(PERCEPTRON, x), rtol=1e-10)


# --- a convolutional network, with a dense layer after the flattened image --------------------------------------------------

IMAGES = draws(**{"0__weight": (3, 2, 3, 3), "0__bias": 3, "4__weight": (4, 3 * 2 * 3), "4__bias": 4})
IMAGES_NAMES = {"0": "stage_0/conv", "4": "head"}


def convolutional(state, x):
    pooled = formulas.max_pool(np.maximum(formulas.conv2d(state, "0", x), 0))
    return formulas.linear(state, "4", pooled.reshape(len(x), -1))


def test_convolutions_and_what_reads_a_flattened_image(blobs, float64):
    x = np.random.default_rng(1).normal(size=(5, 2, 4, 6))
    with float64():
        model, ours = jt.CNN(channels=(3,), outputs=4), jnp.asarray(x.transpose(0, 2, 3, 1))
        given = scores(model, ours, IMAGES, blobs, names=IMAGES_NAMES, flattened={"head": 3})
    np.testing.assert_allclose(given, convolutional(IMAGES, x), rtol=1e-10)


def test_convolutions_are_pytorchs():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).normal(size=(5, 2, 4, 6))
    layers = (
        torch.nn.Conv2d(2, 3, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(18, 4),
    )
    np.testing.assert_allclose(as_torch(torch.nn.Sequential(*layers), IMAGES, x), convolutional(IMAGES, x), rtol=1e-10)


def test_a_flattened_image_has_to_be_told(blobs):
    x, model = jnp.ones((1, 4, 6, 2)), jt.CNN(channels=(3,), outputs=4)
    said = r"^head reads 18 numbers, perhaps 6 places of 3 channels, which PyTorch flattens .*; flattened = \{'head': 3\} says so"
    with pytest.raises(ConfigError, match=said):
        scores(model, x, IMAGES, blobs, names=IMAGES_NAMES)
    scores(model, x, IMAGES, blobs, names=IMAGES_NAMES, flattened={"head": 1})
    with pytest.raises(ConfigError, match=r"^flattened: head reads 18 numbers, no places of 4 channels\.$"):
        scores(model, x, IMAGES, blobs, names=IMAGES_NAMES, flattened={"head": 4})


# --- recurrent networks -----------------------------------------------------------------------------------------------------

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
CELLS = {"RNN": "tanh", "GRU": jt.nn.GRU(second_bias=True), "LSTM": "lstm"}
RECURRENT_NAMES = {
    "emb": "embed",
    "rnn.l0": "layer_0",
    "rnn.l0_reverse": "layer_0_backward",
    "rnn.l1": "layer_1",
    "rnn.l1_reverse": "layer_1_backward",
    "out": "head",
}


def recurrent(cell):
    columns = GATES[cell] * 4
    shapes = {"emb__weight": (7, 3), "out__weight": (2, 8), "out__bias": 2}
    for place, below in (("l0", 3), ("l0_reverse", 3), ("l1", 8), ("l1_reverse", 8)):
        shapes |= {f"rnn__weight_ih_{place}": (columns, below), f"rnn__weight_hh_{place}": (columns, 4)}
        shapes |= {f"rnn__bias_ih_{place}": columns, f"rnn__bias_hh_{place}": columns}
    return draws(**shapes)


def reader(cell):
    return jt.RNN(embedding=3, widths=(4, 4), cell=cell, bidirectional=True, outputs=2, vocabulary=7, read="last")


TOKENS = np.random.default_rng(1).integers(0, 7, (5, 6))


def read(state, cell):
    return formulas.linear(state, "out", formulas.stacked(state, "rnn", state["emb.weight"][TOKENS], cell))


@pytest.mark.parametrize("cell", GATES)
def test_recurrent_layers_in_both_directions(cell, blobs, float64):
    with float64():
        ours = scores(reader(CELLS[cell]), jnp.asarray(TOKENS), recurrent(cell), blobs, names=RECURRENT_NAMES)
    np.testing.assert_allclose(ours, read(recurrent(cell), cell), rtol=1e-10)


@pytest.mark.parametrize("cell", GATES)
def test_recurrent_layers_are_pytorchs(cell):
    torch = pytest.importorskip("torch")

    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.out = torch.nn.Embedding(7, 3), torch.nn.Linear(8, 2)
            self.rnn = getattr(torch.nn, cell)(3, 4, num_layers=2, bidirectional=True, batch_first=True)

        def forward(self, x):
            last = self.rnn(self.emb(x))[1]
            last = last[0] if cell == "LSTM" else last
            return self.out(torch.cat([last[-2], last[-1]], dim=-1))

    np.testing.assert_allclose(as_torch(Reader(), recurrent(cell), TOKENS), read(recurrent(cell), cell), rtol=1e-10)


def test_a_gru_without_a_second_bias_says_so(blobs):
    state, x = recurrent("GRU"), jnp.asarray(TOKENS)
    with pytest.raises(
        ConfigError, match=r"^layer_0 has no second bias, and bias_hh of rnn\.l0 is not zero for .*second_bias=True"
    ):
        scores(reader("gru"), x, state, blobs, names=RECURRENT_NAMES)
    for name in state:
        if "bias_hh" in name:
            state[name][8:] = 0
    np.testing.assert_allclose(scores(reader("gru"), x, state, blobs, names=RECURRENT_NAMES), read(state, "GRU"), rtol=1e-4)


# --- a transformer -----------------------------------------------------------------------------------------------------------

DECODER_NAMES = {
    "emb": "embed",
    "h.ln1": "block_0/attention_norm",
    "h.ln2": "block_0/feed_forward_norm",
    "h.attn.q": "block_0/attention/query",
    "h.attn.k": "block_0/attention/key",
    "h.attn.v": "block_0/attention/value",
    "h.attn.o": "block_0/attention/out",
    "h.mlp.up": "block_0/up",
    "h.mlp.down": "block_0/down",
    "ln": "norm",
    "lm_head": "head",
}


def decoder(state, x):
    h = state["emb.weight"][x]
    h = h + formulas.attention(state, "h.attn", formulas.layer_norm(state, "h.ln1", h, 1e-6), heads=2)
    up = formulas.linear(state, "h.mlp.up", formulas.layer_norm(state, "h.ln2", h, 1e-6))
    h = h + formulas.linear(state, "h.mlp.down", np.maximum(up, 0))
    return formulas.linear(state, "lm_head", formulas.layer_norm(state, "ln", h, 1e-6))


def test_a_transformer_with_rotary_positions(blobs, float64):
    shapes = {"emb__weight": (7, 8), "h__mlp__up__weight": (6, 8), "h__mlp__up__bias": 6, "h__mlp__down__weight": (8, 6)}
    shapes |= {"h__mlp__down__bias": 8, "lm_head__weight": (7, 8), "lm_head__bias": 7}
    shapes |= {f"h__attn__{part}__{array}": shape for part in "qkvo" for array, shape in (("weight", (8, 8)), ("bias", 8))}
    shapes |= {f"{norm}__{array}": 8 for norm in ("h__ln1", "h__ln2", "ln") for array in ("weight", "bias")}
    state = draws(**shapes)
    model = jt.Transformer(
        layers=1, width=8, heads=2, hidden=6, activation="relu", outputs=7, vocabulary=7, read="every", context=6
    )
    with float64():
        ours = scores(model, jnp.asarray(TOKENS), state, blobs, names=DECODER_NAMES)
    np.testing.assert_allclose(ours, decoder(state, TOKENS), rtol=1e-5, atol=1e-6)  # JAX's attention adds up in float32


# --- layer norm, and layers of any Linen module -----------------------------------------------------------------------------


class Mixed(nn.Module):
    """A user's own module."""

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3, param_dtype=x.dtype)(nn.LayerNorm(epsilon=1e-5, param_dtype=x.dtype)(x))


def test_layer_norm_in_a_module_of_a_users_own(blobs, float64):
    state = draws(norm__weight=6, norm__bias=6, out__weight=(3, 6), out__bias=3)
    x = np.random.default_rng(1).normal(size=(5, 6))
    with float64():
        ours = scores(Mixed(), jnp.asarray(x), state, blobs, names={"norm": "LayerNorm_0", "out": "Dense_0"})
    np.testing.assert_allclose(ours, formulas.linear(state, "out", formulas.layer_norm(state, "norm", x)), rtol=1e-10)


# --- and back ---------------------------------------------------------------------------------------------------------------

MODELS = {
    "mlp": (jt.MLP(widths=(4, 4), normalization="batch", outputs=3), jnp.ones((2, 5)), {}),
    "cnn": (jt.CNN(channels=(3, 4), blocks="residual", normalization="layer", outputs=3), jnp.ones((2, 4, 8, 1)), {"head": 4}),
    "gru": (reader(CELLS["GRU"]), jnp.asarray(TOKENS), {}),
    "lstm": (reader("lstm"), jnp.asarray(TOKENS), {}),
    "tcn": (jt.TCN(channels=(4, 5), embedding=3, outputs=3, vocabulary=7, read="last"), jnp.asarray(TOKENS), {}),
    "transformer": (
        jt.Transformer(layers=1, width=8, heads=2, hidden=6, outputs=3, vocabulary=7, read="last"),
        jnp.asarray(TOKENS),
        {},
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_for_pytorch_comes_back_as_it_was(name, blobs):
    model, x, flattened = MODELS[name]
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))
    draw = np.random.default_rng(0)
    drawn = jax.tree.map(lambda leaf: draw.normal(size=leaf.shape).astype(np.float32), shapes)
    weights = jt.experiment.Weights.of(drawn)
    state = weights.named("torch", restart=0, flattened=flattened)
    assert all("/" not in key for key in state)
    back = loaded(model, x, state, blobs, flattened=flattened)
    jax.tree.map(np.testing.assert_array_equal, back, drawn)


def test_pytorch_loads_what_is_written_for_it(blobs):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).normal(size=(5, 6))
    model = jt.MLP(widths=(4,), normalization="batch", outputs=3)
    drawn = model.init(jax.random.key(1), jnp.asarray(x), train=False)
    state = jt.experiment.Weights.of(drawn).named("torch", restart=0, names=PERCEPTRON_NAMES)
    module = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Linear(4, 3))
    np.testing.assert_allclose(as_torch(module, state, x), model.apply(drawn, jnp.asarray(x), train=False), rtol=1e-5, atol=1e-6)


# --- what does not fit ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (
            {"names": {"0": "hidden_0/dens", "1": "hidden_0/norm", "3": "head"}},
            "^names: 'hidden_0/dens' is in no name of the model; d",
        ),
        ({"names": {"5": "head"}}, "^names: '5' is in no name of the weights; there are: 0, 1, 3"),
        ({"names": {"0": "head"}}, r"^Transfer: params/head/bias has the shape \(4,\) there and \(3,\) in MLP; fresh = "),
        (
            {"names": {"1": "hidden_0/dense"}},
            r"^Transfer: params/hidden_0/dense/kernel has the shape \(4,\) there and \(6, 4\) in",
        ),
        (
            {"names": {"0": "hidden_0/norm"}},
            "^0 has bias, weight, and hidden_0/norm of the model, a normalization, needs running_mean",
        ),
        ({"flattened": {"haed": 3}}, "^flattened: 'haed' is no layer of the model; did you mean 'head'"),
        ({}, "^Transfer.source has no layer that the model has: it has 0.bias, .* and the model hidden_0/norm, head"),
        ({"layout": "tensorflow"}, "^layout = 'tensorflow' is unknown; there are: flax, torch"),
    ],
)
def test_names_and_shapes_that_do_not_fit(how, words, blobs):
    model = jt.MLP(widths=(4,), normalization="batch", outputs=3)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.ones((1, 6)), train=False))
    with pytest.raises(ConfigError, match=words):
        jt.Transfer.of(PERCEPTRON, **{"layout": "torch", **how}).given(jt.Seeds(1).sampling(blobs), shapes, model, MEANINGS)
