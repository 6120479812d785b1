"""Whether the healthy experiments are healthy, by plain fits: `python -m experiments.doctor.health`, some minutes on 2 cores.

What a model knows is its accuracy beyond that of the commonest answer, as a share of what there is to know; of values it is r².
An experiment is healthy where, on eight restarts that the doctor is not judged on,

- it knows something: a third or more of what there is to know;
- another learning rate would know little more: at most a twentieth of what the best of seven rates around its own knows, which
  are a factor of √10 apart;
- it is not still learning: after twice the epochs it would know little more, likewise;
- it is not overfitted: the validation loss of the last epoch is at most a tenth of a guesser's loss above its lowest epoch.
"""

import dataclasses
import sys
from typing import NamedTuple

import numpy as np
import tyro

import jaxtricks as jt
from experiments.doctor.healthy import patients
from jaxtricks.engine import program

SEEDS = tuple(range(100, 108))
RATE = "optimizer.rule.learning_rate"
STEPS = range(-3, 4)  # of √10, from its own rate
KNOWN, LITTLE, RISEN = 1 / 3, 1 / 20, 1 / 10


class Health(NamedTuple):
    """What is found of an experiment.

    Args:
        knows: what it knows, a share of what there is to know.
        rates: the same at the best of seven rates.
        longer: the same after twice the epochs.
        risen: how far its last validation loss lies above the lowest, as a share of a guesser's.
    """

    knows: float
    rates: float
    longer: float
    risen: float

    @property
    def healthy(self) -> bool:
        """Whether it meets the criterion."""
        enough = (1 - LITTLE) * max(self.rates, self.longer)
        return self.knows >= max(enough, KNOWN) and self.risen <= RISEN


def health(experiment: jt.Experiment, data: jt.Dataset) -> Health:
    """Trains an experiment at seven rates and for twice its epochs."""
    program.forget()
    own = float(experiment.hyperparameters()[RATE])
    rates = [experiment.replace({RATE: own * 10 ** (step / 2)}) for step in STEPS]
    fitted = jt.fit(rates, data, seeds=SEEDS, progress=False)
    known = [_known(runs, data) for runs in fitted]
    longer = jt.fit(experiment.replace({"epochs": 2 * experiment.epochs}), data, seeds=SEEDS, progress=False)
    given = fitted[STEPS.index(0)]
    curve = given.curves["squared" if "r2" in given.metrics else "nll"].mean(axis=0)
    return Health(known[STEPS.index(0)], max(known), _known(longer, data), float(curve[-1] - curve.min()) / _guessed(data))


def _known(runs: jt.Runs, data: jt.Dataset) -> float:
    """What runs know on average; one that diverged knows nothing."""
    if "r2" in runs.metrics:
        values = runs.metrics["r2"]
    else:
        common = float(_shares(data).max(axis=0).mean())
        values = (runs.metrics["accuracy"] - common) / (1 - common)
    return float(np.where(runs.alive, np.nan_to_num(values), 0).mean())


def _shares(data: jt.Dataset) -> np.ndarray:
    """The share of each answer, [answers, labels]; of classes there is one label."""
    if data.task == "multilabel":
        ones = data.y.mean(axis=0)
        return np.stack([ones, 1 - ones])
    return np.bincount(data.y)[:, None] / len(data)


def _guessed(data: jt.Dataset) -> float:
    """The loss of a guesser who knows how common each answer is: in nats, or the variance of standardized values."""
    if data.task == "values":
        return 1.0
    shares = _shares(data)
    return float(-(shares * np.log(shares)).sum(axis=0).mean())


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Checks the healthy experiments.

    Args:
        numbers: of those that are checked; none: all.
    """

    numbers: tuple[int, ...] = ()


def main(arguments: Arguments) -> None:
    """Prints what is found of each, and fails where one is not healthy."""
    ill = 0
    for patient in patients():
        if arguments.numbers and patient.number not in arguments.numbers:
            continue
        found = health(*patient.make())
        ill += not found.healthy
        shown = ", ".join(f"{name} {value:.3f}" for name, value in found._asdict().items())
        print(f"{patient.name}: {'healthy' if found.healthy else 'NOT healthy'}: {shown}", flush=True)
    if ill:
        sys.exit(f"{ill} are not healthy.")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
