"""What every sequence model promises: nothing of the future, nothing of the padding, and the same step by step as at once."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import rebuild
from jaxtricks.models import sequence
from jaxtricks.models.rnn import RNN
from jaxtricks.models.tcn import TCN
from jaxtricks.models.transformer import Transformer
from jaxtricks.nn.initializers import LecunNormal, Uniform
from tests.models import networks

VOCABULARY, FEATURES, TIME = 7, 3, 9
TOKENS = jax.random.randint(jax.random.key(0), (3, TIME), 0, VOCABULARY)
INPUTS = {"tokens": TOKENS, "features": jax.random.normal(jax.random.key(1), (3, TIME, FEATURES))}
MODELS = {
    "rnn": RNN(widths=(4, 3), embedding=5),
    "tcn": TCN(channels=(4, 3), embedding=5),
    "transformer": Transformer(layers=2, width=8, heads=2, hidden=9, context=4),
    "learnt": Transformer(layers=1, width=6, heads=2, hidden=9, context=TIME, positions="learnt", norm="post"),
}
WHOLE = {**MODELS, "not causal": rebuild(MODELS["transformer"], causal=False)}
TIED = {"rnn": RNN(widths=(4, 5), embedding=5), "tcn": TCN(channels=(5,), embedding=5), "transformer": MODELS["transformer"]}


def model(name, read="every"):
    return rebuild(WHOLE[name], outputs=6, vocabulary=VOCABULARY, read=read)


@functools.cache
def start(name, kind):
    """Parameters, biases and all away from zero."""

    def init():
        params = model(name).init({"params": jax.random.key(0)}, INPUTS[kind], train=False)
        return jax.tree.map(lambda leaf: leaf + 0.1 * jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape), params)

    return jax.jit(init)()


@pytest.mark.parametrize("name", MODELS)
def test_no_gradient_comes_from_the_future(name):
    module = rebuild(model(name), dropout=0.2)
    x = INPUTS["features"]
    variables = start(name, "features")

    def scores(x):
        return module.apply(variables, x, train=True, rngs={"dropout": jax.random.key(3)})

    jacobian = jax.jit(jax.jacobian(lambda one: scores(one[None])[0]))(x[0])  # [time, classes, time, features]
    size = np.abs(jacobian).sum(axis=(1, 3))
    assert np.all(np.triu(size, 1) == 0) and np.all(np.diag(size) > 0)


@pytest.mark.parametrize(("kind", "read"), [("tokens", "last"), ("features", "mean")])
@pytest.mark.parametrize("name", WHOLE)
def test_padded_equals_unpadded(name, kind, read):
    module, x, lengths, variables = model(name, read), INPUTS[kind], jnp.array([TIME, 4, 1]), start(name, kind)
    padded = (jnp.arange(TIME)[None] >= lengths[:, None]).reshape(3, TIME, *[1] * (x.ndim - 2))

    @jax.jit
    def both():
        def scores(x, lengths=None):
            return module.apply(variables, x, train=False, lengths=lengths)

        filled = jax.vmap(lambda anything: scores(jnp.where(padded, anything, x), lengths))(jnp.array([0, 5]))
        return filled, [scores(x[:1])[0], scores(x[1:2, :4])[0], scores(x[2:, :1])[0]]

    filled, alone = both()
    for scores in filled:
        np.testing.assert_allclose(scores, jnp.stack(alone), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", MODELS)
def test_step_by_step_equals_all_at_once(name, kind):
    module, x, variables = model(name), INPUTS[kind], start(name, kind)
    assert set(variables) == {"params"}

    def decode(cache, x):
        scores, new = module.apply({**variables, "cache": cache}, x, train=False, decode=True, mutable=["cache"])
        return new["cache"], scores

    @jax.jit
    def both():
        empty = sequence.empty_cache(module, variables, x)
        cache, prompt = decode(empty, x[:, :3])
        # Single steps, past what a cache holds.
        _, later = jax.lax.scan(decode, cache, jnp.moveaxis(x[:, 3:], 1, 0)[:, :, None])
        found = jnp.concatenate([prompt, jnp.moveaxis(later[:, :, 0], 0, 1)], axis=1)
        return found, module.apply(variables, x, train=False), decode(empty, x[:, -1:])[1]

    found, whole, alone = both()
    np.testing.assert_allclose(found, whole, rtol=1e-5, atol=2e-6)
    assert not np.allclose(alone[:, 0], found[:, -1], rtol=1e-2)  # the past is seen


@pytest.mark.parametrize("name", MODELS)
def test_a_field_left_empty_and_inputs_that_are_no_sequence_are_refused(name):
    module, kind = model(name), type(MODELS[name]).__name__
    for field in ("outputs", "read", "vocabulary"):
        with pytest.raises(jt.ConfigError, match=f"^{kind}.{field} = None: fit fills it"):
            jax.eval_shape(lambda field=field: rebuild(module, **{field: None}).init(jax.random.key(0), TOKENS, train=False))
    for x in (TOKENS[..., None], INPUTS["features"][0], jnp.zeros((2, 8, 8, 1))):
        with pytest.raises(
            jt.ConfigError, match=rf"^{kind} takes tokens \[time\] or features \[time, features\], not (int|floa)"
        ):
            jax.eval_shape(lambda x=x: module.init(jax.random.key(0), x, train=False))
    features = rebuild(module, vocabulary=None)
    variables = start(name, "features")
    scores = jax.eval_shape(lambda: features.apply(variables, INPUTS["features"], train=False))
    assert scores.shape == (3, TIME, 6)


@pytest.mark.parametrize(
    "name", ["tcn", "transformer", "learnt"]
)  # a recurrent network has an initializer more, and gates' own biases
def test_uniform_draws_every_parameter(name):
    module = rebuild(model(name), kernel_init=Uniform(scale=0.05))
    params = jax.jit(lambda: module.init(jax.random.key(0), TOKENS, train=False))()["params"]
    drawn = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}
    drawn = {path: leaf for path, leaf in drawn.items() if "norm" not in path and "scale" not in path}
    assert any("embedding" in path for path in drawn) and any("bias" in path for path in drawn)
    assert all(0 < np.abs(leaf).max() <= 0.05 for leaf in drawn.values())


# --- tied vectors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TIED)
def test_tied_scores_are_products_with_the_vectors_of_tokens_which_get_both_gradients(name):
    """Held against a head of its own with the same numbers."""
    own = rebuild(TIED[name], outputs=VOCABULARY, vocabulary=VOCABULARY, read="every")
    tied = rebuild(own, softmax="tied")
    params, scores, gradient = networks.trained(tied, TOKENS)
    assert {path for path in gradient if path.startswith("head")} == {"head/bias"}
    vectors = params["embed"]["embedding"]
    apart = params | {"head": {"kernel": vectors.T, "bias": params["head"]["bias"]}}

    @jax.jit
    def loss(params):
        scores = own.apply({"params": params}, TOKENS, train=True)
        return jnp.mean(jnp.square(scores - 1)), scores

    (_, others), theirs = jax.value_and_grad(loss, has_aux=True)(apart)
    np.testing.assert_allclose(scores, others, rtol=1e-5, atol=1e-6)
    both = theirs["embed"]["embedding"] + theirs["head"]["kernel"].T
    np.testing.assert_allclose(gradient["embed/embedding"], both, rtol=1e-4, atol=1e-6)
    assert np.abs(theirs["embed"]["embedding"]).max() > 1e-4 < np.abs(theirs["head"]["kernel"]).max()


@pytest.mark.parametrize(
    ("changes", "x", "words"),
    [
        ({}, INPUTS["features"], "softmax = 'tied' scores tokens by their vectors, and the inputs are features"),
        ({"outputs": 6}, TOKENS, "softmax = 'tied' scores 7 tokens by their vectors, not 6 classes"),
        ({"embedding": 3}, TOKENS, "softmax = 'tied' multiplies 5 features of the last layer with the 3 of a token's vector"),
    ],
)
def test_tied_vectors_that_do_not_fit_are_refused(changes, x, words):
    fitting = rebuild(TIED["rnn"], outputs=VOCABULARY, vocabulary=VOCABULARY, read="every", softmax="tied")
    with pytest.raises(jt.ConfigError, match=f"^{words}"):
        jax.eval_shape(lambda: rebuild(fitting, **changes).init(jax.random.key(0), x, train=False))


# --- the parts ----------------------------------------------------------------------------------------------------------


def test_reading():
    h = jax.random.normal(jax.random.key(0), (3, 5, 2))
    lengths = jnp.array([5, 2, 1])
    poisoned = jnp.where((jnp.arange(5)[None] < lengths[:, None])[..., None], h, jnp.nan)
    np.testing.assert_array_equal(sequence.read(h, lengths, "every"), h)
    np.testing.assert_array_equal(sequence.read(poisoned, lengths, "last"), jnp.stack([h[0, 4], h[1, 1], h[2, 0]]))
    np.testing.assert_array_equal(sequence.read(h, None, "last"), h[:, -1])
    means = jnp.stack([h[0].mean(axis=0), h[1, :2].mean(axis=0), h[2, 0]])
    np.testing.assert_allclose(sequence.read(poisoned, lengths, "mean"), means, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(sequence.read(h, None, "mean"), h.mean(axis=1), rtol=1e-5, atol=1e-7)
    gradient = jax.grad(lambda h: jnp.sum(sequence.read(h, lengths, "mean")))(poisoned)
    np.testing.assert_allclose(gradient[1, :, 0], [0.5, 0.5, 0, 0, 0])


def test_an_embedding_is_a_linear_map_of_one_hot_tokens_of_unit_length():
    vocabulary, features = 50, 400
    x = jax.random.randint(jax.random.key(0), (4, 6), 0, vocabulary)
    embed = sequence.Embed(features, vocabulary, LecunNormal())
    variables = embed.init(jax.random.key(1), x)
    table = variables["params"]["embedding"]
    np.testing.assert_allclose(embed.apply(variables, x), jax.nn.one_hot(x, vocabulary) @ table, rtol=1e-5, atol=1e-6)
    lengths = np.linalg.norm(table, axis=1)
    assert abs(lengths.mean() - 1) < 0.02 and lengths.std() < 0.1
    same = embed.init(jax.random.key(1), INPUTS["features"])
    assert same == {} and embed.apply(same, INPUTS["features"]) is INPUTS["features"]
