"""Named random streams: keyed by seed, name and step, never by the order of calls."""

import re
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks
from jaxtricks import rng

names = st.sampled_from(["params", "dropout", "shuffle", "split"])
steps = st.none() | st.integers(0, 2**31 - 1)
light = settings(max_examples=50, deadline=None)


def bits(key):
    return tuple(np.asarray(jax.random.key_data(key)).tolist())


@light
@given(st.integers(0, 2**31 - 1), st.lists(st.tuples(names, steps), min_size=2, max_size=5), st.randoms())
def test_a_stream_does_not_depend_on_what_was_drawn_before(seed, draws, random):
    key = rng.root(seed)
    first = {draw: bits(rng.stream(key, *draw)) for draw in draws}
    random.shuffle(draws)
    again = {}
    for draw in draws:
        jax.random.normal(rng.stream(key, *draw), (2,))
        again[draw] = bits(rng.stream(rng.root(seed), *draw))
    assert again == first
    assert len(set(first.values())) == len(set(draws))  # and streams differ by name, and by step


def test_seeds_names_and_steps_give_different_keys():
    seen = {bits(rng.root(seed)) for seed in range(4)}
    for name in ("params", "dropout", "shuffle"):
        for seed in range(4):
            seen |= {bits(rng.stream(rng.root(seed), name, step)) for step in (None, *range(8))}
    assert len(seen) == 4 + 3 * 4 * 9


def test_streams_are_the_same_in_every_process_and_version():
    # Written down once: another number here means that no seed gives what it gave before.
    assert bits(rng.root(5)) == (0, 5)
    assert bits(rng.stream(rng.root(5), "params")) == (668405006, 2286603672)
    assert bits(rng.stream(rng.root(5), "dropout", 3)) == (2239672489, 690995243)
    assert jax.random.bits(rng.stream(rng.root(5), "shuffle", 0), (2,)).tolist() == [1100010914, 958075430]
    assert rng.host(5, "split").integers(0, 1000, 4).tolist() == [398, 976, 820, 773]


def test_the_generator_is_pinned():
    with jax.default_prng_impl("rbg"):
        assert str(jax.random.key_impl(rng.root(0))) == rng.IMPLEMENTATION == "threefry2x32"
        # `rbg` would draw other numbers under vmap than alone.
        alone = [jax.random.bits(rng.stream(rng.root(seed), "params"), (3,)).tolist() for seed in range(3)]
        together = jax.vmap(lambda seed: jax.random.bits(rng.stream(rng.root(seed), "params"), (3,)))(jnp.arange(3))
    assert together.tolist() == alone


def test_a_traced_seed_and_step_draw_what_numbers_draw():
    traced = jax.jit(jax.vmap(lambda seed, step: jax.random.key_data(rng.stream(rng.root(seed), "dropout", step))))
    numbers = [(0, 0), (3, 1), (2**31 - 1, 700)]
    together = traced(jnp.array([s for s, _ in numbers], jnp.int32), jnp.array([t for _, t in numbers], jnp.int32))
    assert [tuple(row) for row in together.tolist()] == [bits(rng.stream(rng.root(s), "dropout", t)) for s, t in numbers]


def test_streams_are_not_correlated():
    keys = [rng.stream(rng.root(seed), name, step) for seed in (0, 1) for name in ("params", "dropout") for step in (None, 0, 1)]
    draws = np.asarray(jax.vmap(lambda key: jax.random.normal(key, (4000,)))(jnp.stack(keys)))
    correlation = np.corrcoef(draws) - np.eye(len(keys))
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)


@light
@given(st.integers(0, 2**31 - 1), names, names)
def test_host_streams_are_keyed_by_seed_and_name(seed, one, other):
    def draw(seed, name):
        return rng.host(seed, name).random(3).tolist()

    assert draw(seed, one) == draw(seed, one)
    assert (draw(seed, one) == draw(seed, other)) == (one == other)
    assert draw(seed, one) != draw(seed + 1, one)


def test_the_names_of_all_streams_have_different_numbers():
    sources = [path.read_text() for path in Path(jaxtricks.__file__).parent.rglob("*.py")]
    used = {name for text in sources for name in re.findall(r'(?:stream|host)\((?:root\([^)]*\)|[^"\n])*?"(\w+)"', text)}
    assert {"params", "dropout", "shuffle"} <= used
    assert len({zlib.crc32(name.encode()) for name in used}) == len(used)


def test_a_negative_seed_is_refused_on_the_host():
    with pytest.raises(ValueError, match="non-negative"):
        rng.host(-1, "split")
