"""What a planted kind of fault is, and the healthy experiments that faults are planted in."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jaxtricks as jt
from experiments.doctor import sets
from experiments.doctor.healthy import Row, adam, ball, gru, lstm, mlp, sgd
from experiments.doctor.planted.wired import Wired
from jaxtricks.diagnose.causes import Cause

Plant = Callable[[], tuple[jt.Experiment, jt.Dataset]]

DIGITS = Row(sets.digits, mlp(32), adam(5e-3), 32, 20)
DIGITS_SGD = Row(sets.digits, mlp(32), sgd(0.3), 32, 20)
DIGITS_BALL = Row(sets.digits, mlp(32), ball(0.03), 32, 20)
IMAGES = Row(sets.digits, jt.CNN(channels=(8, 16)), adam(5e-3), 32, 15)
CANCER = Row(sets.cancer, mlp(16), adam(3e-3), 32, 15)
CANCER_SGD = Row(sets.cancer, mlp(16), sgd(0.1), 32, 15)
WINE = Row(sets.wine, mlp(16), adam(1e-2), 16, 20)
IRIS = Row(sets.iris, mlp(16), adam(1e-2), 16, 30)
BLOBS = Row(sets.blobs, mlp(16), adam(1e-2), 16, 20)
MOONS = Row(sets.moons, mlp(32), ball(0.1), 16, 30)
TAGS = Row(sets.tags, mlp(32), adam(5e-3), 16, 20)
FRIEDMAN = Row(sets.friedman, mlp(32), adam(1e-2), 16, 30)
FRIEDMAN_BALL = Row(sets.friedman, mlp(32, 32), ball(0.01), 16, 30)
LINE = Row(sets.line, mlp(16), adam(1e-2), 16, 20)
WAVE = Row(sets.wave, mlp(32, 32, activation="tanh"), adam(1e-2), 16, 30)
DIABETES = Row(sets.diabetes, mlp(16), adam(5e-3), 32, 15)
TONES = Row(sets.tones, lstm(16), adam(1e-2), 16, 20)
TONES_GRU = Row(sets.tones, gru(16), adam(1e-2), 16, 20)
WORDS = Row(sets.words, lstm(16), adam(1e-2), 16, 20)
FASHION = Row(sets.fashion, mlp(64), adam(2e-3), 32, 15)


class Kind(NamedTuple):
    """A kind of fault, planted in three healthy experiments.

    Args:
        number: of the kind.
        words: what is wrong.
        causes: of which one is to be named, written down before the doctor saw any of them.
        plants: each builds one faulty experiment and its data.
    """

    number: int
    words: str
    causes: frozenset[Cause]
    plants: tuple[Plant, Plant, Plant]


def kind(number: int, words: str, causes: set[Cause], *plants: Plant) -> Kind:
    """A kind; raises ValueError for other than three plants."""
    first, second, third = plants
    return Kind(number, words, frozenset(causes), (first, second, third))


def changed(row: Row, changes: Mapping[str, Any]) -> Plant:
    """A healthy experiment with settings changed."""

    def plant() -> tuple[jt.Experiment, jt.Dataset]:
        experiment, data = row.make()
        return experiment.replace(changes), data

    return plant


def spoilt(row: Row, spoil: Callable[[jt.Dataset], jt.Dataset], changes: Mapping[str, Any] | None = None) -> Plant:
    """A healthy experiment whose data are spoilt, with settings changed besides.

    Args:
        row: the healthy one.
        spoil: gives other data.
        changes: dotted path → value; None: none.
    """

    def plant() -> tuple[jt.Experiment, jt.Dataset]:
        experiment, data = row.make()
        return experiment.replace(changes or {}), spoil(data)

    return plant


def wired(row: Row, changes: Mapping[str, Any] | None = None, **parts: Any) -> Plant:
    """A healthy experiment with a network of a user's own that is wired wrongly.

    Args:
        row: the healthy one.
        changes: dotted path → value, beside the model; None: none.
        parts: those of `Wired` that are wrong.
    """

    def plant() -> tuple[jt.Experiment, jt.Dataset]:
        experiment, data = row.make()
        outputs = parts.get("outputs", data.y.shape[1] if data.y.ndim > 1 else len(data.classes))
        model = Wired(**({"widths": (32,)} | parts | {"outputs": outputs}))
        return experiment.replace({"model": model, **(changes or {})}), data

    return plant
