"""How the losses of steps become one number, row T051."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt

LOSSES = jnp.asarray(np.random.default_rng(0).uniform(1, 2, (3, 4)).astype(np.float32))
LENGTHS = np.array([4, 1, 2])
TRUE = np.arange(4) < LENGTHS[:, None]


@pytest.mark.parametrize(
    ("reduction", "divisor"), [(jt.losses.PerToken(), LENGTHS.sum()), (jt.losses.PerMaxLength(), 3 * 4), (jt.losses.Summed(), 3)]
)
def test_padding_is_left_out_of_the_sum_and_counts_in_the_maximum_length_alone(reduction, divisor):
    total = np.asarray(LOSSES)[TRUE].sum()
    assert float(reduction(LOSSES, TRUE * 1.0, jnp.ones(3)).value) == pytest.approx(total / divisor, rel=1e-6)
    spoilt = jnp.where(TRUE, LOSSES, jnp.nan)
    value, slopes = jax.value_and_grad(lambda losses: reduction(losses, TRUE * 1.0, jnp.ones(3)).value)(spoilt)
    assert float(value) == pytest.approx(total / divisor, rel=1e-6)
    np.testing.assert_allclose(slopes, TRUE / divisor, rtol=1e-6)


@pytest.mark.parametrize(
    ("reduction", "divisor"), [(jt.losses.PerToken(), 12), (jt.losses.PerMaxLength(), 12), (jt.losses.Summed(), 3)]
)
def test_whole_sequences_have_no_padding(reduction, divisor):
    value = reduction(LOSSES, jnp.ones((3, 4)), jnp.ones(3)).value
    assert float(value) == pytest.approx(float(LOSSES.sum()) / divisor, rel=1e-6)


@pytest.mark.parametrize("reduction", [jt.losses.PerToken(), jt.losses.PerMaxLength(), jt.losses.Summed()])
def test_a_sequence_of_weight_two_counts_as_two(reduction):
    weighted = reduction(LOSSES, TRUE * 1.0, jnp.array([2.0, 0.0, 1.0])).value
    repeated = np.array([0, 0, 2])
    assert float(weighted) == pytest.approx(float(reduction(LOSSES[repeated], TRUE[repeated] * 1.0, jnp.ones(3)).value), rel=1e-6)
