"""A name or arrays of one's own → a data set, split without leaks (the only room that knows TFDS)."""

from jaxtricks.data.dataset import DataError, Dataset, Opening, Split
from jaxtricks.data.load import load
from jaxtricks.data.prepared import Listing, names

__all__ = ["DataError", "Dataset", "Listing", "Opening", "Split", "load", "names"]
