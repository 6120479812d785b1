"""The density of eigenvalues from products alone, and curvature along a run: rows T028 and T038."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.diagnose.curvature import hessian_eigenvalues, hessian_spectrum
from jaxtricks.diagnose.lanczos import FLAT, Spectrum, tridiagonal, tridiagonals
from jaxtricks.diagnose.losses import training_loss

VALUES = np.array([-3.0, -1.0, 0.0, 0.5, 2.0, 2.0, 7.0])
ROTATION = np.linalg.qr(np.random.default_rng(0).normal(size=(7, 7)))[0]
MATRIX = ROTATION @ np.diag(VALUES) @ ROTATION.T
measure = jt.diagnose.curvature_by_epoch


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_the_points_and_weights_of_a_start_have_its_moments(steps):
    start = np.random.default_rng(1).normal(size=7)
    found = tridiagonal(lambda v: jnp.asarray(MATRIX, jnp.float32) @ v, jnp.asarray(start, jnp.float32), steps)
    spectrum = Spectrum.of(jax.tree.map(lambda leaf: leaf[None], found))
    unit = start / np.linalg.norm(start)
    for power in range(2 * steps):  # a quadrature of so many points is exact up to that degree
        moment = unit @ np.linalg.matrix_power(MATRIX, power) @ unit
        np.testing.assert_allclose(np.sum(spectrum.weights * spectrum.values**power), moment, rtol=1e-3, atol=1e-3)


def test_all_products_give_all_eigenvalues_and_many_starts_their_shares():
    found = hessian_spectrum(
        lambda x: x @ jnp.asarray(MATRIX, jnp.float32) @ x / 2, jnp.ones(7), key=jax.random.key(0), steps=9, probes=600
    )
    distinct = np.unique(VALUES)
    near = distinct[np.argmin(np.abs(found.values[:, None] - distinct), axis=1)]
    np.testing.assert_allclose(found.values, near, atol=1e-3)
    shares = [found.weights[near == value].sum() for value in distinct]
    np.testing.assert_allclose(shares, [1 / 7, 1 / 7, 1 / 7, 1 / 7, 2 / 7, 1 / 7], atol=0.03)
    assert (round(found.bottom, 3), round(found.top, 3)) == (-3.0, 7.0)
    assert found.negative == pytest.approx(2 / 7, abs=0.03) and found.flat == pytest.approx(1 / 7, abs=0.03)
    assert found.condition == pytest.approx(7 / np.abs(VALUES).mean(), rel=0.05)
    np.testing.assert_allclose(found.below(np.array([-4, -0.5, 1, 8])), [0, 2 / 7, 4 / 7, 1], atol=0.04)


def test_a_space_that_is_exhausted_adds_no_eigenvalue():
    found = tridiagonals(lambda v: 3 * v, 4, jax.random.key(1), 2, 3, jnp.float32)
    assert found.used.tolist() == [1, 1]
    np.testing.assert_allclose(Spectrum.of(found).values, 3, rtol=1e-5)


@pytest.fixture(scope="module")
def kept(base, blobs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    jt.fit(base, blobs, seeds=3, progress=False, checkpoints=jt.Checkpoints(folder, every=1, newest=1))
    return jt.snapshots(folder, blobs)


def test_the_ends_are_those_of_the_whole_hessian(kept):
    found = measure(kept, products=40, probes=2)
    assert found.epochs.tolist() == [0, 1, 2, 3]
    for run in range(3):
        exact = hessian_eigenvalues(*training_loss(kept[3], run))
        largest = np.abs(exact).max()
        np.testing.assert_allclose(found.curves["largest eigenvalue"][run, 3], exact[-1], rtol=1e-3)
        np.testing.assert_allclose(found.curves["smallest eigenvalue"][run, 3], exact[0], rtol=1e-2, atol=1e-3)
        below = np.mean(exact < -FLAT * largest)
        assert abs(found.curves["negative share"][run, 3] - below) < 0.15
    assert (found.weights.sum(axis=2) == pytest.approx(1)) and np.isfinite(found.noise).all()


def test_the_noise_is_that_of_the_initial_and_the_final_weights(kept):
    alone = jt.diagnose.gradient_noise_scale(kept[3])
    found = measure(kept, products=2, probes=1).noise
    np.testing.assert_allclose(found[:, 0], alone.initial.scale, rtol=1e-3)
    np.testing.assert_allclose(found[:, -1], alone.final.scale, rtol=1e-3)


def test_more_checkpoints_compile_nothing_more(kept, compiled):
    measure({3: kept[3]}, products=3, probes=1)
    one = len(compiled)
    compiled.clear()
    measure(kept, products=3, probes=1)
    assert len(compiled) <= one


def test_a_restart_alone_gives_what_it_gives_among_others(kept):
    among, alone = measure({3: kept[3]}, products=5), measure({3: kept[3].at([2])}, products=5)
    for name, curve in among.curves.items():
        np.testing.assert_allclose(curve[2:], alone.curves[name], rtol=2e-2, atol=1e-3, err_msg=name)


def test_the_table_has_a_row_for_each_restart_time_and_measure(kept):
    found = measure({3: kept[3]}, products=2, probes=1)
    table = found.frame()
    assert table.num_rows == 3 * 2 * 6 and set(table["epoch"].to_pylist()) == {0, 3}
    assert str(found).splitlines()[1].startswith("epoch  largest eigenvalue")


def test_one_that_diverged_has_no_curvature(kept):
    broken = kept[3].at([0, 1])
    broken.states.params["head"]["bias"] = np.full_like(broken.states.params["head"]["bias"], np.nan)
    found = measure({3: broken}, products=2, probes=1)
    assert np.isnan(found.curves["largest eigenvalue"][:, 1]).all() and np.isfinite(found.curves["negative share"][:, 0]).all()
    assert "nan" in str(found)


@pytest.mark.parametrize(
    ("bad", "said"), [({"examples": 1}, "examples = 1"), ({"products": 0}, "products = 0"), ({"probes": 0}, "probes = 0")]
)
def test_counts_below_one_are_refused(kept, bad, said):
    with pytest.raises(jt.ConfigError, match=said):
        measure(kept, **bad)
    with pytest.raises(jt.ConfigError, match="kept has no runs"):
        measure({})
