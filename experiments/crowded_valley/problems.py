"""Eight small problems: a quadratic, an autoencoder, values, a recurrent network, and four kinds of networks that classify."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

import jaxtricks as jt
from experiments.lr_range.tasks import friedman_3, reviews

Measured = Literal["accuracy", "squared"]


@dataclass(frozen=True)
class Problem:
    """What is trained, and by what it is judged.

    Args:
        experiment: all but the optimizer.
        data: loads the data set.
        measured: the validation metric after the last epoch: accuracy, or the squared error.
        like: the problem of the paper that it stands for.
    """

    experiment: jt.Experiment
    data: Callable[[], jt.Dataset]
    measured: Measured
    like: str

    @property
    def higher(self) -> bool:
        """Whether more of the measure is better."""
        return self.measured == "accuracy"

    def floor(self, data: jt.Dataset) -> float:
        """What a constant answer comes to: the share of the most frequent class, or the variance, in the measure's units.

        Args:
            data: its data set.
        """
        y = np.asarray(data.y)
        if self.higher:
            return float(np.bincount(y.reshape(-1)).max() / y.size)
        return float(y.reshape(len(y), -1).var(axis=0).mean())


def quadratic() -> jt.Dataset:
    """Values linear in 50 inputs; nine tenths of the Hessian's eigenvalues lie in (0, 1), the others in (30, 60)."""
    draw = np.random.default_rng(0)
    few = 5
    spectrum = np.concatenate([draw.uniform(0, 1, 50 - few), draw.uniform(30, 60, few)]) / 2
    turn, _ = np.linalg.qr(draw.normal(size=(50, 50)))
    x = draw.normal(size=(600, 50)) * np.sqrt(spectrum) @ turn
    return jt.Dataset.from_arrays(x, x @ draw.normal(size=50) / np.sqrt(50) + draw.normal(0, 0.1, 600), name="quadratic")


def autoencoder() -> jt.Dataset:
    """Handwritten digits of 8×8 pixels in [0, 1], to be given back as they are."""
    digits = jt.load("digits")
    x = np.asarray(digits.x, np.float32).reshape(len(digits), -1) / 16
    return jt.Dataset.from_arrays(x, x, name="autoencoder", task="values")


def small(name: str) -> jt.Dataset:
    """1 500 images of a data set, averaged over squares of 2×2 pixels."""
    data = jt.load(name).subset(1_500, seed=0)
    x = np.asarray(data.x, np.float32).reshape(len(data), 14, 2, 14, 2).mean(axis=(2, 4)) / 255
    return jt.Dataset.from_arrays(x[..., None], np.asarray(data.y), name=f"small {name}")


def letters() -> jt.Dataset:
    """800 sequences of 16 characters, of which each next one is to be predicted."""
    text = jt.load("tiny_shakespeare", text=jt.Text("char", length=16)).subset(800, seed=0)
    x, y = np.asarray(text.x)[:800], np.asarray(text.y)[:800]
    return jt.Dataset.from_arrays(x, y, name="letters", vocabulary=text.vocabulary)


def _trained(model: object, batch: int, epochs: int) -> jt.Experiment:
    return jt.Experiment(model=model, batch_size=batch, epochs=epochs)


def _values(model: object, epochs: int) -> jt.Experiment:
    """Values in their own units, so that the squared error is in them too."""
    return _trained(model, 32, epochs).replace({"targets": jt.experiment.RawTargets()})


def _raw(model: object, epochs: int) -> jt.Experiment:
    return _values(model, epochs).replace({"inputs": jt.experiment.Raw()})


_deep = jt.MLP(widths=(24,) * 4, normalization=jt.nn.BatchNorm())
_coded = jt.MLP(widths=(24, 12, 24), activation=jt.nn.Tanh())

PROBLEMS: dict[str, Problem] = {
    "quadratic": Problem(_raw(jt.MLP(widths=()), 60), quadratic, "squared", "quadratic deep"),
    "autoencoder": Problem(_raw(_coded, 30), autoencoder, "squared", "VAE on MNIST"),
    "fashion": Problem(
        _trained(jt.MLP(widths=(32,)), 32, 20), functools.partial(small, "fashion_mnist"), "accuracy", "2c2d on Fashion-MNIST"
    ),
    "convolution": Problem(
        _trained(jt.CNN(channels=(4, 8)), 16, 12),
        lambda: jt.load("digits").subset(1_000, seed=0),
        "accuracy",
        "3c3d on CIFAR-10",
    ),
    "values": Problem(_values(jt.MLP(widths=(32,), activation=jt.nn.Tanh()), 40), friedman_3, "squared", "VAE on Fashion-MNIST"),
    "normalized": Problem(
        _trained(_deep, 32, 12), functools.partial(small, "mnist"), "accuracy", "All-CNN-C on CIFAR-100, WRN-16-4 on SVHN"
    ),
    "reviews": Problem(_trained(jt.MLP(widths=()), 32, 8), reviews, "accuracy", "none: a convex one with sparse inputs"),
    "letters": Problem(
        _trained(jt.RNN(widths=(16,), embedding=8), 16, 12), letters, "accuracy", "character RNN on War and Peace"
    ),
}
