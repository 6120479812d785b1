"""Flags that commands share: on which data, on which devices."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar, cast

from jaxtricks import data
from jaxtricks.cli.optional import Maybe, Switch
from jaxtricks.cli.tables import TableFlags
from jaxtricks.config import ConfigError, nearest
from jaxtricks.data import Dataset, Latest, Shuffled, Text
from jaxtricks.data.held_out import HeldOut, Share
from jaxtricks.engine.layout import Layout, set_up

HELD_OUT: dict[str, type[HeldOut]] = {"shuffled": Shuffled, "latest": Latest}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataFlags(TableFlags):
    """Which data set to train on.

    Args:
        data: a name that `jaxtricks list data` shows, such as digits; or a table, such as homes.csv, with --target; or a folder
            with a folder of pictures or texts (.txt) for each class; or a folder of one text, train.txt.
        data_dir: the folder of prepared TFDS sets; by default $TFDS_DATA_DIR.
        words: of a text set, how many of its commonest words are counted in each text.
        level: of a text, what its tokens are: byte, char, word or subword; it is then read as sequences.
        length: of a text with --level, the tokens of one sequence.
        vocabulary: of a text with --level, how many tokens are kept at most, the commonest.
        size: of a folder of pictures, the height and width that all are resized to, such as 32 32; by default they have one size.
        validation: the share that each seed draws to validate on, such as 0.3, with classes in proportion and groups whole; or
            shuffled=0.3, with classes as chance gives them; or latest=0.3, the latest by --time. By default the set's own
            validation split, or else 0.2.
        test: the share that is set aside as the test split and stays locked, in the same words, where there is none.
    """

    title: ClassVar[str] = "data"

    data: str = "digits"
    data_dir: Maybe[Path] = None
    words: Maybe[int] = None
    level: Maybe[str] = None
    length: Maybe[int] = None
    vocabulary: Maybe[int] = None
    size: Maybe[tuple[int, int]] = None
    validation: Maybe[str] = None
    test: Maybe[str] = None

    def dataset(self) -> Dataset:
        """The data set; raises ConfigError for flags that do not go together, DataError for what cannot be loaded."""
        file, text = Path(self.data).expanduser(), self._text()
        validation, test = held_out("validation", self.validation), held_out("test", self.test)
        if not file.is_file():
            self.check_no_table()
            return data.load(self.data, self.data_dir, self.words, text, self.size, validation, test)
        for flag, value in (("words", self.words), ("level", text), ("size", self.size), ("data-dir", self.data_dir)):
            if value is not None:
                raise ConfigError(f"--{flag} is for other data, and {self.data} is a table.")
        return self.table(file, validation, test)

    def _text(self) -> Text | None:
        if self.level is None:
            for name, value in (("length", self.length), ("vocabulary", self.vocabulary)):
                if value is not None:
                    raise ConfigError(f"--{name} is for texts; --level byte, char, word or subword says what their tokens are.")
            return None
        if self.length is None:
            raise ConfigError(f"--level {self.level} needs --length, the tokens of one sequence, such as --length 100.")
        return Text(cast(Any, self.level), self.length, self.vocabulary)


def held_out(flag: str, words: str | None) -> Share | None:
    """What a flag says of the examples to hold out; None where it is not given.

    >>> held_out("test", "latest=0.2")
    Latest(share=0.2)

    Args:
        flag: its name.
        words: a share, or a way to hold it out, such as latest=0.2.

    Raises:
        ConfigError: for other words.
    """
    if words is None:
        return None
    name, _, number = words.rpartition("=")
    try:
        share = float(number)
    except ValueError:
        raise ConfigError(f"--{flag} {words!r} is not a share such as 0.2, shuffled=0.2 or latest=0.2.") from None
    if name and name not in HELD_OUT:
        raise ConfigError(f"--{flag}: {name!r} is no way to hold out a share{nearest(name, list(HELD_OUT))}")
    return HELD_OUT[name](share) if name else share


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceFlags:
    """Which devices share what.

    Args:
        devices: how many devices to spread restarts over; by default all that they can use.
        mesh: what devices share, such as runs=4,data=2: four groups of restarts, in each of which two devices share every batch;
            model=2: two devices share each wide layer.
        memory: GB that training may take on one device; restarts beyond that take turns. By default a share of what it has.
        stream: keep the data on the host and feed the devices window by window, as happens anyway to data that they cannot hold.
    """

    title: ClassVar[str] = "devices"

    devices: Maybe[int] = None
    mesh: Maybe[str] = None
    memory: Maybe[float] = None
    stream: Switch = False

    def layout(self) -> Layout:
        """The layout that these flags ask for; raises ConfigError where they contradict each other."""
        if self.mesh is not None and self.devices is not None:
            raise ConfigError("--devices and --mesh both say how many devices there are; one of the two is allowed.")
        layout = Layout(runs=self.devices) if self.mesh is None else Layout.parse(self.mesh)
        return dataclasses.replace(layout, memory=self.memory, stream=True if self.stream else None)

    def set_up(self, restarts: int) -> None:
        """Has JAX show as many devices as the layout uses; JAX asks for that before its backend starts."""
        layout = self.layout()
        set_up((layout.runs or restarts) * layout.data * layout.model)
