"""Power: are planted effects found as often as verdicts state?"""

from typing import Any

import numpy as np

from experiments.calibration.learners import SHARE, Drawn
from experiments.calibration.noises import Noise
from experiments.calibration.rules import Members, verdict
from experiments.calibration.simulation import RATIO

TIMES = (1, 2, 4)  # margins


def margin(examples: int) -> float:
    """The smallest difference worth caring about, by the rule of verdicts: 0.5 points, or two validation examples."""
    return max(0.005, 2 / round(SHARE * examples))


def rows(drawn: list[Drawn], examples: int, seeds: tuple[int, ...], noise: Noise, bar: Any) -> list[dict[str, Any]]:
    """For each number of seeds: planted effects, the share in which they are found, and the share that verdicts state.

    The last effect is the mean of what the verdicts say they find four times of five.
    """
    split = float(np.mean([one.g.mean(axis=1).var(ddof=1) for one in drawn]))
    found = []
    for n in seeds:
        rng = np.random.default_rng([n, examples])
        members = []
        for one in drawn:
            added = noise.draw(rng, n, split**0.5)
            members.append(Members(one.g[:n] + added[:, None], one.places[:n], RATIO, added))
        known = [verdict(each).found for each in members]
        effects = {f"{times} margins": times * margin(examples) for times in TIMES}
        effects["detectable"] = float(np.mean([one.detectable() for one in known]))
        for name, effect in effects.items():
            said = [verdict(each._replace(g=each.g + effect)) for each in members]
            helps = [one.called and one.interval.low > 0 and not _small(one.interval, margin(examples)) for one in said]
            stated = float(np.mean([one.power(effect) for one in known]))
            found.append(
                {"examples": examples, "seeds": n, "noise": noise.name, "planted": name, "effect": effect, "stated": stated}
                | {"found": float(np.mean(helps))}
            )
        bar.update(len(drawn))
    return found


def _small(interval: Any, margin: float) -> bool:
    """Whether a verdict says "no difference"."""
    return -margin <= interval.low and interval.high <= margin
