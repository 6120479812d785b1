"""Labels that data give themselves: the next token, masked tokens, rotations; and a network that goes on from them."""

import re

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.data import DataError
from jaxtricks.data.vocabulary import MASK

TEXTS = ["the good film", "a bad film", "bad", "the film was good and the good was a film", "a bad bad film", "good the bad"] * 4
LABELS = ["good" in text for text in TEXTS]
DATA = jt.Dataset.from_texts(TEXTS, LABELS, text=jt.Text("word", length=6))
QUICK = jt.Experiment(model=jt.RNN(cell="gru", embedding=4, widths=(6,)), batch_size=8, epochs=1)


def test_the_label_of_a_step_is_the_next_token():
    data = jt.data.next_tokens(DATA)
    assert data.task == "steps" and data.vocabulary == DATA.vocabulary and data.classes == DATA.vocabulary.tokens
    assert not data.stream and not data.has_test and len(data) == 20  # four texts have one token
    for x, y, steps in zip(data.x, data.y, data.lengths, strict=True):
        words = data.decode(x).split()
        assert words[1:] == data.decode(y).split()[:-1] and len(words) == steps and not y[steps:].any()


def test_a_language_model_becomes_a_classifier():
    there = jt.fit(QUICK, jt.data.next_tokens(DATA), seeds=2, progress=False)
    start = jt.Transfer(there, fresh=("head",))
    still = QUICK.replace({"optimizer.rule": jt.SGD(learning_rate=1e-30)})
    here = jt.fit(still, DATA, seeds=jt.Seeds(2, transfer=start), progress=False)
    for layer in ("embed", "layer_0"):
        for name, array in there.variables["params"][layer].items():
            np.testing.assert_array_equal(array, here.variables["params"][layer][name])
    assert here.transferred.drawn == ("params/head/bias", "params/head/kernel")


def test_a_model_of_another_text_gives_its_tokens_to_a_classifier(tmp_path):
    (tmp_path / "train.txt").write_text("a film a bad film the good old film was old \n" * 6)
    text = jt.load(str(tmp_path), text=jt.Text("word", length=5, vocabulary=6))
    texts = jt.Dataset.from_texts(TEXTS, LABELS, text=jt.Text("word", length=6, vocabulary=text.vocabulary))
    assert texts.vocabulary.tokens == ("<pad>", *text.vocabulary.tokens) and texts.vocabulary.unknown is not None
    there = jt.fit(QUICK, text, seeds=1, progress=False)
    still = QUICK.replace({"optimizer.rule": jt.SGD(learning_rate=1e-30)})
    here = jt.fit(still, texts, seeds=jt.Seeds(1, transfer=jt.Transfer(there, fresh=("head",))), progress=False)
    tables = [runs.variables["params"]["embed"]["embedding"] for runs in (there, here)]
    np.testing.assert_array_equal(tables[0], tables[1][:, 1:])
    assert here.transferred.matched["tokens"] == (6, 7)


def test_hidden_tokens_are_the_labels_and_count_alone():
    text = jt.load("python_topics", text=jt.Text("char", length=50)).subset(400, seed=0)
    data = jt.data.masked_tokens(text, copies=3)
    whole, mask = np.tile(text.x, (3, 1)), data.vocabulary.tokens.index(MASK)
    assert len(data) == 1200 and data.y[data.counted].tolist() == whole[data.counted].tolist() and not data.y[~data.counted].any()
    assert np.array_equal(data.x[~data.counted], whole[~data.counted]) and data.counted.any(axis=1).all()
    hidden, same = data.x[data.counted] == mask, data.x[data.counted] == whole[data.counted]
    assert abs(data.counted.mean() - 0.15) < 0.005 and abs(hidden.mean() - 0.8) < 0.02 and abs(same.mean() - 0.1) < 0.02
    train, validation = data.split(0)
    assert not set(data.groups[train]) & set(data.groups[validation])


def test_padding_is_never_hidden_and_never_stands_for_a_word():
    data = jt.data.masked_tokens(DATA, share=0.3, copies=20)
    true = np.arange(6) < data.lengths[:, None]
    assert not (data.counted & ~true).any() and (data.x[true] > 0).all() and not data.x[~true].any()
    again = jt.data.masked_tokens(data, copies=1)
    assert again.vocabulary == data.vocabulary


def test_a_model_of_both_sides_learns_hidden_tokens():
    model = jt.Transformer(layers=1, width=8, heads=2, hidden=8, causal=False)
    data = jt.data.masked_tokens(DATA, copies=2)
    runs = jt.fit(QUICK.replace({"model": model}), data, seeds=1, progress=False)
    assert runs.alive.all() and runs.experiment.model.outputs == len(DATA.vocabulary) + 1
    here = jt.fit(
        QUICK.replace({"model": model}), DATA, seeds=jt.Seeds(1, transfer=jt.Transfer(runs, fresh=("head",))), progress=False
    )
    assert "params/embed/embedding" in here.transferred.taken and here.transferred.matched["tokens"] == (8, 8)


def test_images_are_turned_and_stay_together():
    digits = jt.load("digits")
    data = jt.data.rotations(digits)
    for turns in range(4):
        mine = data.y == turns
        np.testing.assert_array_equal(np.rot90(digits.x, turns, axes=(1, 2)), data.x[mine])
        assert data.groups[mine].tolist() == list(range(len(digits)))
    train, validation = data.split(0)
    assert not set(data.groups[train]) & set(data.groups[validation]) and data.scale == digits.scale


def test_a_fixed_split_stays_as_it_is():
    fixed = jt.Dataset.from_texts(
        TEXTS, LABELS, text=jt.Text("word", length=6), validation=(["a good film", "bad", "bad film"], [True, False, False])
    )
    last = {row.tobytes() for row in fixed.x[fixed.split(0).validation]}
    data = jt.data.masked_tokens(fixed, copies=2)
    train, validation = data.split(0)
    assert len(validation) == 6 and {np.where(data.counted, data.y, data.x)[place].tobytes() for place in validation} == last
    assert len(jt.data.next_tokens(fixed).split(0).validation) == 2 and len(train) == 2 * len(TEXTS)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: jt.data.next_tokens(jt.load("digits")), "dataset: digits holds no tokens; texts are allowed, loaded with text="),
        (
            lambda: jt.data.next_tokens(jt.load("python_topics", text=jt.Text("char", length=9))),
            "dataset: python_topics has the next token for a label already; texts with labels are allowed.",
        ),
        (lambda: jt.data.masked_tokens(DATA, share=1.0), "share: 1.0 of the tokens is hidden; a number in (0, 1) is allowed."),
        (lambda: jt.data.masked_tokens(DATA, copies=0), "copies: 0 is not allowed; a whole number of 1 or more is."),
        (lambda: jt.data.rotations(DATA), "dataset: texts has inputs of shape (6,); square images, [side, side, channels], are"),
    ],
)
def test_what_gives_no_labels_of_its_own_is_refused(make, words):
    with pytest.raises(DataError, match=re.escape(words)):
        make()
