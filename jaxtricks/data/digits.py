"""The embedded images: scikit-learn's handwritten digits."""

import contextlib
import io

from jaxtricks.data.cache import Arrays, cached, scratch
from jaxtricks.data.checks import check_images
from jaxtricks.data.embedded import embedded
from jaxtricks.data.prepared import find
from jaxtricks.data.reading import read
from jaxtricks.data.text import Text

DIGITS, VERSION = "digits", "1.0.0"


@embedded(DIGITS, examples=1437, shape=(8, 8, 1), classes=10)
def read_digits(words: int | None, text: Text | None) -> Arrays:
    """The arrays of the images.

    Args:
        words: must be None.
        text: must be None.
    """
    check_images(DIGITS, words, text)
    return cached(f"{DIGITS}-{VERSION}", _prepared)


def _prepared() -> Arrays:
    """Prepares the digits through their TFDS builder, in a folder that is removed once they are read."""
    from jaxtricks.data._digits_builder import Digits

    with scratch(DIGITS) as folder:
        builder = Digits(data_dir=folder, file_format="array_record")
        # TFDS prints its progress, which is of no use for a set that is made in a second.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            builder.download_and_prepare()
        return read(find(DIGITS, folder), scale=16.0)
