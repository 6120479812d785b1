"""GPT-2's layout: every array finds its place and comes back, and the network says what GPT-2 says."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.experiment.matching import Given
from jaxtricks.experiment.transfer import replaced
from jaxtricks.experiment.weights import by_path
from jaxtricks.models.conventions import convention

WIDTH, BLOCKS, TOKENS, STEPS = 4, 2, 7, 5


def gpt2():
    """Weights as Hugging Face's files of GPT-2 have them, [1, …], with masks that are none."""
    shapes = {"wte.weight": (TOKENS, WIDTH), "wpe.weight": (STEPS, WIDTH), "ln_f.weight": (WIDTH,), "ln_f.bias": (WIDTH,)}
    for block in range(BLOCKS):
        for name, shape in (
            ("ln_1.weight", (WIDTH,)),
            ("ln_1.bias", (WIDTH,)),
            ("attn.c_attn.weight", (WIDTH, 3 * WIDTH)),
            ("attn.c_attn.bias", (3 * WIDTH,)),
            ("attn.c_proj.weight", (WIDTH, WIDTH)),
            ("attn.c_proj.bias", (WIDTH,)),
            ("ln_2.weight", (WIDTH,)),
            ("ln_2.bias", (WIDTH,)),
            ("mlp.c_fc.weight", (WIDTH, 4 * WIDTH)),
            ("mlp.c_fc.bias", (4 * WIDTH,)),
            ("mlp.c_proj.weight", (4 * WIDTH, WIDTH)),
            ("mlp.c_proj.bias", (WIDTH,)),
        ):
            shapes[f"h.{block}.{name}"] = shape
    draw = np.random.default_rng(0)
    return {f"transformer.{name}": draw.normal(size=(1, *shape)).astype(np.float32) for name, shape in shapes.items()}


def test_every_array_has_a_place_and_comes_back():
    theirs, layout = gpt2(), convention("gpt2", None, None)
    here = {path: array.shape[1:] for path, array in _ours(theirs).items()}
    masks = {"transformer.h.0.attn.bias": np.ones((1, 1, 1, 5, 5)), "lm_head.weight": theirs["transformer.wte.weight"]}
    found, unused = layout.ours(theirs | masks | {"transformer.h.9.ln_1.bias": np.ones((1, 4))}, here)
    assert found.keys() == here.keys() and unused == ("transformer.h.9.ln_1.bias",)
    back = layout.theirs(found)
    assert back.keys() == theirs.keys() and all(np.array_equal(back[name], theirs[name]) for name in theirs)
    with pytest.raises(ConfigError, match=r"^params/widen/kernel has no place in GPT-2; layout = 'flax' is allowed\.$"):
        layout.theirs(found | {"params/widen/kernel": np.ones((1, 2, 2))})


def test_a_head_of_its_own_is_not_left_out():
    layout, ours, bias = convention("gpt2", None, None), _ours(gpt2()), np.zeros((1, TOKENS))
    assert layout.theirs(ours | {"params/head/bias": bias}).keys() == gpt2().keys()
    with pytest.raises(ConfigError, match=r"^params/head/bias is not zero, and GPT-2's head has no bias; layout = 'flax'"):
        layout.theirs(ours | {"params/head/bias": bias + np.arange(TOKENS)})
    said = r"^params/head/kernel has no place in GPT-2; softmax = 'tied' or layout = 'flax' is allowed\.$"
    with pytest.raises(ConfigError, match=said):
        layout.theirs(ours | {"params/head/kernel": np.ones((1, WIDTH, TOKENS)), "params/head/bias": bias})


def _ours(theirs):
    """Our arrays of theirs, written down once more."""
    found = {
        "params/embed/embedding": theirs["transformer.wte.weight"],
        "params/positions/table": theirs["transformer.wpe.weight"],
    }
    pairs = {"ln_f": "norm"}
    for block in range(BLOCKS):
        here, there = f"block_{block}", f"h.{block}"
        pairs |= {f"{there}.ln_1": f"{here}/attention_norm", f"{there}.ln_2": f"{here}/feed_forward_norm"}
        kernels = {"attn.c_proj": "attention/out", "mlp.c_fc": "up", "mlp.c_proj": "down"}
        for name, path in kernels.items():
            found |= {f"params/{here}/{path}/kernel": theirs[f"transformer.{there}.{name}.weight"]}
            found |= {f"params/{here}/{path}/bias": theirs[f"transformer.{there}.{name}.bias"]}
        for number, part in enumerate(("query", "key", "value")):
            mine = slice(number * WIDTH, (number + 1) * WIDTH)
            for leaf, other in (("kernel", "weight"), ("bias", "bias")):
                found[f"params/{here}/attention/{part}/{leaf}"] = theirs[f"transformer.{there}.attn.c_attn.{other}"][..., mine]
    for name, path in pairs.items():
        found |= {
            f"params/{path}/scale": theirs[f"transformer.{name}.weight"],
            f"params/{path}/bias": theirs[f"transformer.{name}.bias"],
        }
    return found


