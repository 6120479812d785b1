"""What is trained: a network for jaxtricks and for PyTorch, random data, batches and epochs."""

import dataclasses
import itertools
from typing import Any, ClassVar

import numpy as np

RATE = 1e-3


@dataclasses.dataclass(frozen=True)
class Work:
    """A network and its data.

    Args:
        pool: examples, a tenth of them to validate on, which each of jaxtricks' restarts draws anew.
        batch: examples a step.
        epochs: passes over the examples that are trained on.
    """

    pool: int
    batch: int
    epochs: int

    CLASSES: ClassVar[int] = 10
    CLIP: ClassVar[float | None] = None

    @property
    def validation(self) -> int:
        """Examples to validate on."""
        return self.pool // 10

    @property
    def train(self) -> int:
        """Examples to train on."""
        return self.pool - self.validation

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.train // self.batch

    def shape(self) -> tuple[int, ...]:
        """An example's."""
        raise NotImplementedError

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Bytes [pool, *shape] and classes [pool]."""
        rng = np.random.default_rng(0)
        x = rng.integers(0, 256, (self.pool, *self.shape())).astype(np.uint8)
        return x, np.arange(self.pool) % self.CLASSES  # as many of each class, so that splits have the same size

    def dataset(self) -> Any:
        """The data for jaxtricks."""
        import jaxtricks as jt

        x, y = self.arrays()
        return jt.Dataset.from_arrays(x, y, validation=self.validation / self.pool)

    def experiment(self) -> Any:
        """What jaxtricks trains."""
        import jaxtricks as jt

        return jt.Experiment(model=self.model(), optimizer=self.optimizer(), batch_size=self.batch, epochs=self.epochs)

    def model(self) -> Any:
        """The network for jaxtricks."""
        raise NotImplementedError

    def optimizer(self) -> Any:
        """What jaxtricks trains it with."""
        import jaxtricks as jt

        return jt.Optimizer(rule=jt.AdamW(learning_rate=RATE))

    def module(self) -> Any:
        """The network for PyTorch; it gives scores, [..., classes], of `inputs`."""
        raise NotImplementedError

    def inputs(self, x: np.ndarray) -> np.ndarray:
        """Examples as PyTorch's network takes them."""
        return ((x - x.mean()) / x.std()).astype(np.float32)

    def stepper(self, parameters: Any, **options: Any) -> Any:
        """PyTorch's optimizer, with options of its own such as `capturable`."""
        import torch

        return torch.optim.AdamW(parameters, lr=RATE, weight_decay=1e-4, **options)


@dataclasses.dataclass(frozen=True)
class Perceptron(Work):
    """A fully connected network.

    Args:
        features: of an example.
        widths: of the hidden layers.
    """

    features: int
    widths: tuple[int, ...]

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each layer."""
        return list(itertools.pairwise((self.features, *self.widths, self.CLASSES)))

    @property
    def weights(self) -> int:
        """How many there are."""
        return sum((inputs + 1) * outputs for inputs, outputs in self.layers)

    @property
    def flop(self) -> int:
        """Of the products in one step: forward and both gradients; that of the inputs is not needed."""
        (inputs, outputs), *_ = self.layers
        return 6 * self.batch * sum(below * above for below, above in self.layers) - 2 * self.batch * inputs * outputs

    @property
    def traffic(self) -> int:
        """Bytes that one step has to move: weights twice, gradients once, and AdamW's seven numbers a weight."""
        return 4 * (2 + 1 + 7) * self.weights

    def shape(self) -> tuple[int, ...]:
        return (self.features,)

    def model(self) -> Any:
        import jaxtricks as jt

        return jt.MLP(widths=self.widths)

    def module(self) -> Any:
        from torch import nn

        layers: list[Any] = []
        for inputs, outputs in self.layers:
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        return nn.Sequential(*layers[:-1])


