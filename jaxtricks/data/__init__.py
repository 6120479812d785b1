"""A name or arrays of your own → a data set, split without leaks (the only room that knows TFDS)."""

from jaxtricks.config.folder import import_files
from jaxtricks.data.augmentation import Augmentation
from jaxtricks.data.columns import Columns
from jaxtricks.data.dataset import Dataset, Split
from jaxtricks.data.errors import DataError
from jaxtricks.data.examples import Examples
from jaxtricks.data.held_out import Latest, Shuffled
from jaxtricks.data.labels import LabelKind, TaskName
from jaxtricks.data.ledger import Opening
from jaxtricks.data.loading import load
from jaxtricks.data.offsets import Offsets
from jaxtricks.data.prepared import Listing, names
from jaxtricks.data.pretext import masked_tokens, next_tokens, rotations
from jaxtricks.data.sequences import adding_problem, copy_problem, pixels, reversal_problem
from jaxtricks.data.sizes import accuracy_interval, detectable, luck_of_the_best
from jaxtricks.data.text import Text
from jaxtricks.data.use import in_user_units, inputs_for, without_offset
from jaxtricks.data.vocabulary import Vocabulary

import_files(__name__, __path__)

__all__ = [
    "Augmentation",
    "Columns",
    "DataError",
    "Dataset",
    "Examples",
    "LabelKind",
    "Latest",
    "Listing",
    "Offsets",
    "Opening",
    "Shuffled",
    "Split",
    "TaskName",
    "Text",
    "Vocabulary",
    "accuracy_interval",
    "adding_problem",
    "copy_problem",
    "detectable",
    "in_user_units",
    "inputs_for",
    "load",
    "luck_of_the_best",
    "masked_tokens",
    "names",
    "next_tokens",
    "pixels",
    "reversal_problem",
    "rotations",
    "without_offset",
]


def __dir__() -> list[str]:
    return __all__
