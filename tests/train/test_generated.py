"""Whatever the fields allow trains: experiments generated from their declarations alone."""

import functools

import flax.linen as nn
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import HealthCheck, Phase, assume, given, settings

import jaxtricks as jt
from jaxtricks.config import ConfigError, Kind, choices, fields
from jaxtricks.data.balance import balances, rarities
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import evaluation
from jaxtricks.restart import member as one
from jaxtricks.restart.member import Member, Pool
from jaxtricks.train.prepare import prepare

BATCH = 16  # of one size, so that operations that were built for one experiment serve the next
STATIC = {
    "widths": st.sampled_from([(), (8,)]),
    "channels": st.just((4,)),
    "batch_size": st.just(BATCH),
    "epochs": st.integers(1, 3),
    "frozen": st.just(("head",)),
}


def numbers(span):
    """Where nothing overflows at once: up to 0.5, or twice the smallest allowed."""
    low = max(span.low, 1e-4)
    return st.floats(low, min(span.high, max(0.5, 2 * low)), exclude_min=span.open_low and low == span.low)


def of_field(name, field):
    if field.kind is Kind.TRACED:
        values = numbers(field.range)
    elif field.kind is Kind.CONFIG:
        values = st.deferred(lambda: st.one_of([of_class(member) for member in choices(field.type).values() or [field.type]]))
    elif field.kind is Kind.MODEL:
        values = st.deferred(lambda: st.one_of([of_class(member) for member in choices(nn.Module).values()]))
    elif field.type is bool:
        values = st.booleans()
    elif name in STATIC:
        values = STATIC[name]
    else:
        return None
    return st.none() | values if field.optional else values


@functools.cache
def of_class(cls):
    strategies = {name: of_field(name, field) for name, field in fields(cls).items()}
    return st.builds(cls, **{name: strategy for name, strategy in strategies.items() if strategy is not None})


@settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(of_class(jt.Experiment))
def test_two_finite_steps(pictures, experiment):
    split = pictures.split(0)
    pool = Pool.of(pictures)
    try:
        experiment = prepare(experiment, pictures, 48)
    except ConfigError:  # parts that each are fine and do not go together
        assume(False)
    moments = (part[0] for part in experiment.inputs.moments(pictures, split.train[None]))
    rare = {"balance": balances(pictures, split.train[None])[0], "rarity": rarities(pictures, split.train[None])[0]}
    member = Member(np.int32(0), split.train, split.validation, *moments, **rare)
    first = state = epochs.start(experiment, member, pool, {})
    for batch in one.shuffle(experiment, member, pool, jnp.int32(0)).reshape(-1, BATCH)[:2]:
        state, info = one.update(experiment, member, state, one.taken(pool, batch))
        assert np.isfinite(info.loss) and np.isfinite(info.grad_norm)
    assert state.alive and state.step == 2
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((state.params, state.collections, state.method)))
    assert jax.tree.structure(first) == jax.tree.structure(state)
    assert [leaf.dtype for leaf in jax.tree.leaves(first)] == [leaf.dtype for leaf in jax.tree.leaves(state)]
    moved = [not np.array_equal(a, b) for a, b in zip(jax.tree.leaves(first.params), jax.tree.leaves(state.params), strict=True)]
    assert any(moved)
    assert all(np.isfinite(value) for value in evaluation.evaluate(experiment, state, member, pool).values())
