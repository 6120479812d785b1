"""Flags that say which weights the restarts start from."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from jaxtricks.cli.optional import Maybe, Words
from jaxtricks.config import ConfigError
from jaxtricks.experiment.transfer import HasWeights, Transfer


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartFlags:
    """Which weights the restarts start from, where they are not drawn.

    Args:
        transfer: the folder of an earlier run, such as runs/digits-run-1, or a file of weights, such as net.safetensors.
        fresh: with --transfer: layers whose weights are drawn anew, such as head.
        transfer_layout: with --transfer of a file: whose layout it has, flax (by default) or torch.
        transfer_names: with --transfer of a file: theirs=ours for each layer that is called otherwise, such as fc=head.
        transfer_flattened: with --transfer of a file of PyTorch's: layer=channels for each layer that reads flattened images.
    """

    title: ClassVar[str] = "weights to start from"

    transfer: Maybe[Path] = None
    fresh: Words = None
    transfer_layout: Maybe[Literal["flax", "torch"]] = None
    transfer_names: Words = None
    transfer_flattened: Words = None

    def check_start(self) -> None:
        """Refuses flags that do not go together; raises ConfigError."""
        about = {"--transfer-layout": self.transfer_layout, "--transfer-names": self.transfer_names}
        about |= {"--transfer-flattened": self.transfer_flattened}
        for flag, value in {"--fresh": self.fresh, **about}.items():
            if value is not None and self.transfer is None:
                raise ConfigError(f"{flag} is for --transfer, which is missing.")
            if value is not None and flag in about and not self._is_file:
                raise ConfigError(f"{flag} is for --transfer of a file, and {self.transfer} is the name of a run.")

    @property
    def _is_file(self) -> bool:
        return self.transfer is not None and (self.transfer.is_file() or self.transfer.suffix == ".safetensors")

    def start_from(self, earlier: Callable[[Path], HasWeights]) -> Transfer | None:
        """Gives the weights to start from; None where all are drawn.

        Args:
            earlier: a run's folder → its restarts.

        Raises:
            ConfigError: for a file that cannot be read, or words that are no pairs.
        """
        if self.transfer is None:
            return None
        if not self._is_file:
            return Transfer(earlier(self.transfer), self.fresh or ())
        channels = _pairs("--transfer-flattened", self.transfer_flattened)
        for layer, number in channels.items():
            if not number.isdecimal():
                raise ConfigError(f"--transfer-flattened: {layer}={number} is no pair layer=channels, such as head=64.")
        return Transfer.of(
            self.transfer,
            layout=self.transfer_layout or "flax",
            names=_pairs("--transfer-names", self.transfer_names),
            flattened={layer: int(number) for layer, number in channels.items()},
            fresh=self.fresh or (),
        )


def _pairs(flag: str, words: Sequence[str] | None) -> dict[str, str]:
    for word in words or ():
        if "=" not in word:
            raise ConfigError(f"{flag}: {word!r} is no pair of words with = between them.")
    return {key: value for key, _, value in (word.partition("=") for word in words or ())}
