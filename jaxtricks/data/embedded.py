"""Data sets that come with the package, each in a file of its own, and the register of their names."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtricks.data.cache import Arrays
from jaxtricks.data.labels import KINDS, TaskName
from jaxtricks.data.text import Text

Read = Callable[[int | None, Text | None], Arrays]


@dataclass(frozen=True)
class Listing:
    """One line of the list of data sets.

    Args:
        name: the name that `load` takes.
        prepared: whether `load` can read it now.
        examples: the size of the pool; None where it is not known before the set is prepared, as for the next two.
        shape: the shape of one input; None for texts, whose shape depends on how `load` is called.
        classes: the number of classes, or of values to regress on; None for texts without labels.
        task: what is predicted.

    >>> [listing.name for listing in jt.data.names() if listing.name == "digits"]
    ['digits']
    """

    name: str
    prepared: bool
    examples: int | None = None
    shape: tuple[int, ...] | None = None
    classes: int | None = None
    task: TaskName = "classes"

    @property
    def labels(self) -> str:
        """What the labels of an example are, such as `10 classes`; "no labels" for a text without them."""
        return "no labels" if self.classes is None else KINDS[self.task].words(self.classes)


@dataclass(frozen=True)
class Embedded:
    """A data set that comes with the package.

    Args:
        listing: its line in the list of data sets.
        read: `words` and `text` as given to `load` → its arrays; raises DataError where they do not fit the set.
    """

    listing: Listing
    read: Read


EMBEDDED: dict[str, Embedded] = {}


def embedded(
    name: str,
    *,
    examples: int | None = None,
    shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    task: TaskName = "classes",
) -> Callable[[Read], Read]:
    """Registers the decorated function as what reads a data set that comes with the package.

    Args:
        name: the name that `load` takes.
        examples: the size of the pool.
        shape: the shape of one input; None for texts.
        classes: the number of classes, or of values to regress on; None for texts without labels.
        task: what is predicted.

    >>> EMBEDDED["digits"].listing.shape
    (8, 8, 1)
    """

    def register(read: Read) -> Read:
        EMBEDDED[name] = Embedded(Listing(name, True, examples, shape, classes, task), read)
        return read

    return register
