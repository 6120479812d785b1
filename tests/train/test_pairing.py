"""The same seed gives two experiments the same split, weights, order and masks, wherever they have them in common."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.data import Examples
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import member as one
from jaxtricks.restart.member import Member, Pool
from jaxtricks.train.prepare import prepare

fit = partial(jt.fit, progress=False)
# Sigmoids are never zero, so that what is zero was masked.
BASE = jt.Experiment(model=jt.MLP(widths=(8,), activation="sigmoid", dropout=0.5), batch_size=16, epochs=2)
OTHERS = {
    "a layer": {"model.widths": (8, 8)},
    "dropout of the inputs": {"model.input_dropout": 0.3},
    "remat": {"model.remat": True},
    "normalization": {"model.normalization": "layer"},
    "batch normalization": {"model.normalization": "batch"},
    "another activation": {"model.activation": "gelu"},
    "another optimizer": {"optimizer.rule": "sgd"},
    "another rate": {"model.dropout.rate": 0.4},
    "another dropout": {"model.dropout": "test_scaled"},
}


def member(data, seed):
    split = data.split(seed)
    places = (part.astype(np.int32) for part in split)
    return Member(np.int32(seed), *places, *(part[0] for part in jt.experiment.Standardize().moments(data, split.train[None])))


def weights(experiment, data, seed=0):
    state = epochs.start(prepare(experiment, data, len(data.split(0).train)), member(data, seed), Pool.of(data), {})
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(state.params)
    }


def masks(experiment, data, seed=0, step=3):
    """Where each dropout layer lets units through in training, by path."""
    model = prepare(experiment, data, len(data.split(0).train)).model
    x = jnp.asarray(data.x[:16], jnp.float32)
    rngs = {"dropout": rng.stream(rng.root(seed), "dropout", step)}
    variables = model.init({"params": jax.random.key(0)}, x, train=False)

    def wanted(module, method):
        return method == "__call__" and "dropout" in (module.name or "")

    kept = model.apply(variables, x, train=True, rngs=rngs, mutable=True, capture_intermediates=wanted)[1]["intermediates"]
    return {
        jax.tree_util.keystr(path[:-2], simple=True, separator="/"): np.asarray(leaf) != 0
        for path, leaf in jax.tree_util.tree_leaves_with_path(kept)
    }


@pytest.mark.parametrize("name", OTHERS)
def test_weights_in_common_are_the_same(name, blobs):
    base, other = weights(BASE, blobs), weights(BASE.replace(OTHERS[name]), blobs)
    common = base.keys() & other.keys()
    assert {"hidden_0/dense/kernel", "head/kernel"} <= common
    for path in common:
        np.testing.assert_array_equal(base[path], other[path])


@pytest.mark.parametrize("name", [name for name in OTHERS if "rate" not in name and "activation" not in name])
def test_masks_in_common_are_the_same(name, blobs):
    base, other = masks(BASE, blobs), masks(BASE.replace(OTHERS[name]), blobs)
    assert base.keys() == {"hidden_0/dropout"} and base.keys() <= other.keys()
    np.testing.assert_array_equal(base["hidden_0/dropout"], other["hidden_0/dropout"])
    assert 0.3 < base["hidden_0/dropout"].mean() < 0.7


def test_a_lower_rate_keeps_what_a_higher_one_keeps(blobs):
    kept = {rate: masks(BASE.replace({"model.dropout": rate}), blobs)["hidden_0/dropout"] for rate in (0.2, 0.5)}
    assert np.all(kept[0.2] >= kept[0.5]) and kept[0.2].sum() > kept[0.5].sum()


def test_layers_steps_and_seeds_have_masks_of_their_own(blobs):
    two = BASE.replace({"model.widths": (8, 8)})
    first = masks(two, blobs)
    drawn = [*first.values(), *masks(two, blobs, step=4).values(), *masks(two, blobs, seed=1).values()]
    assert len({mask.tobytes() for mask in drawn}) == 6


def test_the_engine_draws_a_mask_for_each_step_and_seed(blobs):
    experiment = prepare(BASE, blobs, 48)
    state = epochs.start(experiment, member(blobs, 0), Pool.of(blobs), {})
    batch = Pool.of(blobs, Examples(blobs.x[:16], blobs.y[:16]))

    @jax.jit
    def loss(step, seed):
        return one.update(experiment, member(blobs, 0)._replace(seed=seed), state._replace(step=step), batch)[1].loss

    assert loss(3, 0) == loss(3, 0)
    assert len({float(loss(step, seed)) for step in (3, 4) for seed in (0, 1)}) == 4


def test_layers_and_seeds_have_weights_of_their_own(blobs):
    two = BASE.replace({"model.widths": (5, 5)})
    kernels = [weights(two, blobs, seed)[f"hidden_{layer}/dense/kernel"] for seed in (0, 1) for layer in (0, 1)]
    assert len({kernel.tobytes() for kernel in kernels}) == 4


def test_the_order_is_a_shuffle_of_the_training_split_for_each_seed_and_epoch(blobs):
    pool = Pool.of(blobs)
    orders = [np.asarray(one.shuffle(BASE, member(blobs, seed), pool, jnp.int32(epoch))) for seed in (0, 1) for epoch in (0, 1)]
    for i, order in enumerate(orders):
        np.testing.assert_array_equal(np.sort(order), blobs.split(i // 2).train)
    assert len({order.tobytes() for order in orders}) == 4


def test_both_arms_see_the_same_split_and_batches(blobs):
    """One step an epoch, and a rate so small that weights stay: losses tell which 32 of the 48 were drawn."""
    still = jt.Experiment(
        model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=1e-9)), batch_size=32, epochs=3
    )
    moved = {"optimizer.rule": jt.Adam(learning_rate=1e-9), "optimizer.clip_norm": 0.1, "model.remat": True}
    study = jt.study(still, {"other": still.replace(moved)}, blobs, seeds=3, layout=jt.Layout(runs=1), progress=False, tune=None)
    base, other = study.baseline, study.changes["other"]
    jax.tree.map(np.testing.assert_array_equal, base.members, other.members)
    np.testing.assert_allclose(base.curves["train_loss"], other.curves["train_loss"], rtol=1e-5)
    assert np.unique(base.curves["train_loss"].round(4)).size == 9


def test_remat_draws_the_same_masks_in_its_second_pass(blobs):
    base, again = fit([BASE, BASE.replace({"model.remat": True})], blobs, seeds=2, layout=jt.Layout(runs=1))
    for name in ("train_loss", "grad_norm", "nll"):
        np.testing.assert_allclose(base.curves[name], again.curves[name], rtol=1e-5)
