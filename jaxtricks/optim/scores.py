"""How much a weight is worth: the scores by which weights are removed from a network."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxtricks import rng
from jaxtricks.config import ConfigError, Count, Family, config


class Probe(NamedTuple):
    """What a score may look at.

    Args:
        loss: parameters → the loss of the first batch, [].
        flow: parameters → the sum of the network's scores for an input of ones, [].
        key: of all that is random.

    >>> probe = Probe(lambda w: (w["kernel"] ** 2).sum(), lambda w: w["kernel"].sum(), jax.random.key(0))
    >>> float(probe.loss({"kernel": jnp.full((1, 2), 3.0)}))
    18.0
    """

    loss: Callable[[Any], Float[Array, ""]]
    flow: Callable[[Any], Float[Array, ""]]
    key: Key[Array, ""]


class Score(Family):
    """How much each weight is worth; those that are worth least are removed. Subclass it for other scores.

    Attributes:
        READS_NUMBERS: whether the score asks for inputs that are numbers, and not tokens.

    >>> jt.optim.Pruned(by="snip").by
    Snip()
    """

    READS_NUMBERS: ClassVar[bool] = False

    @property
    def rounds(self) -> int:
        """In how many rounds weights are removed; the score is computed again before each of them."""
        return 1

    def of(self, params: Any, probe: Probe) -> Any:
        """Gives the score of each parameter, a tree like the parameters; those of parameters that are no kernels are not read.

        Args:
            params: the parameters, zero where weights were removed before.
            probe: what the score may look at.
        """
        raise NotImplementedError


@config("magnitude", rows=["T118"], paper="Han+ 2015")
class Magnitude(Score):
    """A weight is worth its size, |w|.

    >>> Magnitude().of({"kernel": jnp.array([[-2.0, 1.0]])}, None)["kernel"].tolist()
    [[2.0, 1.0]]
    """

    def of(self, params: Any, probe: Probe) -> Any:
        return jax.tree.map(jnp.abs, params)


@config("random", rows=["T118"], paper="Frankle & Carbin 2019")
class RandomScore(Score):
    """Every weight is worth a random number, evenly drawn from [0, 1).

    >>> probe = Probe(None, None, jax.random.key(0))
    >>> RandomScore().of({"kernel": jnp.ones((2, 3))}, probe)["kernel"].shape
    (2, 3)
    """

    def of(self, params: Any, probe: Probe) -> Any:
        def draw(path: Any, w: Array) -> Array:
            return jax.random.uniform(rng.stream(probe.key, jax.tree_util.keystr(path)), w.shape, w.dtype)

        return jax.tree_util.tree_map_with_path(draw, params)


@config("snip", rows=["T118"], paper="Lee+ 2019")
class Snip(Score):
    """A weight is worth how much the loss of the first batch changes to first order without it: |w ∂L/∂w|.

    >>> probe = Probe(lambda w: (w["kernel"] ** 3).sum(), None, None)
    >>> Snip().of({"kernel": jnp.array([[-2.0, 1.0]])}, probe)["kernel"].tolist()
    [[24.0, 3.0]]
    """

    def of(self, params: Any, probe: Probe) -> Any:
        return jax.tree.map(lambda w, g: jnp.abs(w * g), params, jax.grad(probe.loss)(params))


@config("grasp", rows=["T118"], paper="Wang+ 2020")
class Grasp(Score):
    """A weight is worth how much the squared norm of the gradient falls to first order without it: w (H g), halved.

    g is the gradient of the first batch's loss and H its second derivative. Weights whose removal makes the gradient larger go
    first. The paper also divides logits by 200, and draws the last layer anew; here the loss is the one that is trained.

    >>> probe = Probe(lambda w: (w["kernel"] ** 2).sum(), None, None)
    >>> Grasp().of({"kernel": jnp.array([[-2.0, 1.0]])}, probe)["kernel"].tolist()
    [[16.0, 4.0]]
    """

    def of(self, params: Any, probe: Probe) -> Any:
        def half_square(w: Any) -> Float[Array, ""]:
            return sum((jnp.sum(g**2) for g in jax.tree.leaves(jax.grad(probe.loss)(w))), start=jnp.zeros(())) / 2

        return jax.tree.map(lambda w, change: w * change, params, jax.grad(half_square)(params))


@config("synflow", rows=["T118"], paper="Tanaka+ 2020")
class SynFlow(Score):
    """A weight is worth its share of the flow R from an input of ones through the sizes of all weights: |w| ∂R/∂|w|.

    It reads no data. Weights are removed in many rounds, an even factor in each, so that no layer is emptied.

    Args:
        times: the number of rounds.

    >>> probe = Probe(None, lambda w: (w["kernel"] ** 2).sum(), None)
    >>> SynFlow().of({"kernel": jnp.array([[-2.0, 1.0]])}, probe)["kernel"].tolist()
    [[8.0, 2.0]]
    """

    READS_NUMBERS: ClassVar[bool] = True
    times: Count = 100

    @property
    def rounds(self) -> int:
        return self.times

    def of(self, params: Any, probe: Probe) -> Any:
        sizes = jax.tree.map(jnp.abs, params)
        return jax.tree.map(lambda w, g: w * g, sizes, jax.grad(probe.flow)(sizes))


def check_inputs(score: Score, tokens: bool) -> None:
    """Refuses a score that asks for inputs that are numbers where they are tokens.

    Args:
        score: the score.
        tokens: whether inputs are tokens.

    Raises:
        ConfigError: naming the score.
    """
    if tokens and score.READS_NUMBERS:
        raise ConfigError(f"Pruned.by = {score!r} sends an input of ones through the network, and the data's inputs are tokens.")
