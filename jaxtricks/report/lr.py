"""The page of a range test of learning rates: the curve, the suggestion with its interval, and the sweep where there is one."""

import csv
import html
import json
from dataclasses import dataclass
from pathlib import Path

from jaxtricks.report.curve import STYLE
from jaxtricks.report.plots import by_rates, swept
from jaxtricks.search.lr_range import RateRange
from jaxtricks.store.folder import PAGE, FolderError, check_free
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
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title}</title><style>{STYLE}</style></head>"
            f"<body><h1>{title}</h1><figure>{by_rates(found)}</figure><ul>{said}</ul><p>{test}</p>{sweep}"
            f"<p><small>{NOTE}</small></p></body></html>"
        )

    def save(self, folder: Path | str) -> Path:
        """Writes the page, lr.json, lr.csv with a row for each seed and step, and sweep.csv if there is one; gives the folder.

        Raises:
            FolderError: if there is something in it already, since nothing is overwritten.
        """
        target, found = Path(folder).expanduser(), self.found
        check_free(target)
        try:
            target.mkdir(parents=True, exist_ok=True)
            (target / PAGE).write_text(self.html(), encoding="utf-8")
            (target / "lr.json").write_text(json.dumps(found.to_dict(), indent=1) + "\n", encoding="utf-8")
            with (target / "lr.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(("seed", "rate", "loss"))
                for seed, row in zip(found.seeds, found.losses.tolist(), strict=True):
                    writer.writerows((seed, rate, loss) for rate, loss in zip(found.rates.tolist(), row, strict=True))
            if (sweep := found.sweep) is not None:
                with (target / "sweep.csv").open("w", newline="", encoding="utf-8") as file:
                    writer = csv.writer(file)
                    writer.writerow(("restart", "rate", sweep.metric.name))
                    for restart, row in enumerate(sweep.values.tolist()):
                        writer.writerows((restart, rate, value) for rate, value in zip(sweep.rates.tolist(), row, strict=True))
        except OSError as error:
            raise FolderError(f"{target} cannot be written ({error}).") from error
        return target


@paged.register
def _rates(found: RateRange) -> Paged:
    return RatePage(found)
