"""Weights from earlier runs: which are taken, which are drawn, and what cannot be."""

import dataclasses
import re

import flax.linen as nn
import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.data import Vocabulary
from jaxtricks.data.vocabulary import Tokenizer

BASE = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16, epochs=2)
STILL = {"optimizer.rule": jt.SGD(learning_rate=1e-30), "epochs": 1}  # so small a rate that no weight moves


@pytest.fixture(scope="module")
def source(blobs):
    return jt.fit(BASE.replace({"model.normalization": "batch"}), blobs, seeds=[3, 5], progress=False)


def started(source, blobs, changes, fresh=(), seeds=(5, 3)):
    """Where a run starts from: its weights after steps that move nothing."""
    experiment = source.experiment.replace(STILL | changes)
    drawn = jt.fit(experiment, blobs, seeds=seeds, progress=False).variables["params"]
    transferred = jt.Seeds(seeds, transfer=jt.Transfer(source, fresh))
    given = jt.fit(experiment, blobs, seeds=transferred, progress=False).variables["params"]
    return drawn, given


def test_every_layer_comes_from_the_run_of_the_same_seed(source, blobs):
    _, given = started(source, blobs, {})
    for there, here in zip(jax.tree.leaves(source.variables["params"]), jax.tree.leaves(given), strict=True):
        np.testing.assert_array_equal(there[::-1], here)  # the seeds are asked for the other way round


def test_running_averages_come_along(source, blobs):
    experiment = source.experiment.replace(
        {"optimizer.rule": jt.SGD(learning_rate=1e-30), "model.normalization.momentum": 0.999999}
    )
    runs = jt.fit(experiment.replace({"epochs": 1}), blobs, seeds=jt.Seeds([3, 5], transfer=jt.Transfer(source)), progress=False)
    there, here = (r.variables["batch_stats"]["hidden_0"]["norm"] for r in (source, runs))
    np.testing.assert_allclose(here["var"], there["var"], rtol=1e-4)
    assert not np.allclose(there["var"], 1, atol=0.05)  # what it starts from


def test_frozen_layers_keep_their_running_averages(source, blobs):
    frozen = source.experiment.replace({"optimizer.frozen": ("hidden_0",), "epochs": 1})
    runs = jt.fit(frozen, blobs, seeds=jt.Seeds([3, 5], transfer=jt.Transfer(source)), progress=False)
    jax.tree.map(np.testing.assert_array_equal, runs.variables["batch_stats"], source.variables["batch_stats"])
    assert not np.array_equal(runs.variables["params"]["head"]["kernel"], source.variables["params"]["head"]["kernel"])


def test_a_fresh_head_and_a_new_layer_are_drawn(source, blobs):
    drawn, given = started(source, blobs, {"model.widths": (8, 8)}, fresh=("head",))
    np.testing.assert_array_equal(
        given["hidden_0"]["dense"]["kernel"], source.variables["params"]["hidden_0"]["dense"]["kernel"][::-1]
    )
    for layer in ("hidden_1", "head"):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-30), given[layer], drawn[layer])
    _, kept = started(source, blobs, {"model.widths": (8, 8)})
    np.testing.assert_array_equal(kept["head"]["kernel"], source.variables["params"]["head"]["kernel"][::-1])


@pytest.mark.parametrize(
    ("changes", "fresh", "seeds", "words"),
    [
        ({}, ("heat",), [3], "Transfer.fresh = 'heat' names no layer of the model; did you mean 'head'"),
        ({}, (), [3, 4], "Transfer.source has no run of seed 4; it has seed 3, seed 5"),
        (
            {"model.widths": (8, 4)},
            (),
            [3],
            "Transfer: params/head/kernel has the shape (8, 3) there and (4, 3) in MLP; fresh = ('head',) draws its layer anew.",
        ),
        ({"model.normalization": None}, ("head", "hidden_0"), [3], "Transfer.source has no layer that the model has"),
    ],
)
def test_what_cannot_be_transferred_is_said(source, blobs, changes, fresh, seeds, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        jt.fit(
            source.experiment.replace(changes), blobs, seeds=jt.Seeds(seeds, transfer=jt.Transfer(source, fresh)), progress=False
        )


# --- other tokens, classes and features: matched by what they are called ---------------------------------------------------

LETTERS = jt.Experiment(
    model=jt.RNN(cell="tanh", embedding=3, widths=(4,)),
    optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=1e-30)),
    order="contiguous",
    batch_size=4,
    epochs=1,
)


def text(letters):
    """A text of these letters, the first the commonest."""
    vocabulary = Vocabulary(tuple(letters), Tokenizer("char"))
    tokens = np.random.default_rng(0).integers(0, len(letters), (40, 5)).astype(np.int32)
    return jt.Dataset.from_arrays(tokens, tokens, vocabulary=vocabulary, classes=letters, stream=True, task="steps")


def fitted(experiment, data, transfer=None, seeds=2):
    return jt.fit(experiment, data, seeds=jt.Seeds(seeds, transfer=transfer), progress=False)


