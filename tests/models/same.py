"""The same small network in four libraries, from the same weights: a layer, batch norm, a layer; with dropout, or without."""

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
from flax import nnx

IN, UNITS, OUT = 5, 4, 3


def wave(key, shape, dtype=jnp.float32):
    """Weights that every library can draw, and all precisions hold exactly."""
    return ((5 * jnp.arange(shape[0] * shape[1]) % 11 - 5) / 8).reshape(shape).astype(dtype)


class Linen(nn.Module):
    rate: float = 0.0

    @nn.compact
    def __call__(self, x, train):
        x = nn.Dense(UNITS, kernel_init=wave, name="below")(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9, name="norm")(x))
        return nn.Dense(OUT, kernel_init=wave, name="above")(nn.Dropout(self.rate)(x, deterministic=not train))


class NNX(nnx.Module):
    def __init__(self, *, rngs, rate=0.0):
        self.below = nnx.Linear(IN, UNITS, kernel_init=wave, rngs=rngs)
        self.norm = nnx.BatchNorm(UNITS, momentum=0.9, rngs=rngs)
        self.dropout = nnx.Dropout(rate, rngs=rngs)
        self.above = nnx.Linear(UNITS, OUT, kernel_init=wave, rngs=rngs)

    def __call__(self, x):
        return self.above(self.dropout(nnx.relu(self.norm(self.below(x)))))


def nnx_dropping(rngs):
    return NNX(rngs=rngs, rate=0.3)


class Equinox(eqx.Module):
    below: eqx.nn.Linear
    norm: eqx.nn.BatchNorm
    dropout: eqx.nn.Dropout
    above: eqx.nn.Linear

    def __init__(self, key, rate=0.0, mode="batch"):
        self.below, self.above = (self.linear(key, *sizes) for sizes in ((IN, UNITS), (UNITS, OUT)))
        self.norm = eqx.nn.BatchNorm(UNITS, axis_name="batch", mode=mode, momentum=0.9)
        self.dropout = eqx.nn.Dropout(rate)

    @staticmethod
    def linear(key, inputs, outputs):
        layer = eqx.nn.Linear(inputs, outputs, key=key)
        start = wave(key, (inputs, outputs)).T.astype(layer.weight.dtype), jnp.zeros_like(layer.bias)
        return eqx.tree_at(lambda layer: (layer.weight, layer.bias), layer, start)

    def __call__(self, x, state, *, key=None):
        x, state = self.norm(self.below(x), state)
        return self.above(self.dropout(jax.nn.relu(x), key=key)), state


def equinox_dropping(key):
    return eqx.nn.make_with_state(Equinox)(key, rate=0.3)


def equinox_of_running_averages(key):
    return Equinox(key, mode="ema")


def haiku(x, is_training, rate=0.0):
    def draw(shape, dtype):
        return wave(None, shape, dtype)

    x = hk.Linear(UNITS, w_init=draw, name="below")(x)
    x = jax.nn.relu(hk.BatchNorm(True, True, 0.9, name="norm")(x, is_training))
    x = hk.dropout(hk.next_rng_key(), rate, x) if is_training and rate else x
    return hk.Linear(OUT, w_init=draw, name="above")(x)


def haiku_dropping(x, is_training):
    return haiku(x, is_training, rate=0.3)
