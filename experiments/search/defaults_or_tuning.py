"""Trying many rules with their default settings against tuning one."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from experiments.crowded_valley.table import BUDGETS, Table, best
from experiments.search._valley import ADAM, PAPERS, table
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Scale, Scales, settle

MARGIN = 0.05  # of what there is to gain on a problem
DRAWS = 200
BOLD = "amsgrad"  # whose default learning rate is ten times that of Adam and its other kin


def measure(scale: Scale) -> Outcome:
    """The table of `experiments.crowded_valley`: fifteen rules on eight small problems, four schedules. Once all of them are
    tried with the paper's default settings, one run each, and the one that looks best is kept: 15 runs. Once one rule is fixed,
    and 25 random settings of it are tried, one run each, and the best is kept; what that comes to is the mean over the fifteen
    rules that may be the fixed one. Both choose on seed 0 and are judged on nine others, by the share of the way from a constant
    answer to the best mean of the table, averaged over schedules and seeds; the interval is over problems. As well means: not
    worse by 0.05 of that way. The curve of rules tried is the mean over random subsets of them. The lecture says that baselines
    are not tuned; what comes of not tuning is the paper's. Added after the result was seen, and deciding nothing: the same
    without AMSGrad, whose default learning rate is remembered, not re-read, as ten times Adam's.
    """
    found = table(scale)
    draws = scale.pick(smoke=5, cpu=DRAWS, full=DRAWS)
    tried = {count: _of_defaults(found, range(len(found.rules)), count, draws) for count in range(1, len(found.rules) + 1)}
    tuned = {count: found.tuned(budget).mean(axis=(2, 3)) for budget, count in BUDGETS.items()}  # [problems, rules]
    every = tried[len(found.rules)]
    ahead = {
        "a fixed rule": {count: Estimate.of(every - each.mean(axis=1)) for count, each in tuned.items()},
        "adam": {count: Estimate.of(every - each[:, found.rules.index(ADAM)]) for count, each in tuned.items()},
        "the best fixed rule": {count: Estimate.of(every - each[:, each.mean(axis=0).argmax()]) for count, each in tuned.items()},
    }
    others = [place for place, name in enumerate(found.rules) if name != BOLD]
    without = _of_defaults(found, others, len(others), draws) - tuned[BUDGETS["small"]].mean(axis=1)
    small = ahead["a fixed rule"][BUDGETS["small"]]
    curves = (
        _over_runs("rules with default settings", tried),
        _over_runs("settings of one rule", {count: each.mean(axis=1) for count, each in tuned.items()}),
        _over_runs("settings of Adam", {count: each[:, found.rules.index(ADAM)] for count, each in tuned.items()}),
    )
    return Outcome(
        parts=[
            settle("defaults of fifteen rules are as good as 25 settings of one", small, above=-MARGIN, kind="paper"),
        ],
        effect=f"defaults of {len(found.rules)} rules less 25 settings of one rule {small:+.3f} of what there is to gain, less "
        f"25 of Adam {ahead['adam'][BUDGETS['small']].mean:+.3f}",
        numbers={"ahead of": ahead, "defaults": Estimate.of(every), f"without {BOLD}": Estimate.of(without)},
        series=curves,
        axes=Axes("runs that choose", "share of what there is to gain"),
    )


def _of_defaults(found: Table, rules: Sequence[int], count: int, draws: int) -> Float[np.ndarray, " problems"]:
    """What the best of so many of some rules with default settings comes to, on average over random subsets."""
    draw = rng.host(0, f"rules tried: {count}")
    subsets = [draw.permutation(rules)[:count] for _ in range(1 if count == len(rules) else draws)]
    judged = found.defaults[..., 1:].mean(axis=3)  # [problems, rules, schedules]
    shares = []
    for places in subsets:
        first = found.default[..., 0][:, places]
        picks = np.stack([best(row.T, bool(higher)) for row, higher in zip(first, found.higher, strict=True)])
        shares.append(np.take_along_axis(judged[:, places], picks[:, None], axis=1)[:, 0].mean(axis=1))
    return np.mean(shares, axis=0)


def _over_runs(name: str, values: dict[int, Float[np.ndarray, " problems"]]) -> Curve:
    return Curve.over_seeds(name, tuple(map(float, values)), np.stack(list(values.values()), axis=1))


CLAIM = Claim(
    rows=("T114",),
    lecture=3,
    statement="Difficult to do fairly. … Nobody tunes their baselines as much as their own model.",
    papers=PAPERS,
    refuted_by="The 95% interval over problems of what the best of fifteen rules with default settings comes to, less what "
    "the best of 25 random settings of one rule comes to on average over which rule that is, lies at or below -0.05 of the way "
    "from a constant answer to the best.",
    measure=measure,
    kind="paper",
    seeds=Scales(0, 0, 0),
    trains=False,
)
