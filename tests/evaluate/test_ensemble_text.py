"""Ensembles of models with a score for each step: of texts, whose windows are read on, and of padded sequences."""

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.data.vocabulary import Tokenizer

LETTERS = jt.data.Vocabulary(tuple("abcd"), Tokenizer("char"))
LENGTH, MEMBERS = 6, 4


@pytest.fixture(scope="module")
def text() -> jt.Dataset:
    """240 windows of a chain of letters in which the next one is likely, but not sure."""
    draw = np.random.default_rng(0)
    tokens = np.cumsum(draw.choice(4, size=LENGTH * 240 + 1, p=(0.0, 0.8, 0.1, 0.1))).astype(np.int32) % 4
    x, y = tokens[:-1].reshape(-1, LENGTH), tokens[1:].reshape(-1, LENGTH)
    return jt.Dataset("letters", x, y, tuple("abcd"), vocabulary=LETTERS, stream=True, validation=0.3)


@pytest.fixture(scope="module")
def runs(text) -> jt.Runs:
    experiment = jt.Experiment(
        model=jt.RNN(embedding=3, widths=(5,), cell="gru", carry_state=True),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.02)),
        order="contiguous",
        batch_size=6,
        epochs=2,
    )
    return jt.fit(experiment, text, seeds=jt.Seeds(MEMBERS, split=0), layout=jt.Layout(runs=2), progress=False)


def read(runs: jt.Runs, x: np.ndarray, tracks: int) -> np.ndarray:
    """Probabilities of every member, of tracks that are each one long sequence: what a carried state stands for."""
    model = runs.experiment.model.clone(carry_state=False, outputs=4, vocabulary=4, read="every")
    long = x.reshape(tracks, -1)
    rows = [jax.tree.map(lambda leaf, row=row: leaf[row], runs.variables["params"]) for row in range(len(runs))]
    return np.stack([jax.nn.softmax(model.apply({"params": row}, long, train=False)).reshape(*x.shape, 4) for row in rows])


def judged(probabilities: np.ndarray, y: np.ndarray) -> dict[str, float]:
    nll = -np.log(np.take_along_axis(probabilities, y[..., None], axis=-1)).mean()
    accuracy = (probabilities.argmax(axis=-1) == y).mean()
    return {"accuracy": accuracy, "nll": nll, "perplexity": np.exp(nll), "bits": nll / np.log(2)}


def test_the_probabilities_of_each_next_token_are_averaged_while_every_member_carries_its_state(runs, text):
    places = text.split(0).validation
    report = jt.ensemble(runs).evaluate(text, sizes=(1, 2, 3, 4))
    each = read(runs, text.x[places], tracks=2)
    assert report.examples == len(places) == 72 and report.ensemble == pytest.approx(judged(each.mean(axis=0), text.y[places]))
    alone = [judged(member, text.y[places]) for member in each]
    for name in ("accuracy", "nll", "perplexity", "bits"):
        assert report.mean_member[name] == pytest.approx(np.mean([member[name] for member in alone]), rel=1e-5)
        assert report.mean_member[name] == pytest.approx(runs.metrics[name].mean(), rel=1e-5)
    pairs = [judged(each[i : i + 2].mean(axis=0), text.y[places])["perplexity"] for i in (0, 2)]
    assert report.by_size[2]["perplexity"] == pytest.approx(np.mean(pairs), rel=1e-5)
    assert report.by_size[3] == pytest.approx(judged(each[:3].mean(axis=0), text.y[places]), rel=1e-5)
    assert report.by_size[1] == pytest.approx(report.mean_member) and report.by_size[4] == pytest.approx(report.ensemble)
    anew = np.mean([np.exp(member) for member in runs.log_probs(text.x[places])], axis=0)
    assert abs(judged(anew, text.y[places])["nll"] - report.ensemble["nll"]) > 1e-3  # windows that start anew say something else


