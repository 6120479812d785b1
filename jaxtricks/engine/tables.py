"""Tables that members share, on the host or on the devices once, and each member's numbers in them."""

from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float, Int, Num

from jaxtricks.data.principal import Principal
from jaxtricks.experiment.sampling import Sampling
from jaxtricks.objectives.scaling import Scaling
from jaxtricks.restart.member import Member
from jaxtricks.restart.phase import Shared


class Numbers(NamedTuple):
    """What sets a member apart, beside its experiment's floats; of many members with a leading axis [members].

    Args:
        seed: the restart's number, [].
        split: its row in the tables, [].
        weights: the seed of its initial weights, [], where that is not its own; None: its own.
        order: the same of its order of examples.
        masks: the same of its masks and augmentation.
    """

    seed: Int[Array, ""]
    split: Int[Array, ""]
    weights: Int[Array, ""] | None = None
    order: Int[Array, ""] | None = None
    masks: Int[Array, ""] | None = None

    @classmethod
    def of(cls, sampling: Sampling) -> "Numbers":
        """Those of all members of a sampling, on the host."""
        arrays: Any = (sampling.seeds, sampling.split, sampling.weights, sampling.order, sampling.masks)
        return cls(*arrays)


class Tables(NamedTuple):
    """What members choose from by their numbers; every row is there once.

    Args:
        train: positions of the training examples in the pool, [splits, train].
        validation: positions of the validation examples, [splits, validation].
        shift: subtracted from inputs, [splits, ...].
        scale: what inputs are divided by, [splits, ...].
        labels: of the whole pool, as a member trains on them, [splits, examples, ...]; None: the data's.
        features: which feature of a scaled input stands at each place, [splits, features]; None: as the data have them.
        targets: of the values that are learnt, [splits, outputs]; None: labels are learnt as they are stored.
        balance: how rare each class is among the training labels, [splits, classes]; None: not asked for.
        fill: what stands for a missing number of an input, [splits, ...]; None: no number is missing.
        principal: what scaled inputs are turned by, of each split; None: they are not.
        rarity: as `balance`, but largest for classes that are not among the training labels; None: not asked for.
    """

    train: Int[Array, "splits train"]
    validation: Int[Array, "splits validation"]
    shift: Float[Array, "splits ..."]
    scale: Float[Array, "splits ..."]
    labels: Num[Array, "splits examples ..."] | None = None
    features: Int[Array, "splits features"] | None = None
    targets: Scaling | None = None
    balance: Float[Array, "splits classes"] | None = None
    fill: Float[Array, "splits ..."] | None = None
    principal: Principal | None = None
    rarity: Float[Array, "splits classes"] | None = None

    def member(self, numbers: Numbers) -> Member:
        """The member of some numbers with its rows; of many numbers, all of them with a leading axis [members]."""
        rows: Tables = jax.tree.map(lambda table: table[numbers.split], self)
        seeds = (numbers.weights, numbers.order, numbers.masks)
        first = (numbers.seed, rows.train, rows.validation, rows.shift, rows.scale, *seeds)
        others = (rows.labels, rows.features, rows.targets, rows.balance, rows.fill, rows.principal, rows.rarity)
        return Member(*first, *others)


class DeviceData(NamedTuple):
    """What the devices hold for all members.

    Args:
        shared: the data, or where these stay on the host their labels and lengths.
        tables: which examples members may see, and how their inputs are scaled.
    """

    shared: Shared
    tables: Tables
