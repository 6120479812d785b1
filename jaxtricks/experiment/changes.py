"""Labels and inputs that members have in place of the data's: noise and permutations, fixed for a whole run."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Int, Int32

from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset
from jaxtricks.data.labels import Labels
from jaxtricks.experiment.written import Written


@dataclass(frozen=True, eq=False)
class LabelChange(Written):
    """A way to change the labels that a member trains on; those of all other examples stay."""

    def labels(self, data: Dataset, train: Int[np.ndarray, " train"], generator: np.random.Generator) -> Labels:
        """The labels of the whole pool, changed where a member trains.

        Args:
            data: the data set.
            train: places of the member's training examples, [train].
            generator: of random numbers.

        Raises:
            ConfigError: where the data's labels cannot be changed so.
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class NoisyLabels(LabelChange):
    """Wrong labels: of a share of the training examples, another class drawn evenly from all others; 0 ↔ 1 of several labels.

    >>> digits = jt.load("digits").subset(100, seed=0)
    >>> train = digits.split(0).train
    >>> labels = NoisyLabels(0.25).labels(digits, train, np.random.default_rng(0))
    >>> int((labels != digits.y).sum()), len(train)
    (20, 80)

    Args:
        share: of the training examples, rounded to a number of examples; in (0, 1].
    """

    NAME: ClassVar[str] = "noisy"
    share: float

    def __post_init__(self) -> None:
        if isinstance(self.share, bool) or not isinstance(self.share, float | int) or not 0 < self.share <= 1:
            raise ConfigError(f"NoisyLabels.share = {self.share!r} is not a share above 0, up to 1.")

    def labels(self, data: Dataset, train: Int[np.ndarray, " train"], generator: np.random.Generator) -> Labels:
        count = round(self.share * len(train))
        if not count:
            raise ConfigError(f"NoisyLabels.share = {self.share} of {len(train)} training examples is none; more is allowed.")
        changed, labels = generator.permutation(train)[:count], data.y.copy()
        labels[changed] = data.kind.others(data.name, data.y[changed], len(data.classes), generator)
        return labels


@dataclass(frozen=True, eq=False)
class RandomLabels(LabelChange):
    """Partially corrupted labels: each one of the training examples becomes a random class with a probability (Zhang+ 2017).

    The random class is drawn evenly from all, the true one among them, so that with k classes a share `p (1 - 1/k)` of the labels
    is wrong on average; `NoisyLabels` takes an exact share of examples, and always another class. Which examples are drawn, and
    what they get, depends on the seed alone: those that a probability changes, a larger one changes too, and to the same class.

    >>> digits = jt.load("digits").subset(100, seed=0)
    >>> train = digits.split(0).train
    >>> labels = RandomLabels(0.5).labels(digits, train, np.random.default_rng(0))
    >>> int((labels != digits.y).sum()), len(train)  # 0.5 · 0.9 · 80 = 36 on average
    (36, 80)

    Args:
        probability: of each example on its own, in [0, 1]; at 0 the labels are those of the data, at 1 they mean nothing.
        classes: random labels are drawn from so many classes, the first ones; None: from all that the data have.

    Paper: Zhang, Bengio, Hardt, Recht and Vinyals, "Understanding deep learning requires rethinking generalization", ICLR 2017.
    """

    NAME: ClassVar[str] = "random"
    probability: float
    classes: int | None = None

    def __post_init__(self) -> None:
        given, classes = self.probability, self.classes
        if isinstance(given, bool) or not isinstance(given, float | int) or not 0 <= given <= 1:
            raise ConfigError(f"RandomLabels.probability = {given!r} is not a probability from 0 to 1.")
        if classes is not None and (isinstance(classes, bool) or not isinstance(classes, int) or classes < 2):
            raise ConfigError(f"RandomLabels.classes = {classes!r} is not an integer >= 2, or None for all classes.")

    def labels(self, data: Dataset, train: Int[np.ndarray, " train"], generator: np.random.Generator) -> Labels:
        have = len(data.classes)
        if self.classes is not None and not data.kind.per_class:
            raise ConfigError(
                f"RandomLabels.classes = {self.classes} is for labels that are classes, and {data.name} has "
                f"{data.kind.words(have)}; None is allowed."
            )
        if self.classes is not None and self.classes > have:
            raise ConfigError(
                f"RandomLabels.classes = {self.classes} is more than the {have} of {data.name}; 2 to {have} are allowed."
            )
        drawn = data.kind.random(data.name, data.y[train], self.classes or have, generator)
        changed, labels = generator.random(len(train)) < self.probability, data.y.copy()
        labels[train[changed]] = drawn[changed]
        return labels


@dataclass(frozen=True, eq=False)
class PermutedLabels(LabelChange):
    """Labels without meaning: those of the training examples, dealt out among them at random (Zhang+ 2017).

    What is learnt of them is by heart, and validation finds chance.

    >>> digits = jt.load("digits").subset(100, seed=0)
    >>> train = digits.split(0).train
    >>> labels = PermutedLabels().labels(digits, train, np.random.default_rng(0))
    >>> bool(np.array_equal(np.bincount(labels[train]), np.bincount(digits.y[train])))
    True
    """

    NAME: ClassVar[str] = "permuted"

    def labels(self, data: Dataset, train: Int[np.ndarray, " train"], generator: np.random.Generator) -> Labels:
        labels = data.y.copy()
        labels[train] = data.y[generator.permutation(train)]
        return labels


@dataclass(frozen=True, eq=False)
class InputChange(Written):
    """A way to change the inputs that a member sees, of all examples alike."""

    def features(self, data: Dataset, generator: np.random.Generator) -> Int32[np.ndarray, " features"]:
        """Which feature stands at each place, with an example's axes laid out as one.

        Args:
            data: the data set.
            generator: of random numbers.

        Raises:
            ConfigError: where the data's inputs cannot be changed so.
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class PermutedInputs(InputChange):
    """The features of every input in another order, the same for all examples of a member: what lies side by side no longer does.

    >>> digits = jt.load("digits").subset(100, seed=0)
    >>> PermutedInputs().features(digits, np.random.default_rng(0)).shape
    (64,)
    """

    NAME: ClassVar[str] = "permuted"

    def features(self, data: Dataset, generator: np.random.Generator) -> Int32[np.ndarray, " features"]:
        if data.vocabulary is not None or data.lengths is not None:
            kind = "tokens" if data.vocabulary is not None else "padded sequences"
            raise ConfigError(f"Seeds.inputs = PermutedInputs permutes features, and {data.name} holds {kind}; None is allowed.")
        return generator.permutation(math.prod(data.shape)).astype(np.int32)
