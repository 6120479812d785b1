"""Batch norm beside an average of weights, row T077."""

import jax
import jax.numpy as jnp
import numpy as np

import jaxtricks as jt
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import member as one


def test_batch_norm_is_evaluated_with_the_plain_mean_over_an_epochs_batches_at_the_average(digits):
    data = digits.subset(100, 0)
    base = jt.Experiment(model=jt.MLP(widths=(8,), normalization="batch"), inputs=jt.Unit(), batch_size=16, epochs=3)
    average = base.replace({"optimizer.averaging": jt.EMA(decay=0.8)})
    how = {"seeds": 1, "layout": jt.Layout(runs=1), "progress": False}
    plain, runs = jt.fit(base, data, **how), jt.fit(average, data, **how)
    # Training does not see it.
    np.testing.assert_allclose(runs.curves["train_loss"], plain.curves["train_loss"], rtol=1e-6)
    assert not np.allclose(runs.curves["nll"], plain.curves["nll"], rtol=1e-3)

    variables = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), runs.variables)
    member = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), runs.members)
    pool = one.Pool.of(data)
    order = np.asarray(one.shuffle(runs.experiment, member, pool, jnp.int32(2)))[: 5 * 16].reshape(5, 16)
    blank = jax.tree.map(jnp.zeros_like, variables["batch_stats"])
    fresh = epochs.with_momentum(runs.experiment.model, jnp.float32(0))
    each = [
        fresh.apply(
            {"params": variables["params"], "batch_stats": blank},
            one.inputs(pool, member, batch).x,
            train=True,
            mutable=["batch_stats"],
        )[1]["batch_stats"]
        for batch in order
    ]
    jax.tree.map(
        lambda found, *batches: np.testing.assert_allclose(found, np.mean(batches, axis=0), rtol=1e-4, atol=1e-6),
        variables["batch_stats"],
        *each,
    )
