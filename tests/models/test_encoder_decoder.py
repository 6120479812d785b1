"""The encoder–decoder: it reverses, looks at no answer that is yet to come, and writes step by step what it says at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.models import EncoderDecoder, sequence

LENGTH, SYMBOLS = 4, 4
TOKENS = jnp.array([[3, 1, 4, 2, 0, 2, 4, 1], [1, 1, 0, 1, 1, 2, 3, 4]])  # sources of four and of two
MODEL = EncoderDecoder(embedding=4, width=5, cell="gru", outputs=5, vocabulary=5, read="every", context=6)


@pytest.fixture(scope="module")
def variables():
    params = MODEL.init(jax.random.key(0), TOKENS, train=False)
    return jax.tree.map(lambda leaf: leaf + 0.1 * jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape), params)


@pytest.fixture(scope="module")
def runs() -> jt.Runs:
    experiment = jt.Experiment(
        model=EncoderDecoder(embedding=8, width=24, cell="gru"),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.02), clip_norm=1.0),
        batch_size=40,
        epochs=14,
    )
    data = jt.data.reversal_problem(500, LENGTH, SYMBOLS)
    return jt.fit(experiment, data, seeds=1, layout=jt.Layout(runs=1), progress=False)


def test_it_learns_to_reverse_and_writes_so(runs):
    assert runs.metrics["accuracy"][0] > 0.95  # of the answers' steps alone; 1/4 without looking
    writer = jt.evaluate.Writer.of(runs)
    for source in ("1 2 3 4", "4 4 1 2"):
        answer = " ".join(reversed(source.split()))
        assert writer.search(f"{source} ?", tokens=LENGTH, beams=3) == f"{source} ? {answer}"
        assert writer.write(f"{source} ?", tokens=LENGTH, temperature=0.0, seed=0) == f"{source} ? {answer}"


def step_by_step(module, variables, tokens, prompt):
    """The scores of a prompt at once and then of one token at a time, beside those of all tokens at once."""
    whole = module.apply(variables, tokens, train=False)
    cache, found, length = sequence.empty_cache(module, variables, tokens), [], tokens.shape[1]
    for first, last in ((0, prompt), *((step, step + 1) for step in range(prompt, length))):
        scores, new = module.apply(
            {**variables, "cache": cache}, tokens[:, first:last], train=False, decode=True, mutable=["cache"]
        )
        cache = new["cache"]
        found.append(scores)
    return jnp.concatenate(found, axis=1), whole


@pytest.mark.parametrize("attention", [True, False])
def test_step_by_step_equals_all_at_once(variables, attention):
    found, whole = step_by_step(MODEL.clone(attention=attention), variables, TOKENS, prompt=5)
    np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-6)


def test_a_separator_in_the_answer_ends_no_source(variables):
    """Beside a sequence with one separator: each keeps its own source."""
    tokens = jnp.array([[3, 2, 4, 0, 2, 0, 1, 2], [1, 1, 0, 1, 1, 2, 3, 4]])
    found, whole = step_by_step(MODEL, variables, tokens, prompt=4)
    np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-6)


def test_no_step_sees_a_later_token_and_the_answer_sees_the_whole_source(variables):
    one = TOKENS[:1]

    def moved(place):
        other = MODEL.apply(variables, one.at[0, place].set(3 - one[0, place] % 2), train=False)
        return np.abs(other - MODEL.apply(variables, one, train=False))[0].max(axis=-1) > 1e-7

    for place in (0, 2, 5, 6):
        seen = moved(place)
        assert not seen[:place].any() and seen[place:].all()


def test_attention_is_the_formula(variables):
    """The second sequence, at its fourth step: keys are the states of its source of two and of the separator."""
    _, kept = MODEL.apply(variables, TOKENS, train=False, capture_intermediates=True, mutable=["intermediates"])
    found = {name: kept["intermediates"][name]["__call__"][0] for name in ("forward", "backward", "query", "decoder", "combine")}
    state, query = found["decoder"][3, 1], found["query"][1, 3]
    backward = found["backward"][:3, 1][::-1]  # its first state is that of the separator
    keys = np.concatenate([found["forward"][:3, 1], backward], axis=-1)
    context = np.asarray(jax.nn.softmax(keys @ query / np.sqrt(keys.shape[1]))) @ keys
    kernel, bias = variables["params"]["combine"]["kernel"], variables["params"]["combine"]["bias"]
    np.testing.assert_allclose(np.concatenate([context, state]) @ kernel + bias, found["combine"][1, 3], rtol=1e-5)


def test_what_it_cannot_read_is_refused(variables):
    for token in (-1, 5):
        said = rf"^EncoderDecoder\.separator = {token} is not a token of the vocabulary, from 0 to 4\."
        with pytest.raises(jt.ConfigError, match=said):
            jax.eval_shape(lambda token=token: MODEL.clone(separator=token).init(jax.random.key(0), TOKENS, train=False))
    with pytest.raises(jt.ConfigError, match=r"^EncoderDecoder takes tokens \[time\], not floats"):
        jax.eval_shape(lambda: MODEL.init(jax.random.key(0), jnp.zeros((1, 3, 2)), train=False))
    with pytest.raises(jt.ConfigError, match=r"^EncoderDecoder\.context = 6 cannot hold a prompt of 8 tokens\."):
        jax.eval_shape(lambda: MODEL.apply(variables, TOKENS, train=False, decode=True, mutable=["cache"]))
