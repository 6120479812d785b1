"""A finished fit goes on for more epochs, as if it had had so many from the start."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError, choices
from jaxtricks.optim.averaging import Averaging
from jaxtricks.optim.optimizer import assemble
from jaxtricks.optim.schedules import Schedule
from jaxtricks.store.checkpoint import CheckpointError
from jaxtricks.store.manifest import manifest_of

fit, resume = partial(jt.fit, progress=False), partial(jt.resume, progress=False)
PLACE = jt.Layout(runs=1, width=2)
HOW = {"seeds": 3, "layout": PLACE}
BASE = jt.Experiment(
    model=jt.MLP(widths=(8,), dropout=0.2, normalization="batch"),
    optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=3e-2), schedule="plateau", averaging="ema"),
    stopping=jt.EarlyStopping(patience=2, min_change=0.3),
    batch_size=32,
    epochs=3,
)


@pytest.fixture(scope="module")
def data(digits):
    return digits.subset(150, 0)


def test_more_epochs_give_the_bits_of_a_fit_that_had_them_from_the_start(data, tmp_path):
    first = fit(BASE, data, **HOW, checkpoints=jt.Checkpoints(tmp_path))
    longer = resume(tmp_path, data, epochs=7, layout=PLACE)
    expected = fit(BASE.replace({"epochs": 7}), data, **HOW)
    assert longer.experiment == expected.experiment
    assert longer.stopped == expected.stopped and expected.stopped, "one restart stops early, so that it is tested"
    jax.tree.map(np.testing.assert_array_equal, (longer.curves, longer.states), (expected.curves, expected.states))
    assert first.curves["nll"].shape == (3, 3)
    assert first.seconds is not None and longer.seconds is None, "what was trained before is not in this call's time"
    assert manifest_of(tmp_path)[0].earlier == (3,)


def test_a_longer_fit_that_is_interrupted_is_resumed_to_its_own_end(data, tmp_path):
    base = BASE.replace({"stopping": None})
    fit(base, data, **HOW, checkpoints=jt.Checkpoints(tmp_path))
    longer = base.replace({"epochs": 4})
    fit(longer, data, **HOW, checkpoints=jt.Checkpoints(tmp_path))  # the same call with more epochs goes on as well
    assert resume(tmp_path, data, layout=PLACE).experiment.epochs == 4
    assert manifest_of(tmp_path)[0].earlier == (3,)
    with pytest.raises(ConfigError, match="epochs = 2 is less than the 4"):
        resume(tmp_path, data, epochs=2)
    with pytest.raises(CheckpointError, match="another fit"):
        fit(base, data, **HOW, checkpoints=jt.Checkpoints(tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer.schedule": "warmup_cosine"},
        {"optimizer.schedule": "one_cycle"},
        {"optimizer.averaging": "swa"},
        {"optimizer.schedule": jt.schedules.Restarts(cycles=1, growth=2)},
    ],
)
def test_what_depends_on_the_end_is_refused_before_anything_trains(change):
    with pytest.raises(ConfigError, match=r"from the start, or with|goes on by whole cosines"):
        BASE.replace({"epochs": 20} | change).longer(40)
    assert BASE.replace({"epochs": 20} | change).longer(20).epochs == 20


def test_every_schedule_that_goes_on_begins_as_the_shorter_one():
    went_on = set()
    for name, kind in choices(Schedule).items():
        short = kind()
        for times in (2.0, 7 / 3):
            try:
                longer = short.longer(times)
            except ConfigError:
                continue
            went_on.add(name)
            steps = jnp.arange(30)
            factors = [jax.vmap(lambda step, s=s, t=t: s(step, t))(steps) for s, t in ((short, 30), (longer, round(30 * times)))]
            np.testing.assert_allclose(*factors, rtol=1e-5, atol=1e-6)
    assert went_on == {"constant", "plateau", "restarts", "step", "inverse_sqrt", "robbins_monro"}


def test_every_average_that_goes_on_is_the_same_whatever_the_end():
    def path(average, total):
        method = assemble(jt.Optimizer(rule=jt.SGD(learning_rate=0.1), averaging=average), total)
        problem = jt.extend.Problem(lambda w: (w, None), lambda outputs, w: jnp.sum(outputs**2))
        params, found = jnp.ones(2), []
        state = method.init(params)
        for _ in range(12):
            params, state, *_ = method.step(problem, params, state, jt.extend.Validation(jnp.inf, 0))
            found.append(method.eval_params(params, state))
        return np.stack(found)

    went_on = set()
    for name, kind in choices(Averaging).items():
        try:
            longer = kind().longer(2.0)
        except ConfigError:
            continue
        went_on.add(name)
        np.testing.assert_array_equal(path(kind(), 12), path(longer, 24))
    assert went_on == {"lookahead", "schedule_free", "ema", "latest", "triggered"}
