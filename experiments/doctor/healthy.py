"""Sixty healthy experiments: what a careful user would write, over small data sets, models of each family, and usual rules.

Each is healthy by a criterion without the doctor, see `experiments.doctor.health`, which was checked once with plain fits before
the doctor saw any of them.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jaxtricks as jt
from experiments.doctor import sets
from experiments.doctor.patient import Patient


class Row(NamedTuple):
    """A healthy experiment.

    Args:
        data: loads its data set.
        model: what is trained.
        rule: how.
        batch: examples of a step.
        epochs: passes over the training split.
        changes: dotted path → another value than the default one.
    """

    data: Callable[[], jt.Dataset]
    model: Any
    rule: jt.optim.Rule
    batch: int
    epochs: int
    changes: Mapping[str, Any] = {}

    def make(self) -> tuple[jt.Experiment, jt.Dataset]:
        """The experiment and its data."""
        base = jt.Experiment(model=self.model, optimizer=jt.Optimizer(rule=self.rule), batch_size=self.batch, epochs=self.epochs)
        return base.replace(self.changes), self.data()


def mlp(*widths: int, **options: Any) -> jt.MLP:
    """A fully connected network of these widths."""
    return jt.MLP(widths=widths, **options)


def adam(rate: float) -> jt.Adam:
    """Adam at a rate."""
    return jt.Adam(learning_rate=rate)


def adamw(rate: float) -> jt.AdamW:
    """AdamW at a rate, with its usual decay."""
    return jt.AdamW(learning_rate=rate)


def rms(rate: float) -> jt.optim.RMSProp:
    """RMSProp at a rate."""
    return jt.optim.RMSProp(learning_rate=rate)


def ball(rate: float) -> jt.Momentum:
    """The heavy ball at a rate."""
    return jt.Momentum(learning_rate=rate)


def sgd(rate: float) -> jt.SGD:
    """Plain steps at a rate."""
    return jt.SGD(learning_rate=rate)


def lstm(*widths: int) -> jt.RNN:
    """A recurrent network of LSTM cells, for words of 8 numbers each."""
    return jt.RNN(widths=widths, embedding=8)


def gru(*widths: int) -> jt.RNN:
    """A recurrent network of GRU cells, for words of 8 numbers each."""
    return jt.RNN(widths=widths, embedding=8, cell=jt.nn.GRU())


SMOOTH = {"objective.loss": jt.losses.CrossEntropy(label_smoothing=0.1)}

ROWS = (
    Row(sets.digits, mlp(32), adam(3e-3), 32, 20),
    Row(sets.digits, mlp(64, 64), adamw(2e-3), 32, 20),
    Row(sets.digits, mlp(32), ball(0.03), 32, 20),
    Row(sets.digits, mlp(32), sgd(0.3), 32, 20),
    Row(sets.digits, mlp(32), rms(3e-3), 32, 20),
    Row(sets.digits, mlp(64, dropout=0.2), adam(3e-3), 32, 25),
    Row(sets.digits, mlp(32, 32, normalization="batch"), ball(0.03), 32, 20),
    Row(sets.digits, mlp(32), adam(5e-3), 32, 20, {"objective.l2": 1e-3}),
    Row(sets.digits, mlp(), adam(1e-2), 32, 20),
    Row(sets.digits, mlp(32), adam(5e-3), 32, 20, SMOOTH),
    Row(sets.digits, mlp(32, activation="tanh"), adam(3e-3), 32, 20),
    Row(sets.digits, mlp(32, activation="gelu"), adam(1e-2), 32, 20, {"optimizer.schedule": "warmup_cosine"}),
    Row(sets.digits, mlp(32, normalization="layer"), adamw(5e-3), 32, 20),
    Row(sets.digits, jt.CNN(channels=(8, 16)), adam(5e-3), 32, 15),
    Row(sets.digits, jt.CNN(channels=(16,)), ball(0.03), 32, 15),
    Row(sets.digits, jt.CNN(channels=(8, 16), normalization=jt.nn.BatchNorm()), adam(5e-3), 32, 15),
    Row(sets.rows, lstm(32), adam(3e-2), 32, 25),
    Row(sets.rows, gru(32), rms(5e-3), 32, 25),
    Row(sets.digits, mlp(32), adam(5e-3), 32, 20, {"inputs": "unit"}),
    Row(sets.digits, mlp(64), adam(3e-3), 32, 30, {"stopping": jt.EarlyStopping()}),
    Row(sets.iris, mlp(16), adam(1e-2), 16, 30),
    Row(sets.iris, mlp(16), sgd(0.1), 8, 30),
    Row(sets.iris, mlp(16, 16, activation="tanh"), ball(0.02), 16, 30),
    Row(sets.wine, mlp(16), adam(1e-2), 16, 20),
    Row(sets.wine, mlp(32, dropout=0.2), rms(5e-3), 16, 20),
    Row(sets.wine, mlp(), sgd(0.1), 16, 20),
    Row(sets.cancer, mlp(16), adam(3e-3), 32, 15),
    Row(sets.cancer, mlp(32), ball(0.01), 32, 15),
    Row(sets.cancer, mlp(), adamw(1e-2), 32, 15),
    Row(sets.cancer, mlp(16), sgd(0.1), 32, 15, {"objective.l2": 1e-3}),
    Row(sets.cancer, mlp(32, 32, normalization="batch"), adam(3e-3), 32, 10),
    Row(sets.cancer, mlp(16), adam(3e-3), 32, 15, {"objective.class_weights": "balanced"}),
    Row(sets.diabetes, mlp(), adam(2e-2), 32, 20),
    Row(sets.diabetes, mlp(16), adamw(5e-3), 32, 15, {"objective.l2": 1e-2}),
    Row(sets.diabetes, mlp(16, dropout=0.2), ball(0.005), 32, 20),
    Row(sets.friedman, mlp(32), adam(1e-2), 16, 30),
    Row(sets.friedman, mlp(32, 32), ball(0.01), 16, 30),
    Row(sets.friedman, mlp(32), rms(5e-3), 16, 30),
    Row(sets.friedman, mlp(64), sgd(0.1), 16, 30),
    Row(sets.line, mlp(), sgd(0.05), 16, 20),
    Row(sets.line, mlp(16), adam(1e-2), 16, 20),
    Row(sets.wave, mlp(32, 32, activation="tanh"), adam(1e-2), 16, 30),
    Row(sets.point, mlp(32), adam(1e-2), 16, 30),
    Row(sets.point, mlp(32), ball(0.03), 16, 30),
    Row(sets.blobs, mlp(16), adam(1e-2), 16, 20),
    Row(sets.blobs, mlp(16), sgd(0.1), 16, 20),
    Row(sets.moons, mlp(16, 16), adam(1e-2), 16, 30),
    Row(sets.moons, mlp(32), ball(0.1), 16, 30),
    Row(sets.tags, mlp(32), adam(5e-3), 16, 20),
    Row(sets.tags, mlp(), ball(0.1), 16, 20),
    Row(sets.tags, mlp(32), rms(5e-3), 16, 20),
    Row(sets.tones, lstm(16), adam(1e-2), 16, 20),
    Row(sets.tones, gru(16), adam(1e-2), 16, 20),
    Row(sets.tones, jt.TCN(channels=(8, 8)), adam(1e-2), 16, 15),
    Row(sets.words, lstm(16), adam(1e-2), 16, 20),
    Row(sets.words, jt.Transformer(layers=1, width=16, heads=2, hidden=32, context=16, causal=False), adam(3e-3), 16, 20),
    Row(sets.reviews, mlp(), adam(3e-3), 32, 10),
    Row(sets.fashion, mlp(64), adam(2e-3), 32, 15),
    Row(sets.fashion, jt.CNN(channels=(8, 16)), adam(3e-3), 32, 15),
    Row(sets.mnist, jt.CNN(channels=(8, 16)), adam(3e-3), 32, 15),
)


def patients() -> list[Patient]:
    """The healthy experiments, counted from 0.

    >>> len(patients()), patients()[0].name
    (60, 'healthy 0')
    """
    return [Patient(f"healthy {number}", "healthy", number, frozenset(), row.make) for number, row in enumerate(ROWS)]
