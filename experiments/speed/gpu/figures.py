"""Rows, ratios and targets out of what the pieces measured."""

from collections.abc import Mapping
from typing import Any

from experiments.speed.gpu import pieces
from experiments.speed.gpu.pieces import Piece
from experiments.speed.gpu.work import Perceptron, Work
from experiments.speed.harness import Target

Figures = Mapping[Piece, Mapping[str, float]]

# Ours, a peer, and how many times faster a whole fit of a network is to be; None is shown only.
COMPARED: list[tuple[Piece, Piece, float | None]] = [
    (pieces.DIGITS, pieces.DIGITS_EAGER, 1000),
    (pieces.DIGITS, pieces.DIGITS_FUNC, None),
    (pieces.LENET, pieces.LENET_EAGER, 300),
    (pieces.LENET, pieces.LENET_FUNC, 4),
    (pieces.WIDE, pieces.WIDE_EAGER, 2),
    (pieces.LSTM, pieces.LSTM_EAGER, 1),
    (pieces.SMALL_LSTM, pieces.SMALL_LSTM_EAGER, None),
    (pieces.CNN[1, "patches"], pieces.CNN_EAGER, None),
    (pieces.CNN[1, "patches"], pieces.CNN_GRAPH, None),
    *((pieces.CNN[members, "patches"], pieces.CNN_FUNC[members], None) for members in (8, 64)),
    *((pieces.CNN[members, "patches"], pieces.CNN[members, "direct"], None) for members in (1, 8, 64)),
]
FLOOR = 0.8  # share of the floor of bytes that training alone is to reach, of LeNet's restarts


def table(
    figures: Figures, missing: Mapping[Piece, str], works: Mapping[str, Work]
) -> tuple[list[dict[str, Any]], list[Target], list[str]]:
    """The benchmark's outcome.

    Args:
        figures: of each piece that was measured.
        missing: why others were not.
        works: what was done, by name.

    Returns:
        rows, targets, and a sentence for each target that nothing can be said about.
    """
    rows = [_row(piece, found, works) | _shares(piece, figures, works) for piece, found in figures.items()]
    rows += [{"name": piece.name, "not measured": why} for piece, why in missing.items()]
    targets, unmeasured = [], []
    for ours, peer, least in COMPARED:
        what = f"{ours.name}: times {peer.name}, a network"
        lacking = [piece.name for piece in (ours, peer) if piece not in figures]
        if lacking:
            if least is not None:
                unmeasured.append(f"Not measured, for lack of {' and '.join(lacking)}: {what}.")
            continue
        ratio = _each(figures[peer]) / _each(figures[ours])
        if least is None:
            next(row for row in rows if row["name"] == ours.name)[f"times {peer.name}"] = ratio
        else:
            targets.append(Target(what, ratio, least))
    share = next((row.get("share of the floor of bytes") for row in rows if row["name"] == pieces.LENET.name), None)
    what = f"{pieces.LENET.name}: share of the floor of bytes"
    if share is None:
        unmeasured.append(f"Not measured: {what}.")
    else:
        targets.append(Target(what, share, FLOOR))
    return rows, targets, unmeasured


def _each(found: Mapping[str, float]) -> float:
    """Seconds of one network."""
    return found["seconds"] / found["members"]


def _row(piece: Piece, found: Mapping[str, float], works: Mapping[str, Work]) -> dict[str, Any]:
    row: dict[str, Any] = {"name": piece.name, "seconds": found["seconds"]}
    if piece.work is None:
        return row | {f"{name}, 10¹² a second": value / 1e12 for name, value in found.items() if name != "seconds"}
    row["ms a network"] = 1e3 * _each(found)
    if "fastest" in found:
        row["µs a step"] = 1e6 * _step(found, works[piece.work])
        row["share outside of segments"] = found["share"]
    return row


def _step(found: Mapping[str, float], work: Work) -> float:
    """Seconds of one step of all members, in the fastest segment; what validates after it is in there too."""
    return found["fastest"] * found["count"] / (work.epochs * work.steps)


def _shares(piece: Piece, figures: Figures, works: Mapping[str, Work]) -> dict[str, float]:
    """How near training comes to what the chip can do."""
    work = None if piece.work is None else works[piece.work]
    if "fastest" not in figures[piece] or not isinstance(work, Perceptron) or pieces.RATES not in figures:
        return {}
    step, rates = _step(figures[piece], work), figures[pieces.RATES]
    return {
        "share of the floor of bytes": piece.members * work.traffic / rates["bytes_a_second"] / step,
        "share of the product rate": piece.members * work.flop / rates["default"] / step,
    }
