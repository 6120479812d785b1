"""A scripted expert against automatic search at an equal budget."""

from collections.abc import Sequence

from experiments.measures import estimates
from experiments.search._table import GIVEN, at_budgets, regrets, said
from jaxtricks.evaluate.claim import Claim, Estimate, Outcome, Paper, Scale, Scales, settle
from jaxtricks.search import History, Strategy
from jaxtricks.search.condition import Point

# One setting after the other, in the order in which tutorials tell one to look, and the values that they name.
ORDER: tuple[tuple[str, tuple[float, ...]], ...] = (
    ("optimizer.rule.learning_rate", (1e-3, 3e-3, 1e-2, 3e-2, 3e-4, 1e-1)),
    ("model.dropout.rate", (0.0, 0.2, 0.5)),
    ("optimizer.rule.weight_decay.rate", (1e-4, 1e-3, 0.1)),
    ("objective.loss.label_smoothing", (0.0, 0.05, 0.2)),
    ("optimizer.clip_norm", (0.3, 3.0)),
    ("optimizer.rule.b1", (0.8, 0.95)),
    ("optimizer.rule.learning_rate", (5e-3, 2e-2, 5e-2, 2e-3)),
    ("model.dropout.rate", (0.1, 0.3, 0.4)),
    ("optimizer.rule.weight_decay.rate", (3e-4, 3e-3, 3e-2)),
)


class Expert(Strategy):
    """Tries the values of one setting at a time around the best so far, and goes on with the best of them."""

    def ask(self, history: History, count: int) -> list[Point]:
        """The next values of the setting that is being looked at.

        Args:
            history: what the search knows.
            count: at most so many.
        """
        first = 0
        for path, values in ORDER:
            if len(history.points) < first + len(values):
                if len(history.told) < first:  # the settings before this one are not judged yet
                    return []
                return [{**_best(history, first), path: value} for value in values[len(history.points) - first :][:count]]
            first += len(values)
        return []


def _best(history: History, trials: int) -> Point:
    """The best of the first so many trials; what an expert begins with before any."""
    told: Sequence[tuple[float, int]] = [(trial.score, place) for place, trial in enumerate(history.told[:trials])]
    return history.told[min(told)[1]].point if told else GIVEN


def measure(scale: Scale) -> Outcome:
    """The table of `experiments.search_luck`: 1 024 settings of a network of 32 units on digits in six dimensions. The expert is
    a script: it looks at one setting at a time, the learning rate first, at the values that tutorials name, keeps the best and
    comes back for a second look. Against it random points, and Bayesian search; 29 trials of four restarts each, and as many
    more as a fifth of the budget for racing, judged by the accuracy of what is returned over 16 restarts that no search saw. A
    script is no human, and the space was made by the one who wrote the script.
    """
    trials = scale.pick(smoke=16, cpu=29, full=29)
    strategies = {"expert": Expert(), "random": Strategy("random"), "bayesian": Strategy("bayes")}
    found = regrets(strategies, trials, scale)
    ahead = {name: Estimate.of(found[name] - found["expert"], "these examples") for name in ("random", "bayesian")}
    curves, axes = at_budgets({trials: found})
    return Outcome(
        parts=[settle(f"the expert is ahead of {name} search", each, above=0) for name, each in ahead.items()],
        effect=f"points below the best of the table at {trials} trials: {said(found)}",
        numbers={"ahead": ahead, "below": estimates(found)},
        series=curves,
        axes=axes,
    )


CLAIM = Claim(
    rows=("T081",),
    lecture=1,
    statement="Manual is almost always best",
    papers=(
        Paper("Bergstra & Bengio 2012: random search equals manual and grid search on 4 of 7 data sets", "V"),
        Paper("Snoek+ 2012: Bayesian search 14.98% on CIFAR-10, the expert 18%", "V"),
    ),
    refuted_by="The 95% interval over searches of how far the expert is ahead of random search, or of Bayesian search, lies at "
    "or below 0 points.",
    measure=measure,
    kind="effect",
    seeds=Scales(cpu=50, full=50),
    trains=False,
)
