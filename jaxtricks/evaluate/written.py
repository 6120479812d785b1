"""How reports write values of metrics, and tables of them."""

from collections.abc import Sequence

from jaxtricks.objectives.metric import POINTS
from jaxtricks.objectives.metrics import find

GAP = "  "


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of cells: the first column to the left, the others to the right.

    >>> table([("", "mean"), ("nll", "0.25")])
    ['     mean', 'nll  0.25']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *cells in rows:
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        lines.append(GAP.join([name.ljust(widths[0]), *numbers]).rstrip())
    return lines


def written(metric: str, value: float, plus: str = "") -> str:
    """A value of a metric, or a difference, with a plus.

    >>> written("accuracy", 0.125), written("accuracy", 0.125, "+"), written("nll", 0.125)
    ('12.50%', '+12.50', '0.1250')
    """
    if find(metric).unit == POINTS:
        return f"{100 * value:{plus}.2f}" + ("" if plus else "%")
    return number(value, plus)


def number(value: float, plus: str = "") -> str:
    """Four decimals of a small number, and none of a large one."""
    return f"{value:{plus}.4f}" if abs(value) < 100 else f"{value:{plus},.1f}"
