"""Pictures of any mode → bytes of one size and one number of channels."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps
from tqdm.auto import tqdm

from jaxtricks.data.errors import DataError

Size = tuple[int, int]
Picture = UInt8[np.ndarray, "height width channels"]
Pictures = UInt8[np.ndarray, "images height width channels"]

# What each mode of Pillow becomes: gray, gray with transparency, colours, colours with transparency.
_MODES = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA"}
_COLOURS = ("RGB", "RGBX", "P", "CMYK", "YCbCr", "LAB", "HSV")


def check_size(size: Any) -> None:
    """Raises DataError unless a size is None or a height and a width."""
    if size is None:
        return
    if not isinstance(size, tuple | list) or len(size) != 2 or not all(type(side) is int and side > 0 for side in size):
        raise DataError(f"size: {size!r} is no size; (height, width) in pixels is allowed, such as (32, 32).")


def picture(image: Image.Image, where: str, size: Size | None) -> Picture:
    """Gives the pixels of one picture, upright, with as many channels as it has: gray 1, colours 3, 1 more for transparency.

    Args:
        image: the picture.
        where: its file or its place, for messages.
        size: the height and width to resize to; None: its own.

    Raises:
        DataError: for a picture that cannot be decoded, has more than 8 bits a channel, or holds several frames.

    >>> from PIL import Image
    >>> picture(Image.new("RGB", (4, 3)), "mine.png", None).shape
    (3, 4, 3)
    """
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # in which cameras keep a preview beside the picture
        raise DataError(f"{where}: {frames} frames, and one picture an example is allowed.")
    mode = "RGBA" if image.mode in _COLOURS and "transparency" in image.info else "RGB" if image.mode in _COLOURS else None
    mode = mode or _MODES.get(image.mode)
    if mode is None:
        raise DataError(f"{where}: mode {image.mode!r} has more than 8 bits a channel; pictures of 8 bits are allowed.")
    try:
        upright = ImageOps.exif_transpose(image).convert(mode)
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{where}: this picture is broken ({error}).") from error
    if size is not None:
        upright = upright.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    array = np.asarray(upright)
    return array[..., None] if array.ndim == 2 else array


def stacked(pictures: Iterable[Picture], where: Callable[[int], str]) -> Pictures:
    """Stacks pictures of one size; gray ones get colours where others have, and full opacity where others may be transparent.

    Args:
        pictures: their pixels; at least one.
        where: the name of the file or of the place of each, for messages.

    Raises:
        DataError: for a picture of another size than the first, which is named.

    >>> gray, colour = np.full((2, 2, 1), 7, np.uint8), np.zeros((2, 2, 3), np.uint8)
    >>> stacked([gray, colour], str)[0, 0, 0].tolist()
    [7, 7, 7]
    """
    found = list(pictures)
    height, width = found[0].shape[:2]
    for place, one in enumerate(found):
        if one.shape[:2] != (height, width):
            raise DataError(
                f"{where(place)}: {one.shape[0]}×{one.shape[1]} pixels, and {where(0)} has {height}×{width}; "
                "size = (height, width) makes all alike."
            )
    channels = {one.shape[2] for one in found}
    gray, opaque = not channels & {3, 4}, not channels & {2, 4}
    x = np.full((len(found), height, width, (1 if gray else 3) + (not opaque)), 255, np.uint8)
    for row, one in zip(x, found, strict=True):
        seen = one.shape[2] - (one.shape[2] in (2, 4))  # channels that are no transparency
        row[..., : 1 if gray else 3] = one[..., :seen]
        if one.shape[2] > seen:
            row[..., -1] = one[..., -1]
    return x


def read_pictures(files: Sequence[Path], size: Size | None, name: str) -> Pictures:
    """Reads picture files and stacks them.

    Args:
        files: at least one.
        size: the height and width to resize all to; None: they have one size.
        name: the data set's, for the progress bar.

    Raises:
        DataError: for a file that is no picture, is broken, or differs in size, which is named.
    """

    def read(file: Path) -> Picture:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's, of unusual but readable files
                with Image.open(file) as image:
                    return picture(image, str(file), size)
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"{file}: this picture is broken ({error}).") from error

    with ThreadPoolExecutor() as workers:  # Pillow releases Python's lock while it decodes
        read_all = tqdm(workers.map(read, files), f"reading {name}", len(files), unit="picture", leave=False, disable=None)
        return stacked(read_all, lambda place: str(files[place]))
