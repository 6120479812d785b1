"""Bayesian search against random search."""

from experiments.measures import estimates
from experiments.search._table import at_budgets, regrets, said
from jaxtricks.evaluate.claim import Claim, Estimate, Outcome, Paper, Scale, Scales, settle
from jaxtricks.search import Strategy


def measure(scale: Scale) -> Outcome:
    """The table of `experiments.search_luck`: 1 024 settings of a network of 32 units on digits in six dimensions, 32 restarts
    each. A Gaussian process that knows the noise of its trials, and random points; 32 trials of four restarts, and as many more
    as a fifth of the budget for racing, judged by the accuracy of what is returned over 16 restarts that no search saw. The
    lecture names the three strategies and says nothing of which is better: that is the paper's.
    """
    budgets = scale.pick(smoke=(16,), cpu=(16, 32, 64), full=(16, 32, 64))
    decides = budgets[len(budgets) // 2]
    strategies = {"bayesian": Strategy("bayes"), "random": Strategy("random")}
    found = {trials: regrets(strategies, trials, scale) for trials in budgets}
    ahead = {trials: Estimate.of(each["random"] - each["bayesian"], "these examples") for trials, each in found.items()}
    curves, axes = at_budgets(found)
    return Outcome(
        parts=[settle(f"is ahead of random search at {decides} trials", ahead[decides], above=0, kind="paper")],
        effect=f"points below the best of the table at {decides} trials: {said(found[decides])}",
        numbers={"ahead": ahead, "below": {trials: estimates(each) for trials, each in found.items()}},
        series=curves,
        axes=axes,
    )


CLAIM = Claim(
    rows=("T080",),
    lecture=0,
    statement="How can we possibly choose the best values for all of these? … Most common strategies: … Grid search... … Random "
    "search... … Bayesian search...",
    papers=(Paper("Snoek+ 2012: a Gaussian process finds better settings than random search and than an expert", "V"),),
    refuted_by="The 95% interval over searches of how far Bayesian search is ahead of random search at 32 trials lies at or "
    "below 0 points.",
    measure=measure,
    kind="paper",
    seeds=Scales(cpu=50, full=50),
    trains=False,
)
