"""Predictions averaged over masks where a model is evaluated, row T069."""

import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.data.vocabulary import Tokenizer
from jaxtricks.evaluate import MonteCarlo
from jaxtricks.nn.layer import AT_TEST

MLP = jt.MLP(widths=(8,), dropout=0.5, normalization="batch")
ONE = jt.Layout(runs=1)


def fitted(data: jt.Dataset, model, **settings) -> jt.Runs:
    optimizer = jt.Optimizer(rule=jt.Adam(learning_rate=0.02), averaging="ema")
    experiment = jt.Experiment(model=model, optimizer=optimizer, batch_size=12, **settings)
    return jt.fit(experiment.replace({"epochs": 2}), data, seeds=2, layout=ONE, progress=False)


@pytest.fixture(scope="module")
def runs(blobs) -> jt.Runs:
    return fitted(blobs, MLP, stopping=jt.EarlyStopping(), metrics=("roc_auc",))


def by_hand(runs: jt.Runs, row: int, masks: MonteCarlo) -> tuple[np.ndarray, np.ndarray]:
    """Logits of each pass and labels of the validation examples of one run: one batch, numbered 0."""
    member, variables = runs.members, jax.tree.map(operator.itemgetter(row), runs.variables)
    x = (runs.data.x[member.validation[row]] - member.shift[row]) / member.scale[row]
    keys = masks.keys(rng.root(int(runs.seeds[row])), jnp.int32(0))
    model = runs.experiment.model
    logits = [model.apply(variables, x, train=False, rngs={AT_TEST: key}) for key in keys]
    return np.stack(logits), runs.data.y[member.validation[row]]


def test_probabilities_are_averaged_over_masks_and_all_else_is_as_it_is_at_test(runs):
    masks = MonteCarlo(passes=3, seed=5)
    found, off = runs.evaluate("validation", masks), runs.evaluate("validation")
    for row in range(2):
        logits, y = by_hand(runs, row, masks)
        p = np.asarray(jax.nn.softmax(logits)).mean(axis=0)
        assert found["nll"][row] == pytest.approx(-np.log(p[np.arange(len(y)), y]).mean(), rel=1e-5)
        assert found["accuracy"][row] == pytest.approx((p.argmax(axis=1) == y).mean())
        assert not np.allclose(logits[0], logits[1]) and found["nll"][row] != off["nll"][row]
    np.testing.assert_allclose(off["nll"], runs.metrics["nll"], rtol=1e-6)
    assert np.all(found["roc_auc"] != off["roc_auc"])  # of all averaged scores together


