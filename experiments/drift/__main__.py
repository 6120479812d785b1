"""How often `jt.diagnose.drift` raises an alarm, without drift and with known shifts: `python -m experiments.drift`.

Each data set is divided at random, 40 times or as often as `--divisions` says: on one part four restarts are trained, and looks
are drawn from the other part, five without a shift and one of each shift. Looks at one division share its restarts and training
examples, so that intervals are over divisions. Looks, shifts and rates were fixed before the first run, and division k is the
same one whatever their number.
"""

import dataclasses
import functools
import json
import math
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from tqdm.auto import tqdm

import jaxtricks as jt
from experiments.drift.looks import NONE, RESTARTS, TITLE, Look, looked_by_name
from experiments.drift.sets import Stream, streams
from jaxtricks import statistics
from jaxtricks.config import ConfigError, nearest
from jaxtricks.engine.layout import set_up
from jaxtricks.report.environment import environment

RATES = (0.01, 0.05, 0.1)  # of false alarms, as they are stated
PLACE = Path(__file__).parent
PLANNED = 40  # divisions


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Counts alarms on data without drift, and on known shifts.

    Args:
        sets: names of data sets; by default all that can be loaded.
        divisions: of each set; fewer take less time, and intervals are wider.
        looks: without a shift, at each division.
        processes: at work at once; each takes about one core.
        data_dir: the folder of prepared TFDS sets; by default $TFDS_DATA_DIR.
        write: write RESULTS.md and looks.csv beside this script.
        json: print one JSON object instead of the table.
    """

    sets: tuple[str, ...] = ()
    divisions: int = PLANNED
    looks: int = 5
    processes: int = 2
    data_dir: Path | None = None
    write: bool = False
    json: bool = False


def over_divisions(looks: list[Look], flags: list[bool]) -> str:
    """The share of looks for which something is true, with Student's interval over divisions."""
    numbers = np.array([look.division for look in looks])
    means = np.array([np.mean(np.array(flags)[numbers == number]) for number in np.unique(numbers)])
    low, high = statistics.t_interval(means).within(0, 1)
    return f"{means.mean():.1%}" + ("" if math.isnan(low) else f" [{low:.1%}, {high:.1%}]")


def rows(looks: list[Look]) -> list[dict[str, Any]]:
    """For each data set and shift: alarms at each rate, by which part at 0.05, and the classifier's area."""
    found = []
    for name, shift in dict.fromkeys((look.data, look.shift) for look in looks):
        own = [look for look in looks if (look.data, look.shift) == (name, shift)]
        found.append(
            {"data": name, "shift": shift, "looks": len(own)}
            | {f"at {rate:g}": over_divisions(own, [look.alarm(rate) for look in own]) for rate in RATES}
            | {part: f"{np.mean([look.p[part] <= 0.05 for look in own]):.0%}" for part in own[0].p}
            | {"AUC": f"{np.median([look.auc[0] for look in own]):.3f}"}
            | {"0.5 in its interval": f"{np.mean([look.auc[1] <= 0.5 <= look.auc[2] for look in own]):.0%}"}
        )
    return found


def page(looks: list[Look], device: str) -> str:
    """The text of RESULTS.md."""
    calm = [look for look in looks if look.shift == NONE]
    head = rows(looks)
    lines = ["| " + " | ".join(head[0]) + " |", "|" + "---|" * len(head[0])]
    lines += ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in head]
    told = {f"{rate:g}": f"{np.mean([look.alarm(rate) for look in calm]):.1%}" for rate in RATES}
    divisions = {(look.data, look.division) for look in looks}
    sets = {name: sum(data == name for data, _ in divisions) for name in dict.fromkeys(look.data for look in looks)}
    return (
        f"# The alarm for drift\n\nMade by `python -m experiments.drift --write` on {device}, with "
        + ", ".join(f"{count} divisions of {name}" for name, count in sets.items())
        + f" ({PLANNED} of each by default) and {len(calm) / len(divisions):g} looks without a shift at each. Of these "
        f"{len(calm)} looks, an alarm came in "
        + ", ".join(f"{share} at a stated rate of {rate}" for rate, share in told.items())
        + ".\n\n"
        + " ".join((__doc__ or "").split("\n\n", 1)[1].split())
        + " The columns features, scores and classifier say how often each part raised the alarm at 0.05; AUC is the median, and "
        "the last column the share of looks in whose interval of the AUC 0.5 lies.\n\n" + "\n".join(lines) + "\n"
    )


def chosen(known: Mapping[str, Stream], names: tuple[str, ...]) -> dict[str, Stream]:
    """The data sets of these names, or all; raises ConfigError for a name that there is not."""
    for name in names:
        if name not in known:
            raise ConfigError(f"sets: there is no data set {name!r}{nearest(name, list(known))}")
    return {name: known[name] for name in names or known}


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    names, looks = list(chosen(streams(arguments.data_dir), arguments.sets)), list[Look]()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(arguments.processes, spawn, initializer=set_up, initargs=(RESTARTS,)) as pool:
        for name in names:
            task = functools.partial(looked_by_name, name, arguments.data_dir, arguments.looks)
            try:
                for some in tqdm(pool.map(task, range(arguments.divisions)), name, arguments.divisions):
                    looks += some
            except jt.DataError as error:
                print(f"{name}: left out; {error}")
    about = environment()
    if arguments.write:
        (PLACE / "RESULTS.md").write_text(page(looks, str(about["processor"] or about["device"])), encoding="utf-8")
        (PLACE / "looks.csv").write_text("\n".join([TITLE, *(look.line() for look in looks)]) + "\n", encoding="utf-8")
    if arguments.json:
        print(json.dumps({"environment": about, "rows": rows(looks)}))
    else:
        print("\n".join("  ".join(str(value) for value in row.values()) for row in rows(looks)))


if __name__ == "__main__":
    main()
