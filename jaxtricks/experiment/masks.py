"""Predictions averaged over masks where a model is evaluated."""

import jax
from jaxtyping import Array, Int, Key

from jaxtricks import rng
from jaxtricks.config import Count, config


@config()
class MonteCarlo:
    """Predictions averaged over dropout's masks at test: `p(y|x) = 1/k Σ_j p(y|x, m_j)`, with masks m_j drawn as in training.

    All else is as it is at test, such as batch norm's averages. A model that carries a state through a text carries one for each
    pass. Masks are those of dropout and variational dropout, of single weights, of update vectors, zoneout's and those of a
    network whose weights are masked. (T069; Gal & Ghahramani 2016)

    Args:
        passes: k, the number of masks of each prediction, each a forward pass.
        seed: of the masks, together with the restart's own seed.

    >>> jt.evaluate.MonteCarlo(passes=50)
    MonteCarlo(passes=50, seed=0)
    """

    passes: Count = 20
    seed: int = 0

    def keys(self, key: Key[Array, ""], batch: Int[Array, ""]) -> Key[Array, " passes"]:
        """The keys of the masks of a batch, a key for each pass.

        Args:
            key: of a restart's masks.
            batch: the number of the batch.
        """
        own = rng.stream(key, "masks at test", self.seed)
        return jax.random.split(jax.random.fold_in(own, batch), self.passes)
