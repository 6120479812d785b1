"""A coarse search and then a fine one, against one search at the same number of trials."""

from experiments.measures import estimates
from experiments.search._table import at_budgets, regrets, said
from jaxtricks.evaluate.claim import Claim, Estimate, Outcome, Paper, Scale, Scales, settle
from jaxtricks.search import CoarseToFine, Strategy


def measure(scale: Scale) -> Outcome:
    """The table of `experiments.search_luck`: 1 024 settings of a network of 32 units on digits in six dimensions. Half of the
    trials fill the whole space, half a part of it around the best so far, a quarter as wide; against as many trials that fill the
    whole space, by the same sequence. 32 trials of four restarts, and as many more as a fifth of the budget for racing, judged by
    the accuracy of what is returned over 16 restarts that no search saw.
    """
    budgets = scale.pick(smoke=(16,), cpu=(16, 32, 64), full=(16, 32, 64))
    decides = budgets[len(budgets) // 2]

    def strategies(trials: int) -> dict[str, Strategy]:
        return {"two stages": CoarseToFine(trials=trials // 2, stages=2, share=0.25), "one stage": Strategy("sobol")}

    found = {trials: regrets(strategies(trials), trials, scale) for trials in budgets}
    ahead = {trials: Estimate.of(each["one stage"] - each["two stages"], "these examples") for trials, each in found.items()}
    curves, axes = at_budgets(found)
    return Outcome(
        parts=[settle(f"two stages are ahead at {decides} trials", ahead[decides], above=0)],
        effect=f"points below the best of the table at {decides} trials: {said(found[decides])}",
        numbers={"ahead": ahead, "below": {trials: estimates(each) for trials, each in found.items()}},
        series=curves,
        axes=axes,
    )


CLAIM = Claim(
    rows=("T082",),
    lecture=1,
    statement="Coarse to fine search",
    papers=(Paper("CS231n's printed log: 0.482 in the coarse stage, 0.531 in the fine one", "V"),),
    refuted_by="The 95% interval over searches of how far two stages are ahead of one at 32 trials lies at or below 0 points.",
    measure=measure,
    kind="effect",
    seeds=Scales(cpu=50, full=50),
    trains=False,
)