def test_the_same_key_draws_the_same_masks_and_another_seed_others(runs):
    first, again, other = (runs.evaluate("validation", MonteCarlo(passes=3, seed=seed))["nll"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_data_that_stay_on_the_host_are_averaged_to_the_same(runs, blobs):
    streamed = jt.fit(runs.experiment, blobs, seeds=2, layout=jt.Layout(runs=1, stream=True), progress=False)
    masks = MonteCarlo(passes=3)
    there, here = (each.evaluate("validation", masks)["nll"] for each in (streamed, runs))
    np.testing.assert_allclose(there, here, rtol=1e-4)


def test_a_rate_of_zero_leaves_what_is_without_masks(blobs):
    runs = fitted(blobs, jt.MLP(widths=(8,), dropout=0.0))
    np.testing.assert_allclose(runs.evaluate("validation", MonteCarlo(passes=2))["nll"], runs.metrics["nll"], rtol=1e-6)


WORDS = jt.data.Vocabulary(tuple("abc"), Tokenizer("char"))
NOISES = {
    "variational": {"variational": jt.nn.Variational()},
    "update": {"update_dropout": 0.5},
    "zoneout": {"zoneout": jt.nn.Zoneout(cell=0.5, state=0.5)},
    "weights": {"drop_connect": 0.5},
}


@pytest.mark.parametrize("noise", NOISES)
def test_every_kind_of_recurrent_mask_is_drawn(noise):
    """At a rate of one half what comes with a key differs from what comes without, and equals what training draws from it."""
    model = jt.RNN(embedding=3, widths=(4,), outputs=3, vocabulary=3, read="every", **NOISES[noise])
    x, key = jnp.array([[0, 1, 2, 1]]), jax.random.key(3)
    variables = model.init(jax.random.key(0), x, train=False)
    masked = model.apply(variables, x, train=False, rngs={AT_TEST: key})
    np.testing.assert_array_equal(masked, model.apply(variables, x, train=True, rngs={"dropout": key}))
    assert not np.allclose(masked, model.apply(variables, x, train=False))
    np.testing.assert_array_equal(
        model.apply(variables, x, train=False), model.apply(variables, x, train=False, rngs={"dropout": key})
    )


def test_every_pass_carries_a_state_of_its_own_through_a_text():
    draw = np.random.default_rng(0)
    tokens = draw.integers(0, 3, size=4 * 40 + 1).astype(np.int32)
    x, y = tokens[:-1].reshape(40, 4), tokens[1:].reshape(40, 4)
    text = jt.Dataset("letters", x, y, tuple("abc"), vocabulary=WORDS, stream=True, validation=0.25)
    model = jt.RNN(embedding=3, widths=(4,), cell="tanh", carry_state=True, dropout=0.5)
    runs, masks = fitted(text, model, order="contiguous"), MonteCarlo(passes=3)
    found = runs.evaluate("validation", masks)["nll"]
    for row in range(2):
        places, params = runs.members.validation[row], {name: tree for name, tree in runs.variables.items() if name == "params"}
        variables = jax.tree.map(operator.itemgetter(row), params)
        carrying = model.clone(outputs=3, vocabulary=3, read="every")
        losses, carries = [], [{}] * 3
        for number, place in enumerate(places):  # one track: a window is a batch
            keys, scores = masks.keys(rng.root(row), jnp.int32(number)), []
            for j, key in enumerate(keys):
                out, changed = carrying.apply(
                    variables | carries[j], x[place][None], train=False, rngs={AT_TEST: key}, mutable=["carry"]
                )
                carries[j] = changed
                scores.append(jax.nn.softmax(out[0]))
            losses.append(-np.log(np.mean(scores, axis=0)[np.arange(4), y[place]]).mean())
        assert found[row] == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "scores", "mean"),
    [
        ("cross_entropy", [[0.0, 2.0], [3.0, 0.0]], None),
        ("squared", [[0.2, 0.8], [0.6, 0.4]], [0.4, 0.6]),
    ],
)
def test_scores_of_classes_are_averaged_as_what_they_mean(loss, scores, mean):
    loss, scores = jt.Objective(loss=loss).loss, jnp.array(scores)
    averaged = loss.mean_logits(scores)
    if mean is not None:
        np.testing.assert_allclose(averaged, mean, rtol=1e-6)
    expected = jax.nn.softmax(loss.logits(scores)).mean(axis=0)
    np.testing.assert_allclose(jax.nn.softmax(loss.logits(averaged)), expected, rtol=1e-5)


def test_label_probabilities_are_averaged_too():
    odds = jnp.array([[-3.0, 40.0], [2.0, -1.0]])
    averaged = jt.losses.Loss("binary_cross_entropy").mean_log_odds(odds)
    np.testing.assert_allclose(jax.nn.sigmoid(averaged), jax.nn.sigmoid(odds).mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize("widths", [(8,), (4,) * 9], ids=["one layer", "a scan"])
def test_a_model_without_masks_is_refused(widths, blobs):
    runs = fitted(blobs, jt.MLP(widths=widths))
    with pytest.raises(jt.ConfigError, match=r"^masks: MLP draws no masks where it is evaluated; a model of this package with"):
        runs.evaluate("validation", MonteCarlo(passes=2))


def test_no_pass_is_refused():
    with pytest.raises(jt.ConfigError, match="passes"):
        MonteCarlo(passes=0)
