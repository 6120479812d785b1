"""Whether the rules that are good on one task are good on another."""

import numpy as np
import scipy
from jaxtyping import Float

from experiments.search._valley import PAPERS, jackknifed, table
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Scale, Scales, premise, settle

ALIKE = 0.5  # a rank correlation: the order on one task tells a quarter of the variance of ranks on another
RANGE = 0.25  # of what the best rule reaches
MEASURED = 0.8  # the rank correlation of two halves of the restarts


def measure(scale: Scale) -> Outcome:
    """The table of `experiments.crowded_valley`: fifteen rules on eight small problems, with the default settings that the paper
    has, four schedules, ten seeds. What a rule comes to is a share of the way from a constant answer to the best mean of the
    table, divided by that of the best rule on the problem, averaged over schedules and seeds; 0 where a run diverged. Two
    problems are compared by the rank correlation of the fifteen rules; the interval over the 28 pairs is that of a jackknife
    over problems. The range of a rule is its share on the problem that suits it best less that on the worst, and its
    interval one over rules. That the orders are known well is seen in two halves of the seeds. The lecture says that the task
    may decide between Adam and SGD; what is judged is the paper's.
    """
    found = table(scale)
    shares = found.defaults.mean(axis=2)  # [problems, rules, seeds]
    means = shares.mean(axis=2)
    relative = means / means.max(axis=1, keepdims=True)
    alike = _correlations(means, means)
    halves = float(np.diag(_correlations(shares[..., ::2].mean(axis=2), shares[..., 1::2].mean(axis=2))).mean())
    orders = Estimate.of(jackknifed(alike))
    ranges = Estimate.of(relative.max(axis=0) - relative.min(axis=0))
    order = np.argsort(-relative.mean(axis=0))
    places = tuple(float(place + 1) for place in range(len(order)))
    each = tuple(
        Curve(problem, places, values, values, values)
        for problem, values in zip(found.problems, map(tuple, relative[:, order].tolist()), strict=True)
    )
    return Outcome(
        parts=[
            premise(
                "orders of rules are known well",
                halves >= MEASURED,
                f"rank correlation {halves:.2f} of two halves of the seeds, on average over problems; at least {MEASURED}?",
            ),
            settle("the order of rules on one task says little of that on another", orders, below=ALIKE, kind="paper"),
            settle("what a rule comes to differs by a quarter from task to task", ranges, above=RANGE, kind="paper"),
        ],
        effect=f"rank correlation of rules between two tasks {orders:.2f}; a rule reaches {ranges.mean:.0%} of the best one less "
        "on the task that suits it least than on the one that suits it best",
        numbers={
            "between tasks": orders,
            "range": ranges,
            "halves of the seeds": halves,
            "best rule": {name: found.rules[place] for name, place in zip(found.problems, means.argmax(axis=1), strict=True)},
        },
        series=each,
        axes=Axes("rule", "share of the best rule's", places=tuple(found.rules[place].replace("_", " ") for place in order)),
    )


def _correlations(a: Float[np.ndarray, "problems rules"], b: Float[np.ndarray, "problems rules"]) -> Float[np.ndarray, "p p"]:
    """Spearman's rank correlation of each row of one with each of the other."""
    ranks = np.concatenate([scipy.stats.rankdata(each, axis=1) for each in (a, b)])
    return np.corrcoef(ranks)[: len(a), len(a) :]


CLAIM = Claim(
    rows=("T035",),
    lecture=0,
    statement="Depending on the task, SGD may still perform better",
    papers=PAPERS,
    refuted_by="The 95% interval over problems of the mean rank correlation of rules between two problems lies at or above 0.5, "
    "or that over rules of the difference between a rule's largest and smallest share of what the best rule reaches at or below "
    "0.25.",
    measure=measure,
    kind="paper",
    seeds=Scales(0, 0, 0),
    trains=False,
)
