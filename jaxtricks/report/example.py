"""An example of a data set, for a page: a picture, a text or the numbers of a row."""

import base64
import html
import io
import textwrap

import numpy as np
from jaxtyping import Float

from jaxtricks.data import Dataset

SIDE = 96  # pixels of a picture's longer side
LETTERS = 600  # of a text
NUMBERS = 12  # of a row


def is_picture(data: Dataset) -> bool:
    """Whether inputs are pictures, in grey or in colours.

    >>> is_picture(jt.load("digits"))
    True
    """
    return len(data.shape) == 3 and data.shape[2] in (1, 3)


def example(data: Dataset, place: int) -> str:
    """An input as HTML.

    Args:
        data: the data set.
        place: of the example in the pool.

    >>> example(jt.load("digits"), 3)[:33]
    '<img alt="example 3" src="data:im'
    """
    if is_picture(data):
        return f'<img alt="example {place}" src="{_png(data, place)}">'
    return f"<blockquote>{html.escape(_words(data, place))}</blockquote>"


def _png(data: Dataset, place: int) -> str:
    """A picture as a data URL, enlarged by a whole number."""
    from PIL import Image

    times = max(1, SIDE // max(data.shape[:2]))
    pixels = np.rint(255 * _unit(data.x[place].astype(np.float64), data.scale)).astype(np.uint8)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    file = io.BytesIO()
    picture.resize((times * picture.width, times * picture.height), Image.Resampling.NEAREST).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _unit(pixels: Float[np.ndarray, "height width channels"], scale: float) -> Float[np.ndarray, "height width channels"]:
    """Pixels in [0, 1], by the largest value that they can have, or by their own range where that is not known."""
    low, high = (0.0, scale) if scale != 1 and pixels.min() >= 0 else (float(pixels.min()), float(pixels.max()))
    return np.clip((pixels - low) / (high - low), 0, 1) if high > low else np.zeros_like(pixels)


def _words(data: Dataset, place: int) -> str:
    """A text, or the numbers of a row that are not 0."""
    if data.vocabulary is not None:
        x, lengths = data.at(np.array([place]))
        return textwrap.shorten(data.decode(x[0] if lengths is None else x[0, : lengths[0]]), LETTERS, placeholder=" …")
    row = data.x[place].ravel()
    names = data.features or [str(number) for number in range(len(row))]
    largest = np.argsort(-np.abs(row.astype(np.float64)), kind="stable")[:NUMBERS]
    return ", ".join(f"{names[number]} {row[number]:g}" for number in largest if row[number] != 0)
