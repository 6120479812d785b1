"""Weights of classes: examples of rare or costly classes count more in the loss."""

from collections.abc import Mapping
from typing import Any, Self

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxtricks.config import ConfigError, Family, NonNegative, config, nearest, rebuild
from jaxtricks.data import Dataset
from jaxtricks.data.arrays import short


class ClassWeights(Family):
    """How much each class counts in the loss; `{"spam": 5.0}` is short for `Named`.

    With the weights w of the classes, and e of the examples, the loss of a batch is `Σ_i e_i w_{y_i} loss_i/Σ_i e_i w_{y_i}`, as
    `torch.nn.CrossEntropyLoss(weight=w)` has it. The weight of an example that mixup blended is blended as well. Metrics count
    all examples alike, so that arms with and without weights are measured by one measure.

    >>> jt.Objective(class_weights={"spam": 5.0}).class_weights
    Named(classes=('spam',), weight=5.0, places=())
    """

    @classmethod
    def coerce(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        given = list(value.values())
        weights = [weight for place, weight in enumerate(given) if weight not in given[:place]]
        if len(weights) != 1:
            raise ConfigError(
                f"Objective.class_weights = {short(value)} holds {len(weights)} numbers; one for some classes is allowed. "
                "Dataset.from_arrays(weights=…) takes one for each class."
            )
        return Named(classes=tuple(map(str, value)), weight=weights[0])

    def fitted(self, data: Dataset) -> Self:
        """Gives the weights with what depends on the data filled in; raises ConfigError for a class that these do not have."""
        return self

    def __call__(self, balance: Float[Array, " classes"]) -> Float[Array, " classes"]:
        """Gives the weight of each class.

        Args:
            balance: `n/(k n_c)` of each class in the restart's training split, see `jaxtricks.data.balance`.
        """
        raise NotImplementedError


@config("balanced", paper="King & Zeng 2001")
class Balanced(ClassWeights):
    """`(n/(k n_c))^power`: n examples in the training split of a restart, n_c of the class, in k classes.

    With power 1 all classes count the same, as with scikit-learn's `class_weight="balanced"`; with 0 all examples do.

    Args:
        power: how much of the imbalance is evened out.

    >>> jt.losses.Balanced(power=0.5)(jnp.array([0.25, 4.0])).tolist()
    [0.5, 2.0]
    """

    power: NonNegative = 1.0

    def __call__(self, balance: Float[Array, " classes"]) -> Float[Array, " classes"]:
        return balance**self.power


@config("named", paper="Elkan 2001")
class Named(ClassWeights):
    """One weight for some classes, and 1 for the others.

    Args:
        classes: the names of the classes.
        weight: the weight of each of them, such as what a mistake there costs.
        places: the numbers of the classes, which `fit` fills in.

    >>> data = jt.Dataset.from_arrays(np.zeros((9, 1)), np.arange(9) % 3, classes=["ham", "spam", "scam"])
    >>> jt.losses.Named(classes=("spam",), weight=5.0).fitted(data)(jnp.ones(3)).tolist()
    [1.0, 5.0, 1.0]
    """

    classes: tuple[str, ...] = ()
    weight: NonNegative = 1.0
    places: tuple[int, ...] = ()

    def fitted(self, data: Dataset) -> Self:
        for name in self.classes:
            if name not in data.classes:
                raise ConfigError(f"Objective.class_weights = {name!r} is no class of {data.name}{nearest(name, data.classes)}")
        return rebuild(self, places=tuple(data.classes.index(name) for name in self.classes))

    def __call__(self, balance: Float[Array, " classes"]) -> Float[Array, " classes"]:
        named = jnp.zeros(balance.shape, bool).at[jnp.asarray(self.places, int)].set(True)
        return jnp.where(named, jnp.asarray(self.weight, balance.dtype), 1)