def test_the_interval_is_over_windows_and_two_members_differ_on_steps(runs, text):
    places = text.split(0).validation
    report, each = jt.ensemble(runs).evaluate(text), read(runs, text.x[places], tracks=2)
    right = np.take_along_axis(each, text.y[places][None, ..., None], axis=-1)[..., 0]
    gained = (np.log(right).mean(axis=0) - np.log(right.mean(axis=0))).mean(axis=1)
    assert report.mean_gain["nll"] == pytest.approx(gained.mean(), rel=1e-3)
    low, high = report.over_mean["nll"]
    assert high - low == pytest.approx(2 * 1.9939 * gained.std(ddof=1) / np.sqrt(len(gained)), rel=1e-3)
    named = each.argmax(axis=-1)
    assert report.disagreement == pytest.approx(np.mean([(named[i] != named[j]).mean() for i in range(4) for j in range(i)]))
    lines = str(jt.ensemble(runs).evaluate(text, sizes=(1, 4))).splitlines()
    assert any(line.startswith("members") and line.endswith("bits") for line in lines) and "of the steps" in lines[-2]


def test_a_text_of_one_s_own_is_read_the_same_way(runs, text):
    places = text.split(0).validation[:64]
    report = jt.ensemble(runs).evaluate(text.pool.at(places))
    assert report.ensemble == pytest.approx(judged(read(runs, text.x[places], tracks=2).mean(axis=0), text.y[places]), rel=1e-5)


@pytest.mark.parametrize("size", [0, 5, True])
def test_as_many_members_as_there_are(runs, text, size):
    with pytest.raises(jt.ConfigError, match=rf"^sizes: {size} is not an integer from 1 to 4, the number of members\.$"):
        jt.ensemble(runs).evaluate(text, sizes=(2, size))


def test_tags_of_padded_sequences_by_members_with_splits_of_their_own():
    """Each tag is the next word's: only who reads backwards, too, knows it. Steps of padding and masked ones do not count."""
    draw = np.random.default_rng(1)
    x, lengths = draw.integers(0, 3, size=(90, 5)), draw.integers(3, 6, size=90)
    tags = np.concatenate([x[:, 1:], x[:, :1]], axis=1)
    mask = draw.random(tags.shape) > 0.2
    mask[:, 0] = True
    words = jt.data.Vocabulary(tuple("abc"), Tokenizer("char"))
    data = jt.Dataset.from_arrays(x, tags, lengths=lengths, mask=mask, vocabulary=words, validation=0.3, name="tags")
    model = jt.RNN(embedding=3, widths=(6,), cell="gru", bidirectional=True)
    experiment = jt.Experiment(model=model, optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.05)), batch_size=21, epochs=12)
    runs = jt.fit(experiment, data, seeds=3, layout=jt.Layout(runs=1), progress=False)
    report = jt.ensemble(runs).evaluate(data)
    held = np.array([np.isin(np.arange(90), data.split(seed).validation) for seed in range(3)])
    some = np.flatnonzero(held.any(axis=0))
    each = np.exp(runs.log_probs(data.x, data.lengths).astype(np.float64))
    together = (each * held[..., None, None]).sum(axis=0)[some] / held.sum(axis=0)[some, None, None]
    steps, y = data.pool.steps[some], data.y[some]
    assert report.examples == len(some)
    assert report.ensemble["accuracy"] == pytest.approx((together.argmax(axis=-1) == y)[steps].mean())
    right = np.take_along_axis(together, np.where(steps, y, 0)[..., None], axis=-1)[..., 0]
    assert report.ensemble["nll"] == pytest.approx(-np.log(right[steps]).mean(), rel=1e-5)
    assert report.mean_member["accuracy"] == pytest.approx(runs.metrics["accuracy"].mean())
    with pytest.raises(jt.ConfigError, match="ensembles of several sizes are compared on a common one"):
        jt.ensemble(runs).evaluate(data, sizes=(1, 2))
