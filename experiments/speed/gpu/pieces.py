"""The pieces of the benchmark, in the order in which they are timed, and how each is set up."""

import dataclasses
from collections.abc import Callable
from typing import Any

from experiments.speed.gpu import ours, peers
from experiments.speed.harness import Timed

MODULE = "experiments.speed.gpu.pieces"
CONTESTANTS: dict[str, Callable[..., Timed]] = {
    "jaxtricks": ours.jaxtricks,
    "rates": ours.rates,
    "PyTorch eager": peers.eager,
    "CUDA graph": peers.graph,
    "torch.func": peers.func,
}


@dataclasses.dataclass(frozen=True)
class Piece:
    """What one process measures.

    Args:
        contestant: who does it.
        work: what is done, see `experiments.speed.gpu.work`; None for the rates.
        members: networks in one repetition.
        lowering: of a CNN's convolutions.
    """

    contestant: str
    work: str | None = None
    members: int = 1
    lowering: str | None = None

    @property
    def name(self) -> str:
        """What tables call it."""
        how = "" if self.lowering is None else f", {self.lowering}"
        return self.contestant if self.work is None else f"{self.work} × {self.members}, {self.contestant}{how}"

    @property
    def compiles(self) -> bool:
        """Whether XLA compiles it, so that the compilation cache helps."""
        return self.contestant == "jaxtricks"

    def arguments(self, scale: str) -> dict[str, Any]:
        """What its contestant is called with."""
        if self.work is None:
            return {"scale": scale}
        more = {} if self.lowering is None else {"lowering": self.lowering}
        return {"work": self.work, "scale": scale, "members": self.members} | more


RATES = Piece("rates")
DIGITS = Piece("jaxtricks", "digits", 256)
DIGITS_EAGER = Piece("PyTorch eager", "digits", 2)
DIGITS_FUNC = Piece("torch.func", "digits", 256)
LENET = Piece("jaxtricks", "LeNet", 256)
LENET_EAGER = Piece("PyTorch eager", "LeNet", 1)
LENET_FUNC = Piece("torch.func", "LeNet", 256)
WIDE = Piece("jaxtricks", "wide MLP", 16)
WIDE_EAGER = Piece("PyTorch eager", "wide MLP", 2)
LSTM = Piece("jaxtricks", "LSTM 650", 8)
LSTM_EAGER = Piece("PyTorch eager", "LSTM 650", 1)
SMALL_LSTM = Piece("jaxtricks", "LSTM 200", 32)
SMALL_LSTM_EAGER = Piece("PyTorch eager", "LSTM 200", 1)
CNN = {
    (members, lowering): Piece("jaxtricks", "CNN", members, lowering)
    for members in (1, 8, 64)
    for lowering in ("patches", "direct")
}
CNN_EAGER = Piece("PyTorch eager", "CNN", 1)
CNN_GRAPH = Piece("CUDA graph", "CNN", 1)
CNN_FUNC = {members: Piece("torch.func", "CNN", members) for members in (8, 64)}

# What has a target comes first, for the time may not be enough for all.
PIECES: tuple[Piece, ...] = (
    RATES,
    DIGITS,
    DIGITS_EAGER,
    LENET,
    LENET_EAGER,
    LENET_FUNC,
    WIDE,
    WIDE_EAGER,
    LSTM,
    LSTM_EAGER,
    SMALL_LSTM,
    SMALL_LSTM_EAGER,
    *CNN.values(),
    CNN_EAGER,
    CNN_GRAPH,
    *CNN_FUNC.values(),
    DIGITS_FUNC,
    Piece("CUDA graph", "digits", 4),
    Piece("jaxtricks", "digits", 32),
    Piece("jaxtricks", "LeNet", 32),
    Piece("jaxtricks", "LeNet", 1),
    Piece("jaxtricks", "wide MLP", 1),
    Piece("jaxtricks", "LSTM 650", 1),
    Piece("jaxtricks", "LSTM 200", 1),
    Piece("jaxtricks", "digits", 2048),
)