@pytest.fixture(scope="module")
def letters():
    return fitted(LETTERS, text("abcdef"))


def test_a_vocabulary_in_another_order_is_matched_by_its_tokens(letters):
    drawn, given = (fitted(LETTERS, text("xfbyza"), transfer).variables["params"] for transfer in (None, jt.Transfer(letters)))
    there = letters.variables["params"]
    for place, letter in enumerate("xfbyza"):
        start, at = (there, "abcdef".index(letter)) if letter in "abcdef" else (drawn, place)
        np.testing.assert_allclose(given["embed"]["embedding"][:, place], start["embed"]["embedding"][:, at], atol=1e-29)
        np.testing.assert_allclose(given["head"]["kernel"][..., place], start["head"]["kernel"][..., at], atol=1e-29)
    np.testing.assert_array_equal(given["layer_0"]["kernel"], there["layer_0"]["kernel"])


def test_how_many_tokens_had_a_match_is_said(letters):
    runs = fitted(LETTERS, text("xfbyza"), jt.Transfer(letters))
    assert runs.transferred.matched == {"tokens": (3, 6), "outputs": (3, 6)}
    assert "by name 3 of 6 tokens, the others are drawn" in str(runs.transferred)
    assert fitted(LETTERS, text("abcdef"), jt.Transfer(letters)).transferred.matched == {}


def test_tokens_without_any_match_are_drawn(letters):
    drawn, given = (fitted(LETTERS, text("uvwxyz"), transfer) for transfer in (None, jt.Transfer(letters)))
    np.testing.assert_array_equal(*(runs.variables["params"]["embed"]["embedding"] for runs in (drawn, given)))
    assert "params/embed/embedding" in given.transferred.drawn


def test_a_larger_vocabulary_is_no_other_shape(letters):
    given = fitted(LETTERS, text("abcdefgh"), jt.Transfer(letters)).variables["params"]["embed"]["embedding"]
    np.testing.assert_array_equal(given[:, :6], letters.variables["params"]["embed"]["embedding"])


def test_by_place_takes_names_as_they_stand(letters):
    given = fitted(LETTERS, text("uvwxyz"), jt.Transfer(letters, by_place=True)).variables["params"]["embed"]["embedding"]
    np.testing.assert_array_equal(given, letters.variables["params"]["embed"]["embedding"])


def test_a_tree_of_classes_is_refused_for_others(letters):
    tree = LETTERS.replace({"model.softmax": "hierarchical"})
    there = fitted(tree, text("abcdef"))
    with pytest.raises(
        ConfigError, match=r"^Transfer: head of RNN depends on all outputs together, .* fresh = \('head',\) draws"
    ):
        fitted(tree, text("bacdef"), jt.Transfer(there))
    assert fitted(tree, text("bacdef"), jt.Transfer(there, fresh=("head",))).transferred.matched["tokens"] == (6, 6)


def named(blobs, classes):
    """The same data with other names: class k is called classes[k]."""
    return jt.Dataset.from_arrays(blobs.x, blobs.y, classes=classes)


def test_a_head_goes_to_the_classes_of_its_names(blobs):
    still = BASE.replace(STILL)
    there = fitted(still, named(blobs, ("cat", "dog", "cow")))
    drawn, given = (fitted(still, named(blobs, ("cow", "owl", "cat")), transfer) for transfer in (None, jt.Transfer(there)))
    heads = [runs.variables["params"]["head"]["kernel"] for runs in (there, drawn, given)]
    for place, (head, old) in enumerate([(heads[0], 2), (heads[1], 1), (heads[0], 0)]):
        np.testing.assert_allclose(heads[2][..., place], head[..., old], atol=1e-29)
    assert given.transferred.matched == {"outputs": (2, 3)}


def test_columns_of_a_table_in_another_order_are_matched_by_name(blobs):
    still, names = BASE.replace(STILL), ("a", "b", "c", "d", "e")
    mine = dataclasses.replace(blobs, features=names)
    turned = dataclasses.replace(blobs, x=blobs.x[:, ::-1].copy(), features=names[::-1])
    there = fitted(still, mine)
    given = fitted(still, turned, jt.Transfer(there))
    np.testing.assert_allclose(there.log_probs(mine.x), given.log_probs(turned.x), rtol=1e-4)


class Plain(nn.Module):
    """A network that says nothing of itself."""

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3, name="out")(nn.Dense(4, name="in")(x))


def test_a_model_that_does_not_say_what_belongs_to_a_class_is_asked(blobs):
    still = BASE.replace(STILL | {"model": Plain()})
    there, other = fitted(still, named(blobs, ("cat", "dog", "cow"))), named(blobs, ("dog", "cat", "cow"))
    with pytest.raises(ConfigError, match=r"^Transfer: the outputs are others than there, and Plain does not say .* params/out/"):
        fitted(still, other, jt.Transfer(there))
    assert fitted(still, other, jt.Transfer(there, fresh=("out",))).transferred.taken == ("params/in/bias", "params/in/kernel")
    assert len(fitted(still, other, jt.Transfer(there, by_place=True)).transferred.taken) == 4
