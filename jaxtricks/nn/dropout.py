"""Dropout with a traced rate (`flax.linen.Dropout` branches on the value of the rate, and so cannot be traced)."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import Family, Rate, config
from jaxtricks.nn.layer import Layer, masking


class Dropout(Family):
    """Zeroes each unit (or weight) with probability `rate` in training; a bare number is the rate of `Inverted`.

    >>> jt.Dropout(0.25), jt.Dropout("test_scaled")
    (Inverted(rate=0.25), TestScaled(rate=0.5))
    """

    rate: Rate

    @classmethod
    def coerce(cls, value: Any) -> Any:
        return value if isinstance(value, Dropout | str | bool) else Inverted(rate=value)

    @property
    def training_only(self) -> bool:
        """Whether units at test are what they are without dropout."""
        return False

    def scales(self) -> tuple[Array, Array]:
        """The factor of the kept units in training, and the factor of all units at test; each of shape []."""
        raise NotImplementedError

    def __call__(self, x: Float[Array, "*shape"], *, train: bool, name: str) -> Float[Array, "*shape"]:
        """Applies the dropout: a random mask in training, the expectation at test; there, too, a mask where one is asked for."""
        return _Mask(self, name=name)(x, train=train)


@config("inverted", rows=["T056", "T058"], paper="Srivastava+ 2014")
class Inverted(Dropout):
    """Kept units are divided by 1 - rate in training, so that units stay as they are at test.

    Args:
        rate: the probability of zeroing a unit.

    >>> training, test = jt.nn.Inverted(rate=0.5).scales()
    >>> float(training), float(test)
    (2.0, 1.0)
    """

    rate: Rate = 0.5

    @property
    def training_only(self) -> bool:
        return True

    def scales(self) -> tuple[Array, Array]:
        return 1 / (1 - jnp.asarray(self.rate)), jnp.ones(())


@config("test_scaled", rows=["T058"], paper="Srivastava+ 2014; lectures 1 and 2")
class TestScaled(Dropout):
    """Kept units stay as they are in training, and all are multiplied by the keep probability 1 - rate at test.

    Lecture 1 says "multiply by dropout probability", but its p is the probability of keeping a unit.

    Args:
        rate: the probability of zeroing a unit.

    >>> training, test = jt.nn.TestScaled(rate=0.5).scales()
    >>> float(training), float(test)
    (1.0, 0.5)
    """

    __test__ = False  # not a test class, whatever its name looks like to pytest

    rate: Rate = 0.5

    def scales(self) -> tuple[Array, Array]:
        return jnp.ones(()), 1 - jnp.asarray(self.rate)


class _Mask(Layer):
    dropout: Dropout

    @nn.compact
    def __call__(self, x: Float[Array, "*shape"], *, train: bool) -> Float[Array, "*shape"]:
        kept, expected = (scale.astype(x.dtype) for scale in self.dropout.scales())
        if (stream := masking(self, train)) is None:
            return x * expected
        keep = jax.random.bernoulli(self.draw(stream, "mask"), 1 - jnp.asarray(self.dropout.rate), x.shape)
        return jnp.where(keep, x * kept, 0)
