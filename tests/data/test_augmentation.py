"""Random changes of training inputs, rows T060 and T061."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.config import ConfigError, fields, stack
from jaxtricks.data.augmentation import Augmentation

KEY = jax.random.key(3)
X = jax.random.normal(jax.random.key(0), (400, 9, 8, 2))
TRICKS = {name: field.trick for name, field in fields(Augmentation).items()}


@jax.jit
def stages(change, key, x):
    return change.mix(key, change.values(key, change.geometry(key, x)))


def augmented(change, key=KEY, x=X):
    return np.asarray(stages(change, key, x))


def turned(x):
    return np.asarray(x)[:, ::-1, ::-1]


def test_nothing_is_done_by_default():
    assert np.array_equal(augmented(Augmentation()), X)


@pytest.mark.parametrize("name", TRICKS)
def test_it_is_a_pure_function_of_key_and_batch_and_zero_is_none(name):
    on = Augmentation(**{name: TRICKS[name].on})
    first = augmented(on)
    assert np.array_equal(first, augmented(on)) and not np.allclose(first, X)
    assert not np.allclose(first, augmented(on, jax.random.key(4)))
    assert first.shape == X.shape and first.dtype == X.dtype and np.all(np.isfinite(first))
    assert augmented(Augmentation(**{name: 0.0})).tobytes() == np.asarray(X).tobytes()


@pytest.mark.parametrize("name", TRICKS)
def test_strengths_are_traced(name):
    changes = [Augmentation(**{name: value}) for value in (0.0, 0.3, 0.9)]
    together = jax.vmap(stages, in_axes=(0, None, None))(stack(changes), KEY, X)
    for row, change in zip(together, changes, strict=True):
        np.testing.assert_allclose(row, augmented(change), atol=1e-4)


def test_every_example_has_a_draw_of_its_own():
    same = jnp.tile(X[:1], (400, 1, 1, 1))
    for name in TRICKS.keys() - {"mixup"}:
        seen = augmented(Augmentation(**{name: TRICKS[name].on}), x=same)
        assert len({image.tobytes() for image in seen}) >= (2 if name in ("flip", "turn") else 40)


@pytest.mark.parametrize("name", TRICKS)
def test_another_augmentation_leaves_the_draws_as_they_are(name):
    """With another one in the program, at no strength, the same comes out."""
    alone = augmented(Augmentation(**{name: TRICKS[name].on}))
    others = dict.fromkeys(TRICKS.keys() - {name}, 0.0)
    np.testing.assert_allclose(augmented(Augmentation(**{name: TRICKS[name].on}, **others)), alone, atol=1e-5)


def test_no_two_draws_share_a_stream(monkeypatch):
    names, stream = [], rng.stream
    monkeypatch.setattr(rng, "stream", lambda key, name: names.append(name) or stream(key, name))
    everything = Augmentation(**{name: trick.on for name, trick in TRICKS.items()})
    everything.mix(KEY, everything.values(KEY, everything.geometry(KEY, X[:2])))
    assert sorted(names) == sorted([*TRICKS, "mixup partner"])


def test_a_certain_turn_is_one_by_180_degrees_and_two_are_none():
    once = augmented(Augmentation(turn=1.0))
    assert np.array_equal(once, turned(X)) and np.array_equal(augmented(Augmentation(turn=1.0), x=jnp.asarray(once)), X)


def test_a_certain_flip_mirrors_left_and_right():
    assert np.array_equal(augmented(Augmentation(flip=1.0)), np.asarray(X)[:, :, ::-1])


@pytest.mark.parametrize(("name", "other"), [("flip", lambda x: np.asarray(x)[:, :, ::-1]), ("turn", turned)])
def test_the_share_of_changed_images_is_the_probability_and_others_stay(name, other):
    x = augmented(Augmentation(**{name: 0.3}))
    changed, same = (np.all(x == y, axis=(1, 2, 3)) for y in (other(X), np.asarray(X)))
    assert np.all(changed ^ same) and abs(changed.mean() - 0.3) < 0.07  # 3 standard errors


def test_rotation_stays_within_its_angle():
    """A bright pixel, 3 pixels above the centre, is found again on an arc."""
    x = jnp.zeros((400, 9, 9, 1)).at[:, 1, 4].set(1.0)
    y = augmented(Augmentation(rotation=60.0), x=x)[..., 0]
    grid = np.arange(9) - 4
    total = y.sum(axis=(1, 2))
    down, right = (y * grid[:, None]).sum(axis=(1, 2)) / total, (y * grid).sum(axis=(1, 2)) / total
    angle = np.degrees(np.arctan2(right, -down))
    assert angle.min() < -50 and angle.max() > 50 and np.all(np.abs(angle) < 61)
    assert abs(angle.mean()) < 6 and np.std(angle) == pytest.approx(60 / np.sqrt(3), rel=0.1)


def test_shift_moves_both_ways_up_to_its_pixels():
    x = jnp.zeros((400, 9, 9, 1)).at[:, 4, 4].set(1.0)
    y = augmented(Augmentation(shift=2.0), x=x)[..., 0]
    grid = np.arange(9) - 4
    moves = np.stack([(y * grid[:, None]).sum(axis=(1, 2)), (y * grid).sum(axis=(1, 2))])
    assert np.all(np.abs(moves) < 2 + 1e-5) and np.all(np.ptp(moves, axis=1) > 3.9) and np.all(np.abs(moves.mean(axis=1)) < 0.2)
    assert abs(np.corrcoef(moves)[0, 1]) < 0.15


def test_crop_shows_a_part_inside_the_image():
    """Of a slope of 1 a pixel, a window whose side is s shows a slope of s, from anywhere inside."""
    slope = jnp.tile(jnp.arange(1.0, 33.0).reshape(1, 1, 32, 1), (400, 32, 1, 1))
    y = augmented(Augmentation(crop=0.5), x=slope)[:, 16, :, 0]
    sides = y[:, 17] - y[:, 16]
    assert 0.5 - 1e-4 <= sides.min() < 0.52 and 0.98 < sides.max() <= 1 + 1e-4
    middles = (y[:, 15] + y[:, 16]) / 2 - 16.5
    assert np.all(np.abs(middles) <= (1 - sides) * 15.5 + 1e-3) and np.abs(middles).max() > 5
    assert y.min() > 1 - 1e-3 and y.max() < 32 + 1e-3


@pytest.mark.parametrize("crop", [0.1, 0.5, 0.99])
def test_crop_brings_in_nothing_from_outside(crop):
    np.testing.assert_allclose(augmented(Augmentation(crop=crop), x=jnp.ones((400, 9, 8, 1))), 1, atol=1e-5)


def test_noise_has_its_standard_deviation_on_inputs_of_any_shape():
    for shape in [(400, 50), (400, 5, 5, 2)]:
        noise = augmented(Augmentation(noise=0.3), x=jnp.ones(shape)) - 1
        assert abs(noise.mean()) < 0.01 and np.std(noise) == pytest.approx(0.3, rel=0.03)


def test_cutout_masks_a_square_of_its_area():
    x = 1 + jnp.zeros((400, 16, 16, 3))
    hidden = augmented(Augmentation(cutout=0.25), x=x) == 0
    assert np.array_equal(hidden.all(axis=3), hidden.any(axis=3))
    rows, columns = hidden[..., 0].any(axis=2), hidden[..., 0].any(axis=1)
    assert np.array_equal(hidden[..., 0], rows[:, :, None] & columns[:, None, :])
    # At most 4 × 4 pixels; fewer only at an edge; every row is as likely to be the middle one.
    for side in (rows, columns):
        whole = side.sum(axis=1) == 4
        assert side.sum(axis=1).max() == 4 and np.all(whole | side[:, 0] | side[:, -1])
        assert abs(whole.mean() - 13 / 16) < 0.06
    assert np.mean(augmented(Augmentation(cutout=1.0), x=x) == 0, axis=(1, 2, 3)).min() >= 0.25


class TestMixup:
    TARGETS = jnp.eye(10)[jnp.arange(400) % 10]

    def parts(self, alpha):
        """Which examples every row is a blend of, and in which shares, read off a batch of unit vectors."""
        return augmented(Augmentation(mixup=alpha), x=jnp.eye(400))

    @pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
    def test_rows_are_convex_combinations_of_two_with_the_larger_part_their_own(self, alpha):
        weights = self.parts(alpha)
        np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-6)  # partners are a permutation
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
        assert np.all(weights >= 0) and np.all((weights > 0).sum(axis=1) <= 2) and np.all(np.diag(weights) >= 0.5)

    def test_inputs_and_targets_are_blended_alike(self):
        weights, change = self.parts(1.0), Augmentation(mixup=1.0)
        for rows in (self.TARGETS, X):
            np.testing.assert_allclose(augmented(change, x=rows), np.tensordot(weights, np.asarray(rows), 1), atol=1e-5)

    def test_inputs_and_targets_of_two_precisions_are_blended_alike(self):
        mix = jax.jit(jax.vmap(Augmentation(mixup=1.0).mix, in_axes=(0, None)))
        keys, kinds = jax.random.split(KEY, 20), (jnp.float32, jnp.bfloat16)
        single, half = (np.asarray(mix(keys, jnp.eye(6, dtype=kind)), np.float32) for kind in kinds)
        np.testing.assert_allclose(half, single, atol=2**-8)

    @pytest.mark.parametrize("alpha", [0.2, 1.0])
    def test_shares_follow_beta(self, alpha):
        keys, mix = jax.random.split(KEY, 2000), jax.vmap(Augmentation(mixup=alpha).mix, in_axes=(0, None))
        blends = jax.jit(mix)(keys, jnp.array([0.0, 1.0]))
        low = np.asarray(blends)[:, 0]  # the part of 1 in what was 0
        low = low[low > 0]  # in half of the batches each is its own partner
        draws = np.random.default_rng(0).beta(alpha, alpha, 20_000)
        expected = np.minimum(draws, 1 - draws)
        for quantile in (0.25, 0.5, 0.75):
            share = np.mean(low < np.quantile(expected, quantile))
            assert abs(share - quantile) < 0.06

    def test_the_mean_of_a_batch_stays(self):
        np.testing.assert_allclose(augmented(Augmentation(mixup=1.0)).mean(axis=0), X.mean(axis=0), atol=1e-5)


def examples(shape):
    return jt.Dataset.from_arrays(np.zeros((8, *shape)), np.arange(8) % 2)


@pytest.mark.parametrize("name", TRICKS)
@pytest.mark.parametrize("shape", [(5,), (8, 8), (2, 8, 8, 1)])
def test_what_is_for_images_is_refused_elsewhere_in_one_sentence(name, shape):
    change = dataclasses.replace(Augmentation(), **{name: TRICKS[name].on})
    change.check(examples((8, 8, 1)))
    if name in ("noise", "mixup"):
        change.check(examples(shape))
        return
    with pytest.raises(ConfigError) as caught:
        change.check(examples(shape))
    assert str(caught.value) == (
        f"Augmentation.{name} = {TRICKS[name].on} is for images, [height, width, channels], and the data's inputs are of shape "
        f"{shape}; None is allowed."
    )


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        ({"rotation": -1.0}, "in [0, 180]"),
        ({"shift": -1.0}, ">= 0"),
        ({"crop": 1.0}, "in [0, 1)"),
        ({"flip": 1.5}, "in [0, 1]"),
        ({"cutout": 1.1}, "in [0, 1]"),
        ({"mixup": -0.1}, ">= 0"),
    ],
)
def test_impossible_strengths_are_refused(settings, allowed):
    with pytest.raises(ConfigError) as caught:
        Augmentation(**settings)
    assert f"is not a number {allowed}, or None for off." in str(caught.value)
