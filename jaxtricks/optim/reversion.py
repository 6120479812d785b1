"""What the weights of a pruned network begin with: as they were trained, as they were drawn, or something in between."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from jaxtricks import rng
from jaxtricks.config import Family, config
from jaxtricks.nn.kernels import is_kernel


class Weighed(NamedTuple):
    """The weights that a pruned network may begin with.

    Args:
        given: those that were scored: of an earlier run, or as they were drawn.
        initial: as they were drawn for this seed, or where an earlier run stood that they are set back to.
        redrawn: gives the parameters drawn once more, with another key.
        mask: True for the weights that are kept, a tree like the parameters with None for those that are no kernels.
        key: of all that is random.
    """

    given: Any
    initial: Any
    redrawn: Callable[[], Any]
    mask: Any
    key: Key[Array, ""]


class Reversion(Family):
    """What the kept weights begin with, and all parameters that are no kernels. Subclass it for other starts.

    Attributes:
        GOES_ON: whether other variables, such as batch norm's running averages, are those of the earlier run, too, and not as at
            the start.

    >>> jt.optim.Pruned(to="initial").to
    Initial()
    """

    GOES_ON: ClassVar[bool] = False

    def start(self, weighed: Weighed) -> Any:
        """Gives the parameters; what is removed is set to zero afterwards.

        Args:
            weighed: the weights that there are.
        """
        raise NotImplementedError


@config("given", rows=["T118"], paper="Han+ 2015")
class AsGiven(Reversion):
    """As they were scored: the weights of the earlier run, which training goes on with, or those drawn.

    >>> jt.optim.Pruned(keep=0.2).to
    AsGiven()
    """

    GOES_ON: ClassVar[bool] = True

    def start(self, weighed: Weighed) -> Any:
        return weighed.given


@config("initial", rows=["T118"], paper="Frankle & Carbin 2019")
class Initial(Reversion):
    """As they were drawn for this seed, before any training: a lottery ticket.

    With `Transfer(…, rewound=runs)` as they were in these runs, a few epochs after the start (Frankle+ 2020).

    >>> jt.optim.Pruned(to=jt.optim.Initial()).to == jt.optim.Pruned(to="initial").to
    True
    """

    def start(self, weighed: Weighed) -> Any:
        return weighed.initial


@config("random", rows=["T118", "T120"], paper="Frankle & Carbin 2019; Zhou+ 2019")
class Redrawn(Reversion):
    """Drawn once more, as if by another seed; a seed has one such draw, the same in every round.

    Args:
        signs: "kept" for the signs that the weights were drawn with first, or "new".

    >>> jt.optim.Pruned(to="random").to
    Redrawn(signs='new')
    """

    signs: Literal["new", "kept"] = "new"

    def start(self, weighed: Weighed) -> Any:
        new = weighed.redrawn()
        if self.signs == "new":
            return new
        return _on_kernels(lambda w, first: jnp.abs(w) * _sign(first), new, weighed.initial)


@config("shuffled", rows=["T120"], paper="Zhou+ 2019")
class ShuffledWeights(Reversion):
    """The drawn values of the weights that are kept, dealt out anew among them, layer by layer.

    Args:
        signs: "kept" if only the sizes are dealt out, and each weight has the sign that it was drawn with; or "new".

    >>> jt.optim.Pruned(to="shuffled").to
    ShuffledWeights(signs='new')
    """

    signs: Literal["new", "kept"] = "new"

    def start(self, weighed: Weighed) -> Any:
        def deal(path: Any, w: Array, mask: Array | None) -> Array:
            if mask is None:
                return w
            dealt = _dealt(w, mask, rng.stream(weighed.key, jax.tree_util.keystr(path)))
            return jnp.abs(dealt) * _sign(w) if self.signs == "kept" else dealt

        return jax.tree_util.tree_map_with_path(deal, weighed.initial, weighed.mask)


@config("constant", rows=["T120"], paper="Zhou+ 2019")
class SignedConstant(Reversion):
    """Plus or minus the standard deviation of the layer's drawn weights.

    Args:
        signs: "kept" for the signs that the weights were drawn with, or "new" ones, each with probability ½.

    >>> jt.optim.Pruned(to=jt.optim.SignedConstant(signs="kept")).to
    SignedConstant(signs='kept')
    """

    signs: Literal["new", "kept"] = "new"

    def start(self, weighed: Weighed) -> Any:
        def constant(path: Any, w: Array) -> Array:
            if not is_kernel(w):
                return w
            key = rng.stream(weighed.key, jax.tree_util.keystr(path))
            sign = _sign(w) if self.signs == "kept" else jax.random.rademacher(key, w.shape, w.dtype)
            return jnp.std(w) * sign

        return jax.tree_util.tree_map_with_path(constant, weighed.initial)


def _on_kernels(change: Callable[[Array, Array], Array], params: Any, others: Any) -> Any:
    return jax.tree.map(lambda w, other: change(w, other) if is_kernel(w) else w, params, others)


def _sign(w: Array) -> Array:
    """+1 or -1; +1 for 0."""
    return jnp.where(w < 0, -1, 1).astype(w.dtype)


def _dealt(w: Array, mask: Array, key: Key[Array, ""]) -> Array:
    """The values of `w` where `mask` is True, in another order among these places; the others stay where they are.

    The places that are kept, in a random order, take the values of the places that are kept in their own order.
    """
    size = math.prod(w.shape)
    kept = mask.reshape(size)
    at_random = jnp.where(kept, jax.random.uniform(key, (size,)), 2.0)
    places, sources = jnp.argsort(at_random), jnp.argsort(~kept, stable=True)
    return w.reshape(size)[jnp.zeros(size, sources.dtype).at[places].set(sources)].reshape(w.shape)
