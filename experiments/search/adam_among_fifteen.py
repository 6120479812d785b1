"""Adam among fifteen tuned rules."""

import numpy as np
from jaxtyping import Float

from experiments.crowded_valley.table import BUDGETS
from experiments.search._valley import ADAM, NEWER, PAPERS, table
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Scale, Scales, settle

BEHIND = 0.01  # of what there is to gain on a problem: so much is a rule behind another somewhere
NEAR = 0.05  # and so near to the best rule of a problem is a strong one
AHEAD = 0.02  # and so much would make a newer method better


def measure(scale: Scale) -> Outcome:
    """The table of `experiments.crowded_valley`: fifteen rules on eight small problems, each with the best of 75 random settings,
    which one seed chooses and nine others judge, by the share of the way from a constant answer to the best mean of the table,
    averaged over the four schedules. No rule dominates: the rule whose worst gap behind another, over problems, is smallest still
    has a gap; which rule, problem and other that is, eight seeds say and the ninth measures. Adam is strong: how far it lies
    behind the best rule of each problem, on average; which rule that is one half of the seeds says, and the other measures. No
    newer method is ahead of Adam: of the eight that the paper counts as such, the one with the largest mean gain over it, which
    is chosen by that gain and so looks better than it is. The last two intervals are over problems. The lecture says that Adam
    is the default of most; what is judged is the paper's.
    """
    found = table(scale)
    shares = found.tuned("large").mean(axis=2)  # [problems, rules, seeds]
    means, adam = shares.mean(axis=2), found.rules.index(ADAM)
    gaps = Estimate.of(_worst_gaps(shares), "these examples")
    behind = Estimate.of(_behind(shares, adam))
    gains = {name: means[:, found.rules.index(name)] - means[:, adam] for name in NEWER if name in found.rules}
    newest = max(gains, key=lambda name: float(gains[name].mean()))
    ahead = Estimate.of(gains[newest])
    order = np.argsort(-means.mean(axis=0))
    every = [Estimate.of(means[:, place]) for place in order]
    places = tuple(float(place + 1) for place in range(len(order)))
    mean, low, high = (tuple(getattr(each, part) for each in every) for part in ("mean", "low", "high"))
    return Outcome(
        parts=[
            settle("no rule is the best everywhere", gaps, above=BEHIND, kind="paper"),
            settle("Adam is near the best rule of a task", behind, below=NEAR, kind="paper"),
            settle("no newer method is ahead of Adam", ahead, below=AHEAD, kind="paper"),
        ],
        effect=f"Adam lies {behind.mean:.3f} of what there is to gain behind the best rule of a task, and is number "
        f"{list(order).index(adam) + 1} of {len(order)}; the newer method with the largest gain over it, {newest}, has "
        f"{ahead.mean:+.3f}",
        numbers={
            "worst gap of the best rule": gaps,
            "Adam behind": behind,
            "newer ahead of Adam": {name: Estimate.of(each) for name, each in gains.items()},
            "better than Adam on": {name: int((each > 0).sum()) for name, each in gains.items()},
            "budget": BUDGETS["large"],
        },
        series=(Curve("mean over problems", places, mean, low, high),),
        axes=Axes(
            "rule", "share of what there is to gain", places=tuple(found.rules[place].replace("_", " ") for place in order)
        ),
    )


def _worst_gaps(shares: Float[np.ndarray, "problems rules seeds"]) -> Float[np.ndarray, " seeds"]:
    """By each seed the worst gap of the rule whose worst gap is the smallest; rule, problem and rival are those of the others."""
    found = []
    for seed in range(shares.shape[2]):
        others = np.delete(shares, seed, axis=2).mean(axis=2)
        gaps = others[:, None, :] - others[:, :, None]  # how far a rule lies behind a rival, [problems, rules, rivals]
        worst = gaps.max(axis=(0, 2))
        rule = int(worst.argmin())
        problem, rival = np.unravel_index(gaps[:, rule].argmax(), gaps[:, rule].shape)
        found.append(shares[problem, rival, seed] - shares[problem, rule, seed])
    return np.array(found)


def _behind(shares: Float[np.ndarray, "problems rules seeds"], rule: int) -> Float[np.ndarray, " problems"]:
    """How far a rule lies behind the best of each problem, which one half of the seeds names and the other measures."""
    halves = [shares[..., start::2].mean(axis=2) for start in (0, 1)]
    problems = np.arange(len(shares))
    gaps = [judging[problems, naming.argmax(axis=1)] - judging[:, rule] for naming, judging in (halves, halves[::-1])]
    return np.mean(gaps, axis=0)


CLAIM = Claim(
    rows=("T033",),
    lecture=3,
    statement="Currently the default optimizer for most DL settings",
    papers=PAPERS,
    refuted_by="The 95% interval over seeds of the worst gap of the rule whose worst gap is smallest lies at or below 0.01 of "
    "the way from a constant answer to the best, or that over problems of how far Adam lies behind the best rule of a problem at "
    "or above 0.05, or that of how far the newer method with the largest gain is ahead of Adam at or above 0.02.",
    measure=measure,
    kind="paper",
    seeds=Scales(0, 0, 0),
    trains=False,
)
