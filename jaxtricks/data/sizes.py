"""What a number of examples can show: the interval of an accuracy, the difference between two models, the luck of the best.

Pure functions of numbers. They take examples to be drawn independently of each other, as those of one group or one text are not.
"""

import math

import numpy as np
import scipy

from jaxtricks.statistics import Interval

ACCURACIES = (0.5, 0.9, 0.95, 0.99)  # for which a data set's sizes are said
DISAGREEMENTS = (0.2, 0.1, 0.05, 0.02)  # shares of examples on which one of two models is right and the other is wrong


def accuracy_interval(accuracy: float, examples: int, confidence: float = 0.95) -> Interval:
    """Wilson's interval of an accuracy: where the accuracy on all data of the kind lies, given that on some examples.

    `(a + z²/2n ± z √(a (1 − a) / n + z²/4n²)) / (1 + z²/n)`. It never leaves [0, 1], and on average over accuracies it covers as
    often as it says.

    Args:
        accuracy: the share of examples that are right, in [0, 1].
        examples: their number n.
        confidence: a share in (0, 1).

    Raises:
        ValueError: for an argument outside of these bounds.

    Paper: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    >>> low, high = accuracy_interval(0.9, 10_000)
    >>> f"{low:.2%} to {high:.2%}"
    '89.40% to 90.57%'
    """
    _check(0 <= accuracy <= 1, "accuracy", accuracy)
    square = _z((1 + _share("confidence", confidence)) / 2) ** 2 / _count(examples)
    middle = (accuracy + square / 2) / (1 + square)
    half = math.sqrt(square * (accuracy * (1 - accuracy) + square / 4)) / (1 + square)
    return Interval(max(middle - half, 0.0), min(middle + half, 1.0))


def detectable(examples: int, disagreement: float, confidence: float = 0.95, power: float = 0.8) -> float:
    """The smallest difference of accuracy between two models that one set of examples shows in most cases, by McNemar's test.

    On a share d of the examples one of the two is right and the other is wrong; on all others they are both right or both wrong,
    which tells nothing. The difference δ is found with the stated power where `δ √n = z₁₋α/₂ √d + z_power √(d − δ²)`. It is about
    2.8 √(d / n) for 4 times of 5. A difference cannot be larger than d.

    Args:
        examples: their number n; both models are tested on all of them.
        disagreement: the share d, in (0, 1]. Of two models with accuracy a whose errors have nothing to do with each other, it is
            2 a (1 − a).
        confidence: 1 − α, a share in (0, 1).
        power: how often a true difference of this size is found, a share in (0, 1).

    Returns:
        The difference, a share of the examples; nan where n examples do not show any difference that is possible.

    Raises:
        ValueError: for an argument outside of these bounds.

    Paper: Connor, "Sample size for testing differences in proportions for the paired-sample design", Biometrics 43, 1987.

    >>> f"{detectable(10_000, disagreement=0.05):.2%}"
    '0.63%'
    """
    _check(0 < disagreement <= 1, "disagreement", disagreement)
    n = _count(examples)
    false = _z((1 + _share("confidence", confidence)) / 2) * math.sqrt(disagreement)
    missed = _z(_share("power", power))
    # The larger root of (δ √n − false)² = missed² (d − δ²); at a power below a half it is the smaller one.
    a, b, c = n + missed**2, false * math.sqrt(n), false**2 - missed**2 * disagreement
    root = math.sqrt(max(b * b - a * c, 0.0))
    found = (b + math.copysign(root, missed)) / a
    return found if found <= disagreement else math.nan


def luck_of_the_best(examples: int, models: int, accuracy: float = 0.5) -> float:
    """How much better than it is the best of several equally good models looks on a test set, by luck alone.

    It is the expected maximum of k binomial shares, `Σₘ (1 − F(m)ᵏ) / n`, minus the accuracy: about
    `√(2 a (1 − a) ln k / n)`, which is `√(ln k / 2n)` at an accuracy of one half. Errors of the models are taken to be
    independent; models that are wrong on the same examples share their luck, and the best of them has less.

    Args:
        examples: the size n of the test set.
        models: how many were tried on it, k.
        accuracy: what each of them has on all data of the kind, in [0, 1].

    Raises:
        ValueError: for an argument outside of these bounds.

    Paper: Blum & Hardt, "The ladder", ICML 2015.

    >>> f"{luck_of_the_best(10_000, models=100):.2%}"
    '1.25%'
    """
    _check(0 <= accuracy <= 1, "accuracy", accuracy)
    n = _count(examples)
    _check(models >= 1, "models", models)
    below = scipy.stats.binom.cdf(np.arange(n), n, accuracy)  # all of them are at most 0, …, n − 1
    return max(float(np.sum(1 - below**models)) / n - accuracy, 0.0)


def error_interval(examples: int, confidence: float = 0.95) -> float:
    """Half of the width of the interval of a mean squared error, as a share of that error, for normal residuals: `z √(2/n)`.

    Args:
        examples: their number n.
        confidence: a share in (0, 1).

    Raises:
        ValueError: for an argument outside of these bounds.

    >>> f"{error_interval(10_000):.1%}"
    '2.8%'
    """
    return _z((1 + _share("confidence", confidence)) / 2) * math.sqrt(2 / _count(examples))


def _z(share: float) -> float:
    return float(scipy.special.ndtri(share))


def _share(name: str, value: float) -> float:
    _check(0 < value < 1, name, value)
    return value


def _count(examples: int) -> int:
    _check(examples >= 1, "examples", examples)
    return examples


def _check(fine: bool, name: str, value: float) -> None:
    if not fine:
        raise ValueError(f"{name} = {value!r} is out of bounds.")
