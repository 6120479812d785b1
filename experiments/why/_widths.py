"""Networks of one hidden layer from few units to many, on small pictures with some wrong labels.

Each width is a program of its own: masking the units of one wide network saves compiling, and costs more than that where training
is as long as here, by the figures of `experiments.speed.widths`.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float, Int

import jaxtricks as jt
from experiments.why._apart import Apart, apart
from jaxtricks.data.labels import Labels
from jaxtricks.evaluate.claim import Scale
from jaxtricks.experiment import NoisyLabels
from jaxtricks.experiment.changes import LabelChange


@dataclass(frozen=True, eq=False)
class SomeWrong(LabelChange):
    """`NoisyLabels` of a share that may be 0, so that all shares are one program.

    Args:
        share: of the training examples, in [0, 1].
    """

    NAME: ClassVar[str] = "some_wrong"
    share: float

    def labels(self, data: jt.Dataset, train: Int[np.ndarray, " train"], generator: np.random.Generator) -> Labels:
        return NoisyLabels(self.share).labels(data, train, generator) if self.share else data.y.copy()


def pooled(pictures: jt.Dataset, side: int) -> jt.Dataset:
    """Pictures of `side` × `side` pixels, the means of squares of pixels of larger ones, in [0, 1]."""
    block = pictures.x.shape[1] // side
    x = pictures.x.reshape(len(pictures), side, block, side, block).mean(axis=(2, 4)) / pictures.scale
    return jt.Dataset.from_arrays(x.astype(np.float32), pictures.y, name=pictures.name, classes=pictures.classes)


def small_pictures(scale: Scale) -> jt.Dataset:
    """MNIST's images of 7 × 7 means of pixels, or digits of 4 × 4 at smoke scale; images of its own for each restart."""
    name, side = scale.pick(smoke=("digits", 4), cpu=("mnist", 7), full=("mnist", 7))
    train, other = scale.pick(smoke=(30, 20), cpu=(1_000, 250), full=(1_000, 250))
    return apart(scale, pooled(jt.load(name), side), train, other)


def network(scale: Scale, width: int, rate: float, epochs: int) -> jt.Experiment:
    """One hidden layer of ReLU, trained by Adam at a constant rate on batches of 100."""
    optimizer = jt.Optimizer(rule=jt.Adam(learning_rate=rate))
    batch = scale.pick(smoke=10, cpu=100, full=100)
    return jt.Experiment(model=jt.MLP(widths=(width,)), optimizer=optimizer, batch_size=batch, epochs=epochs)


def trained(experiment: jt.Experiment, data: jt.Dataset, scale: Scale, share: float) -> jt.Runs:
    """Restarts with images of their own, of which a share has a wrong label in training; other images keep theirs."""
    return jt.fit(experiment, data, seeds=jt.Seeds(scale.restarts, examples=Apart(scale.seeds), labels=SomeWrong(share)))


class Turns(NamedTuple):
    """By how much an error falls, rises and falls again; each [seeds], negative where it goes the other way.

    Args:
        first: the fall to where the rise begins.
        rise: the largest rise.
        fall: the fall from its end to the last place.
    """

    first: Float[np.ndarray, " seeds"]
    rise: Float[np.ndarray, " seeds"]
    fall: Float[np.ndarray, " seeds"]


def turns(errors: Float[np.ndarray, "seeds places"]) -> Turns:
    """By how much an error falls before it rises most, rises there, and falls afterwards, for each restart.

    Where it rises most, from place b to a later place p before the last, is found from the mean of all other restarts, so that
    no restart picks the places by which it is judged. An error that falls all the way has a negative rise, and one that rises all
    the way a negative fall.

    Args:
        errors: three places at least.
    """
    found = []
    for seed, own in enumerate(errors):
        others = np.delete(errors, seed, axis=0).mean(axis=0)[:-1]
        gains = np.where(np.tri(len(others), k=-1, dtype=bool), others[:, None] - others[None], -np.inf)  # [p, b], b before p
        p, b = np.unravel_index(gains.argmax(), gains.shape)
        found.append((own[0] - own[b], own[p] - own[b], own[p] - own[-1]))
    return Turns(*np.array(found).T)
