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
    assert float(reduction(LOSSES, jnp.asarray(LENGTHS))) == pytest.approx(total / divisor, rel=1e-6)
    spoilt = jnp.where(TRUE, LOSSES, jnp.nan)
    value, slopes = jax.value_and_grad(lambda losses: reduction(losses, jnp.asarray(LENGTHS)))(spoilt)
    assert float(value) == pytest.approx(total / divisor, rel=1e-6)
    np.testing.assert_allclose(slopes, TRUE / divisor, rtol=1e-6)


@pytest.mark.parametrize(
    ("reduction", "divisor"), [(jt.losses.PerToken(), 12), (jt.losses.PerMaxLength(), 12), (jt.losses.Summed(), 3)]
)
def test_whole_sequences_have_no_padding(reduction, divisor):
    assert float(reduction(LOSSES, None)) == pytest.approx(float(LOSSES.sum()) / divisor, rel=1e-6)
