"""False calls and width of intervals, where two learners are equal by symmetry: the truth is known, and is no difference."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.calibration.learners import SHARE, Drawn, members
from experiments.calibration.noises import Noise
from experiments.calibration.rules import RULES, Members

NORMAL = 1.959964  # the quantile of an oracle that knows the variance
RATIO = SHARE / (1 - SHARE)


def pools(examples: int, most: int, repeats: int) -> Iterator[Drawn]:
    """One pool after the other, with splits for as many members as any cell has."""
    for repeat in range(repeats):
        yield members(np.random.default_rng([repeat, examples]), examples, most)


def cells(
    drawn: list[Drawn], examples: int, seeds: tuple[int, ...], noises: tuple[Noise, ...], bar: Any
) -> Iterator[dict[str, Any]]:
    """A row for each number of seeds and kind of noise: how often each rule errs, and how wide its intervals are.

    The oracle knows the variance of the splits, of the pool and of the restarts, and uses the normal quantile.
    """
    means = np.array([one.g.mean(axis=1) for one in drawn])
    split = float(means.var(axis=1, ddof=1).mean())
    shared = max(float(means.mean(axis=1).var()) - split / means.shape[1], 0.0)
    for n in seeds:
        for noise in noises:
            rng = np.random.default_rng([n, examples, len(noise.name)])
            added = np.array([noise.draw(rng, n, split**0.5) for _ in drawn])
            truth, scatter = noise.truth(split**0.5), float(added.var())
            oracle = NORMAL * (shared + (split + scatter) / n) ** 0.5
            row: dict[str, Any] = {"examples": examples, "seeds": n, "noise": noise.name, "limit": noise.limit, "oracle": oracle}
            row["rules"] = {name: _errors(rule, drawn, added, n, truth, oracle) for name, rule in RULES.items()}
            bar.update(len(drawn))
            yield row


def _errors(rule: Any, drawn: list[Drawn], added: np.ndarray, n: int, truth: float, oracle: float) -> dict[str, float]:
    """How often a rule calls the arms different (against the truth, if there is one), misses the truth, and how wide it is."""
    false, missed, widths = 0, 0, []
    for one, moved in zip(drawn, added, strict=True):
        said = rule(Members(one.g[:n] + moved[:, None], one.places[:n], RATIO, moved))
        against = said.called and (truth == 0 or (said.interval.low > 0) != (truth > 0))
        false += bool(against)
        missed += not said.interval.low <= truth <= said.interval.high
        widths.append((said.interval.high - said.interval.low) / 2)
    return {
        "false": false / len(drawn),
        "missed": missed / len(drawn),
        "width": float(np.mean(widths)) / oracle,
        "median_width": float(np.median(widths)) / oracle,
    }