@dataclasses.dataclass(frozen=True)
class Images(Work):
    """Two convolutions 3×3, each with ReLU and max pooling 2×2, and a linear head.

    Args:
        side: rows and columns of an image.
        channels: of the two convolutions.
    """

    side: int
    channels: tuple[int, int]

    def shape(self) -> tuple[int, ...]:
        return (self.side, self.side, 1)

    def model(self) -> Any:
        import jaxtricks as jt

        return jt.CNN(channels=self.channels)

    def module(self) -> Any:
        from torch import nn

        layers: list[Any] = []
        for inputs, outputs in itertools.pairwise((1, *self.channels)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear((self.side // 4) ** 2 * self.channels[-1], self.CLASSES))

    def inputs(self, x: np.ndarray) -> np.ndarray:
        return np.moveaxis(super().inputs(x), -1, 1)


@dataclasses.dataclass(frozen=True)
class Words(Work):
    """Two layers of LSTM that predict the next word; an example is a window of words.

    Args:
        units: of each layer, and of a word's vector.
        time: words of a window.
        words: different ones.
    """

    units: int
    time: int
    words: int

    CLIP: ClassVar[float | None] = 5.0

    @property
    def validation(self) -> int:
        return self.batch

    def shape(self) -> tuple[int, ...]:
        return (self.time,)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        text = np.random.default_rng(0).zipf(1.3, self.pool * self.time + 1) % self.words
        x, y = (part.reshape(self.pool, self.time).astype(np.int32) for part in (text[:-1], text[1:]))
        return x, y

    def dataset(self) -> Any:
        import jaxtricks as jt
        from jaxtricks.data.vocabulary import Tokenizer

        x, y = self.arrays()
        words = tuple(map(str, range(self.words)))
        split = jt.data.Split(np.arange(self.train), np.arange(self.train, self.pool))
        vocabulary = jt.data.Vocabulary(words, Tokenizer("word"))
        return jt.Dataset("words", x, y, words, split, vocabulary=vocabulary, stream=True)

    def model(self) -> Any:
        import jaxtricks as jt

        return jt.RNN(embedding=self.units, widths=(self.units, self.units))

    def optimizer(self) -> Any:
        import jaxtricks as jt

        return jt.Optimizer(rule=jt.SGD(learning_rate=0.1), clip_norm=self.CLIP)

    def module(self) -> Any:
        from torch import nn

        class Network(nn.Module):
            def __init__(self, words: int, units: int) -> None:
                super().__init__()
                self.embed = nn.Embedding(words, units)
                self.lstm = nn.LSTM(units, units, 2, batch_first=True)
                self.head = nn.Linear(units, words)

            def forward(self, x: Any) -> Any:
                return self.head(self.lstm(self.embed(x))[0])

        return Network(self.words, self.units)

    def inputs(self, x: np.ndarray) -> np.ndarray:
        return x.astype(np.int64)

    def stepper(self, parameters: Any, **options: Any) -> Any:
        import torch

        return torch.optim.SGD(parameters, lr=0.1, **options)


FULL: dict[str, Work] = {
    "digits": Perceptron(1797, 64, 20, 64, (128, 128)),
    "LeNet": Perceptron(60_000, 64, 1, 784, (300, 100)),
    "wide MLP": Perceptron(14_300, 256, 1, 784, (1024, 1024)),
    "CNN": Images(7_200, 64, 1, 28, (32, 64)),
    "LSTM 200": Words(2_020, 20, 1, 200, 35, 10_000),
    "LSTM 650": Words(2_020, 20, 1, 650, 35, 10_000),
}
TINY: dict[str, Work] = {
    "digits": Perceptron(100, 8, 2, 8, (8, 8)),
    "LeNet": Perceptron(100, 8, 1, 16, (12, 8)),
    "wide MLP": Perceptron(100, 8, 1, 16, (16, 16)),
    "CNN": Images(40, 4, 1, 8, (2, 4)),
    "LSTM 200": Words(12, 4, 1, 8, 5, 20),
    "LSTM 650": Words(12, 4, 1, 12, 5, 20),
}
SCALES = {"full": FULL, "tiny": TINY}