def test_values_go_to_the_places_of_their_names():
    theirs, wanted = gpt2(), _ours(gpt2())
    found, _ = convention("gpt2", None, None).ours(theirs, {path: array.shape[1:] for path, array in wanted.items()})
    for path, array in wanted.items():
        np.testing.assert_array_equal(found[path], array, err_msg=path)


def test_weights_that_do_not_fit_are_named_with_both_shapes():
    text = jt.load("python_topics", text=jt.Text("char", length=5)).subset(60, seed=0)
    model = jt.Transformer(layers=1, width=8, heads=2, hidden=32, activation="gelu")
    start = jt.Transfer.of({name: array[0] for name, array in gpt2().items()}, layout="gpt2", by_place=True)
    said = "Transfer: params/block_0/attention/key/bias has the shape (4,) there and (8,) in Transformer;"
    with pytest.raises(ConfigError, match=re.escape(said)):
        jt.fit(jt.Experiment(model=model, batch_size=8, epochs=1), text, seeds=jt.Seeds(1, transfer=start), progress=False)


def test_names_of_ones_own_are_for_other_layouts():
    with pytest.raises(ConfigError, match=r"^names = .* is for other layouts; layout = 'gpt2' has names of its own\.$"):
        jt.Transfer.of(gpt2(), layout="gpt2", names={"wte": "embed"})


def normalized(x, theirs, name):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-6) * theirs[f"{name}.weight"] + theirs[f"{name}.bias"]


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def scores(theirs, tokens, heads):
    """GPT-2's own formula: the scores of the next token after each step, [steps, tokens]."""
    x = theirs["wte.weight"][tokens] + theirs["wpe.weight"][: len(tokens)]
    for block in range(BLOCKS):
        own = {name.removeprefix(f"h.{block}."): array for name, array in theirs.items() if name.startswith(f"h.{block}.")}
        fused = normalized(x, own, "ln_1") @ own["attn.c_attn.weight"] + own["attn.c_attn.bias"]
        query, key, value = (part.reshape(len(tokens), heads, -1) for part in np.split(fused, 3, axis=-1))
        looks = np.einsum("qhf,khf->hqk", query, key) / np.sqrt(query.shape[-1])
        looks = np.where(np.tril(np.ones(looks.shape[1:], bool)), looks, -np.inf)
        shares = np.exp(looks - looks.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        seen = np.einsum("hqk,khf->qhf", shares, value).reshape(len(tokens), -1)
        x = x + seen @ own["attn.c_proj.weight"] + own["attn.c_proj.bias"]
        inner = gelu(normalized(x, own, "ln_2") @ own["mlp.c_fc.weight"] + own["mlp.c_fc.bias"])
        x = x + inner @ own["mlp.c_proj.weight"] + own["mlp.c_proj.bias"]
    return normalized(x, theirs, "ln_f") @ theirs["wte.weight"].T


def test_the_network_says_what_gpt2_says(float64):
    theirs = {name.removeprefix("transformer."): array[0].astype(float) for name, array in gpt2().items()}
    tokens = np.array([3, 1, 4, 1, 5])
    model = jt.Transformer(
        layers=BLOCKS,
        width=WIDTH,
        heads=2,
        hidden=4 * WIDTH,
        context=STEPS,
        positions="learnt",
        softmax="tied",
        activation=jax.nn.gelu,
        vocabulary=TOKENS,
        outputs=TOKENS,
        read="every",
    )
    with float64():
        variables = model.init(jax.random.key(0), tokens[None], train=False)
        here = {path: leaf.shape for path, leaf in by_path(variables).items()}
        found, unused = convention("gpt2", None, None).ours(gpt2(), here)
        assert not unused and here.keys() - found.keys() == {"params/head/bias"}
        given = {path: Given(jnp.asarray(array[0], float), None) for path, array in found.items()}
        said = model.apply(replaced(variables, given), tokens[None], train=False)[0]
    np.testing.assert_allclose(said, scores(theirs, tokens, heads=2), rtol=1e-9)
