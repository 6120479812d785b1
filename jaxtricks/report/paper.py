"""The size of a figure and of its letters, as a page has them and as a paper wants them."""

import math
import re
from typing import NamedTuple, Self

from jaxtricks.config import ConfigError

INCHES = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4}
LEAST, MOST = 1.0, 40.0  # inches
# Margins of a plot, in inches where letters are those of the page; fixed, so that plots beside each other align.
LEFT, RIGHT, BELOW, ABOVE = 0.86, 0.08, 0.58, 0.12
PLOT = 0.4  # as they are: the least between two of them
_LENGTH = r"(\d+(?:\.\d+)?)"


class Sheet(NamedTuple):
    """What a figure is drawn on.

    Args:
        width: inches.
        height: inches; None: as high as the plot asks for at this size of letters.
        font: the size of letters, in points; numbers at the axes are a little smaller, and lines and dots go with them.

    >>> Sheet(3.3, None, 8).scale < PAGE.scale
    True
    """

    width: float
    height: float | None
    font: float

    @property
    def scale(self) -> float:
        """The size of letters against that on the page."""
        return self.font / PAGE.font

    @property
    def largest(self) -> float:
        """The largest letters beside which there is still room for a plot: its margins go with them.

        >>> Sheet(3.3, 1.0, 8).largest < Sheet(3.3, None, 8).largest
        True
        """
        high = math.inf if self.height is None else self.height / (BELOW + ABOVE + PLOT)
        return PAGE.font * min(self.width / (LEFT + RIGHT + PLOT), high)

    @classmethod
    def of(cls, size: str, font: float) -> Self:
        """Reads a size such as "3.3in", "84mm", or "3.3x2.4in" with a height.

        Args:
            size: a width, or a width and a height, and their unit: in, cm or mm.
            font: points.

        Raises:
            ConfigError: for what is no such size, letters of no size, or letters so large that their margins leave no plot.

        >>> Sheet.of("3.3x2.4in", 8)
        Sheet(width=3.3, height=2.4, font=8)
        """
        found = re.fullmatch(rf"{_LENGTH}(?:x{_LENGTH})? *({'|'.join(INCHES)})", size)
        lengths = [] if found is None else [float(each) * INCHES[found[3]] for each in found.groups()[:2] if each is not None]
        if not lengths or not all(LEAST <= each <= MOST for each in lengths):
            raise ConfigError(
                f"--size {size} is no size; 3.3in, 84mm, 8.4cm or 3.3x2.4in, from {LEAST:g} to {MOST:g} in, are allowed."
            )
        if not 3 <= font <= 40:
            raise ConfigError(f"--font {font:g} is no size of letters; 3 to 40 points are allowed.")
        sheet = cls(lengths[0], lengths[1] if len(lengths) > 1 else None, font)
        if font > sheet.largest:
            most = math.floor(10 * sheet.largest) / 10
            raise ConfigError(f"--font {font:g} leaves no room for a plot in --size {size}; 3 to {most:g} points are allowed.")
        return sheet


PAGE = Sheet(4.6, None, 11.5)  # as wide as a phone, so that text in a plot is as large there as the text around it
