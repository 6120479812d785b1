"""Text from a trained language model."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError
from jaxtricks.data.vocabulary import Tokenizer

LETTERS = jt.data.Vocabulary(tuple("abcd"), Tokenizer("char"))
fit = partial(jt.fit, progress=False, layout=jt.Layout(runs=1))


@pytest.fixture(scope="module")
def runs():
    """A language model of "abcdabcd…" that has learnt it."""
    tokens = (np.arange(8 * 60 + 1) % 4).astype(np.int32)
    x, y = tokens[:-1].reshape(60, 8), tokens[1:].reshape(60, 8)
    data = jt.Dataset("abcd", x, y, tuple("abcd"), vocabulary=LETTERS, stream=True)
    experiment = jt.Experiment(
        model=jt.RNN(embedding=4, widths=(8,), cell="gru", carry_state=True),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.05)),
        order="contiguous",
        batch_size=6,
        epochs=6,
    )
    return fit(experiment, data, seeds=2)


def test_it_goes_on_as_the_text_does(runs):
    assert (runs.metrics["accuracy"] > 0.95).all()
    for run in range(2):
        writer = jt.evaluate.Writer.of(runs, run)
        assert writer.write("cd", tokens=10, temperature=0.0, seed=0) == "cdabcdabcdab"


def test_a_token_is_drawn_with_the_probability_that_the_whole_text_gives_it(runs):
    """The cached state is that of reading the text at once: tempered probabilities of the fourth token, over many seeds."""
    writer = jt.evaluate.Writer.of(runs)
    hot = 5.0
    drawn = [writer.write("a", tokens=1, temperature=hot, seed=seed)[-1] for seed in range(300)]
    model, variables = writer.model, {"params": writer.variables["params"]}
    scores = model.clone(carry_state=False).apply(variables, jnp.array([[0]]), train=False)[0, -1]
    expected = np.asarray(jax.nn.softmax(scores / hot))
    shares = np.array([drawn.count(letter) for letter in "abcd"]) / len(drawn)
    assert np.all(np.abs(shares - expected) < 4 * np.sqrt(expected * (1 - expected) / len(drawn)) + 1e-3)


def test_seeds_differ_and_repeat(runs):
    writer = jt.evaluate.Writer.of(runs)
    write = partial(writer.write, "a", tokens=30, temperature=8.0)
    assert write(seed=1) == write(seed=1) != write(seed=2)


@pytest.fixture(scope="module")
def unsure():
    """A writer whose text is as good as random: what is likely first is not what is likeliest in the end."""
    wild = jt.nn.Normal(scale=2.0)
    model = jt.RNN(embedding=4, widths=(6,), cell="gru", outputs=4, vocabulary=4, read="every", kernel_init=wild)
    variables = model.init(jax.random.key(3), jnp.zeros((1, 2), jnp.int32), train=False)
    return jt.evaluate.Writer(model, variables, LETTERS)


def log_probabilities(writer, texts):
    """Of the tokens after the first of each text, read at once."""
    tokens = np.stack([LETTERS.encode(text) for text in texts])
    scores = jax.nn.log_softmax(jax.jit(partial(writer.model.apply, train=False))(writer.variables, tokens))
    return np.take_along_axis(np.asarray(scores)[:, :-1], tokens[:, 1:, None], axis=-1).sum(axis=(1, 2))


def test_enough_beams_find_the_likeliest_of_all_texts(unsure):
    texts = ["a" + "".join(letters) for letters in itertools.product("abcd", repeat=4)]
    best = texts[log_probabilities(unsure, texts).argmax()]
    assert unsure.search("a", tokens=4, beams=64) == unsure.search("a", tokens=4, beams=100) == best
    greedy, found = log_probabilities(unsure, [unsure.search("a", tokens=4, beams=beams) for beams in (1, 64)])
    assert greedy < found


def test_two_beams_keep_the_two_likeliest_texts(unsure):
    kept = ["a"]
    for _ in range(4):
        longer = [text + letter for text in kept for letter in "abcd"]
        kept = [longer[place] for place in np.argsort(-log_probabilities(unsure, longer))[:2]]
    assert unsure.search("a", tokens=4, beams=2) == kept[0]


def test_one_beam_is_greedy(unsure, runs):
    for writer in (unsure, jt.evaluate.Writer.of(runs)):
        assert writer.search("cd", tokens=9, beams=1) == writer.write("cd", tokens=9, temperature=0.0, seed=0)


@pytest.mark.parametrize("beams", [0, -1, True])
def test_no_beam_is_refused(unsure, beams):
    with pytest.raises(ConfigError, match=f"^beams = {beams} is not an integer >= 1"):
        unsure.search("a", tokens=2, beams=beams)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"prompt": ""}, ConfigError, "prompt = '' holds no token; at least one is needed."),
        ({"temperature": -1.0}, ConfigError, "temperature = -1.0 is not a number >= 0."),
        ({"temperature": float("nan")}, ConfigError, "temperature = nan is not a number >= 0."),
        ({"tokens": 0}, ConfigError, "tokens = 0 is not an integer >= 1."),
        ({"prompt": "xyz"}, DataError, "'x', 'y', 'z' are not in the vocabulary of 4 chars"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_sentence(runs, settings, error, message):
    arguments = {"prompt": "a", "tokens": 3, "temperature": 1.0, "seed": 0} | settings
    with pytest.raises(error) as caught:
        jt.evaluate.Writer.of(runs).write(arguments.pop("prompt"), **arguments)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_only_models_of_text_write():
    digits = fit(jt.Experiment(model=jt.MLP(widths=(4,)), epochs=1), jt.load("digits").subset(200, seed=0), seeds=1)
    with pytest.raises(ConfigError, match="digits has no vocabulary"):
        jt.evaluate.Writer.of(digits)
    for model in (jt.RNN(read="last", outputs=4, vocabulary=4), jt.RNN(read="every", outputs=3, vocabulary=4)):
        with pytest.raises(ConfigError, match="RNN was not trained to give a score of every token"):
            jt.evaluate.Writer(model, {}, LETTERS)
    with pytest.raises(ConfigError, match="bidirectional"):
        jt.evaluate.Writer(jt.RNN(read="every", outputs=4, vocabulary=4, bidirectional=True), {}, LETTERS)


def test_a_text_ends_where_a_model_has_no_more_places():
    model = jt.Transformer(
        layers=1, width=4, heads=1, hidden=4, context=6, positions="learnt", outputs=4, vocabulary=4, read="every"
    )
    writer = jt.evaluate.Writer(model, model.init(jax.random.key(0), jnp.zeros((1, 1), jnp.int32), train=False), LETTERS)
    assert len(writer.write("ab", tokens=4, temperature=0.0, seed=0)) == 6
    words = "tokens = 5 after the 2 of the prompt are more than the 6 that Transformer has places for."
    with pytest.raises(ConfigError, match=f"^{words}$"):
        writer.write("ab", tokens=5, temperature=0.0, seed=0)
