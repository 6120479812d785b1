"""A name or arrays of one's own → a data set, split without leaks (the only room that knows TFDS)."""

from jaxtricks.data.dataset import DataError, Dataset, Examples, Opening, Split, Task
from jaxtricks.data.load import load
from jaxtricks.data.prepared import Listing, names
from jaxtricks.data.text import Text
from jaxtricks.data.vocabulary import Vocabulary

__all__ = ["DataError", "Dataset", "Examples", "Listing", "Opening", "Split", "Task", "Text", "Vocabulary", "load", "names"]
