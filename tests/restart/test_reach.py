"""Whether one thing depends on another."""

import jax
import jax.numpy as jnp
import pytest

from jaxtricks.restart.reach import reaches

INSIDE = {
    "scan": lambda step, x, y: jax.lax.scan(lambda carry, _: (step(carry, y), None), x, length=3)[0],
    "scan over": lambda step, x, y: jax.lax.scan(lambda carry, at: (step(carry, at[0]), None), x, (y[None], x[None]))[0],
    "jit": lambda step, x, y: jax.jit(step)(x, y),
    "remat": lambda step, x, y: jax.checkpoint(step)(x, y),
}


@pytest.mark.parametrize("inside", INSIDE.values(), ids=INSIDE)
def test_what_goes_into_a_function_inside_reaches_only_if_it_is_used_there(inside):
    given = jnp.ones(2), jnp.ones(2)
    assert not reaches(lambda y, x: inside(lambda a, b: jnp.sin(a), x, y), *given)
    assert reaches(lambda y, x: inside(lambda a, b: jnp.sin(a * b), x, y), *given)


def test_what_a_turn_leaves_to_the_next_reaches():
    def turn(carry, _):
        first, second, _ = carry
        return (second * 2, first, second), None

    def last(start):
        return jax.lax.scan(turn, (start, 1.0, 1.0), length=4)[0][2]

    assert reaches(last, 1.0)
