"""The page of a range test of learning rates: the curve, the suggestion with its interval, and the sweep where there is one."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from jaxtricks.report.curve import STYLE
from jaxtricks.report.document import Rows, document, save_document
from jaxtricks.report.rates import by_rates, swept
from jaxtricks.search.lr_range import RateRange
from jaxtricks.train.shown import Paged, paged

NOTE = (
    "The rate rises from step to step; each step is one of training, without a schedule. Shown is the training loss, smoothed by "
    "half an octave, a factor of √2: the mean over restarts, and one standard deviation on either side. Losses further above the "
    "start's than they fall below it are cut off there. The shaded interval is to hold the best constant rate of a whole "
    "training with 95%: its width comes from restarts, and more from how far such suggestions lay from the best rates of sweeps "
    "on tuning tasks, of 50 to 700 steps. Near its middle many rates are about as good."
)
SWEEP = "Below, the same axis: whole trainings at constant rates, as the experiment says and with its schedule."


@dataclass(frozen=True, eq=False)
class RatePage:
    """A range test as a page and as a folder.

    Args:
        found: what is shown.

    >>> rates = np.geomspace(1e-4, 10, 200)
    >>> losses = np.broadcast_to(2 - 1 / (1 + (0.01 / rates) ** 2) + rates, (4, 200))
    >>> RatePage(jt.search.RateRange("mine", "sgd", 400, rates, losses, (0, 1, 2, 3))).name
    'mine-lr'
    """

    found: RateRange

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"{self.found.data.replace('/', '-')}-lr"

    def html(self) -> str:
        """The page, one HTML file that loads no other file."""
        found = self.found
        title = html.escape(f"{found.data}: a learning rate for {found.rule}")
        said = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in found.sentences)
        sweep = "" if found.sweep is None else f"<p>{SWEEP}</p><figure>{swept(found, found.sweep)}</figure>"
        test = f"{len(found.rates):,} steps, {len(found.seeds)} restarts, rates from {found.rates[0]:g} to {found.rates[-1]:g}."
        figure = f"<figure>{by_rates(found)}</figure><ul>{said}</ul><p>{test}</p>"
        return document(title, STYLE, f"{figure}{sweep}<p><small>{NOTE}</small></p>")

    def save(self, folder: Path | str) -> Path:
        """Writes the page, lr.json, lr.csv with a row for each seed and step, and sweep.csv if there is one; gives the folder.

        Raises:
            FolderError: if there is something in it already, since nothing is overwritten, or if it cannot be written.
        """
        found = self.found
        tables: dict[str, Rows] = {"lr": [("seed", "rate", "loss"), *_cells(found.seeds, found.rates, found.losses)]}
        if (sweep := found.sweep) is not None:
            cells = _cells(range(len(sweep.values)), sweep.rates, sweep.values)
            tables["sweep"] = [("restart", "rate", sweep.metric.name), *cells]
        return save_document(folder, self.html(), {"lr": found.to_dict()}, tables)


def _cells(
    names: Sequence[int], rates: Float[np.ndarray, " rates"], values: Float[np.ndarray, "restarts rates"]
) -> Iterator[tuple[int, float, float]]:
    """A row of the table for each restart and rate."""
    for name, row in zip(names, values.tolist(), strict=True):
        for rate, value in zip(rates.tolist(), row, strict=True):
            yield name, rate, value


@paged.register
def _rates(found: RateRange) -> Paged:
    return RatePage(found)
