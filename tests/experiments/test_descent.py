"""Double descent: features and the shortest weights in closed form, images of each restart's own, networks with masked units."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from experiments.speed.widths import Narrowed
from experiments.why._apart import Apart, apart
from experiments.why._features import SPREAD, Size, fits, shortest, waves
from experiments.why._widths import SomeWrong, pooled, turns
from jaxtricks import rng
from jaxtricks.evaluate.claim import Scale


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (12, 12), (41, 40), (40, 41)])
def test_the_shortest_weights_are_those_of_the_pseudo_inverse(shape):
    draw = np.random.default_rng(0)
    with jax.enable_x64(True):
        features, targets = draw.normal(size=shape), draw.normal(size=(shape[0], 3))
        np.testing.assert_allclose(shortest(features, targets), np.linalg.pinv(features) @ targets, rtol=1e-8, atol=1e-10)


def test_features_are_cosines_and_sines_so_that_their_products_are_a_gaussian_kernel():
    draw = np.random.default_rng(0)
    x = draw.uniform(size=(2, 20))
    angles = x @ (SPREAD * draw.normal(size=(20, 40_000)))
    phi = np.asarray(waves(angles))
    np.testing.assert_allclose(phi[:, :4], np.stack([np.cos(angles), np.sin(angles)], -1)[:, :2].reshape(2, 4), rtol=1e-5)
    kernel = np.exp(-((x[0] - x[1]) ** 2).sum() / (2 * 5**2))
    assert phi[0] @ phi[1] / 40_000 == pytest.approx(kernel, abs=0.01)


def test_a_fit_of_every_size_is_that_of_the_first_examples_and_features():
    digits, size = jt.load("digits").subset(80, seed=0, validation=0.5), Size(12, 6)
    found = fits(digits, [3], 2, [Size(20, 40), size])
    ((train, validation),) = Apart(2).splits(digits, 3)
    train = rng.host(3, "order").permutation(train)[: size.examples]
    with jax.enable_x64(True):
        frequencies = SPREAD * jax.random.normal(rng.stream(rng.root(3), "frequencies"), (64, 20))[:, :3]
        x = digits.x.reshape(80, -1) / 16
        phi = np.asarray(waves(x @ frequencies))
    weights = np.linalg.pinv(phi[train]) @ np.eye(10)[digits.y[train]]
    scores = phi[validation] @ weights
    squared = ((scores - np.eye(10)[digits.y[validation]]) ** 2).sum(axis=1).mean()
    expected = (scores.argmax(1) != digits.y[validation]).mean(), squared, np.linalg.norm(weights)
    np.testing.assert_allclose([found.error[0, 1], found.squared[0, 1], found.norm[0, 1]], expected, rtol=1e-6)
    assert found.training[0, 0] == 0  # 40 features fit 20 images
    assert found.error.shape == (1, 2)


def test_restarts_have_no_image_in_common():
    digits, scale = jt.load("digits"), Scale("cpu", 4)
    data = apart(scale, digits, 60, 40)
    splits = [split for seed in scale.restarts for split in Apart(scale.seeds).splits(data, seed)]
    places = np.concatenate([np.concatenate(split) for split in splits])
    assert len(np.unique(places)) == len(places) == 400
    assert {(len(split.train), len(split.validation)) for split in splits} == {(60, 40)}


def test_pooled_pictures_are_means():
    x = np.zeros((4, 28, 28, 1), np.uint8)
    x[0, :4, 4:8] = 255
    x[0, 4:8, :2] = 100
    small = pooled(jt.Dataset.from_arrays(x, np.array([0, 1, 0, 1]), scale=255, validation=0.5), 7)
    assert small.x.shape == (4, 7, 7)
    assert small.x[0, 0, 1] == 1 and small.x[0, 1, 0] == pytest.approx(50 / 255) and small.x.sum() == small.x[0, :2, :2].sum()


def test_a_masked_unit_is_not_there():
    x, model = jnp.asarray(np.random.default_rng(0).normal(size=(5, 7))), Narrowed(width=3.0, most=8, outputs=2)
    params = model.init(jax.random.key(0), x)["params"]
    narrow = jax.tree.map(jnp.asarray, params)
    hidden = jax.nn.relu(x @ narrow["hidden"]["kernel"][:, :3])
    np.testing.assert_allclose(model.apply({"params": params}, x), hidden @ narrow["kernel"][:3], rtol=1e-5)
    gradient = jax.grad(lambda params: (model.apply({"params": params}, x) ** 2).sum())(params)
    assert not gradient["hidden"]["kernel"][:, 3:].any() and not gradient["kernel"][3:].any()
    assert gradient["kernel"][:3].any()
    large = Narrowed(width=400.0, most=1_000, outputs=50).init(jax.random.key(0), x)["params"]["kernel"]
    assert float(large.std()) == pytest.approx(400**-0.5, rel=0.02)


def test_widths_are_members_of_one_program():
    digits = jt.load("digits").subset(60, seed=0)
    trials = [jt.Experiment(model=Narrowed(width=width, most=8), epochs=1, batch_size=16) for width in (2.0, 8.0)]
    assert jax.tree.structure(trials[0]) == jax.tree.structure(trials[1])
    narrow, wide = jt.fit(trials, digits, seeds=2, progress=False)
    assert not np.array_equal(narrow.metrics["nll"], wide.metrics["nll"])


def test_an_error_turns_where_the_other_restarts_say():
    up_and_down = np.array([0.5, 0.2, 0.3, 0.6, 0.4, 0.3])
    found = turns(np.stack([up_and_down] * 4))
    np.testing.assert_allclose(np.transpose(found), [(0.3, 0.4, 0.3)] * 4)
    odd = np.array([0.0, 90.0, 30.0, 20.0, 80.0, 70.0])  # its own largest rise is at once, and the others' is elsewhere
    found = turns(np.stack([up_and_down, up_and_down, odd]))
    np.testing.assert_allclose([found.first[2], found.rise[2], found.fall[2]], [-90, -70, -50])
    falling = turns(np.tile(np.linspace(1, 0, 5), (3, 1)))
    rising = turns(np.tile(np.linspace(0, 1, 5), (3, 1)))
    assert (falling.rise < 0).all() and (falling.fall > 0).all() and (rising.rise > 0).all() and (rising.fall < 0).all()


def test_shares_of_wrong_labels_may_be_none():
    digits = jt.load("digits").subset(100, seed=0)
    train = digits.split(0).train
    wrong = [(SomeWrong(share).labels(digits, train, np.random.default_rng(0)) != digits.y).sum() for share in (0.0, 0.1, 0.2)]
    assert wrong == [0, 8, 16]
