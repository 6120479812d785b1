"""The weights that learn every training label against those of the epoch that validation chooses."""

import numpy as np

import jaxtricks as jt
from experiments.measures import estimates
from experiments.why._labels import images, network, with_fitting_rate
from jaxtricks import rng
from jaxtricks.data import Examples
from jaxtricks.evaluate.claim import Axes, Claim, Estimate, Outcome, Paper, Scale, curves, premise, settle, sizes
from jaxtricks.experiment import RandomLabels

CORRUPTED = 0.4  # the probability
DISASTER = 0.05  # of accuracy
TRUE, NOISY = "true labels", "corrupted labels"


def measure(scale: Scale) -> Outcome:
    """An MLP 1×512 on 500 digits of MNIST, drawn by each seed, with true labels, and with labels of which each is replaced with
    probability 0.4 by one of the ten classes at random, so that 36% are wrong. SGD with momentum 0.9 and batches of 50 for 30
    epochs, at one constant rate: the one that learns random labels soonest on four other seeds and other digits. The weights
    after the last epoch, which have every training label right, as given (the global optimum of the training error), are held
    against those of the epoch with the best accuracy on 500 digits with true labels. Both are judged by their accuracy on 2 000
    digits with true labels that neither saw. Disastrous is a loss of more than 5 points. The lecture says it of all training; so
    it has to be so for true labels and for corrupted ones.
    """
    size, validation, other = scale.pick(smoke=(300, 1 / 3, 100), cpu=(1_000, 1 / 2, 2_000), full=(15_000, 1 / 3, 10_000))
    base, chosen = with_fitting_rate(network(scale, scale.pick(smoke=2, cpu=30, full=100)), scale, size, validation)
    base = base.replace({"epochs": scale.budget(smoke=4, cpu=30, full=300)})
    pool = images(scale, size + other, validation)
    order = rng.host(0, "seen or judged").permutation(len(pool))
    seen, judged = order[:size], order[size:]
    data = jt.Dataset.from_arrays(pool.x[seen], pool.y[seen], name=pool.name, classes=pool.classes, validation=validation)
    examples = Examples(pool.x[judged], pool.y[judged], None)
    chooses = base.replace({"stopping": jt.EarlyStopping(patience=base.epochs, metric="accuracy")})
    optimum, best = {}, {}
    for name, probability in {TRUE: 0.0, NOISY: CORRUPTED}.items():
        seeds = jt.Seeds(scale.restarts, labels=RandomLabels(probability))
        optimum[name], best[name] = jt.fit([base, chooses], data, seeds=seeds)
    learnt = {name: runs.evaluate("train")["accuracy"] for name, runs in optimum.items()}
    chosen_learnt = {name: runs.evaluate("train")["accuracy"] for name, runs in best.items()}
    ends = {name: runs.evaluate(examples)["accuracy"] for name, runs in optimum.items()}
    bests = {name: runs.evaluate(examples)["accuracy"] for name, runs in best.items()}
    lost = {name: Estimate.over(optimum[name], bests[name] - ends[name]) for name in ends}
    local = Estimate.over(best[NOISY], chosen_learnt[NOISY])
    all_learnt = bool(all((share == 1).all() for share in learnt.values()))
    return Outcome(
        parts=[
            premise("training ends at a global optimum", all_learnt, _shares("labels learnt", learnt)),
            settle("with corrupted labels the best epoch has not learnt all", local, below=0.99),
            settle("with corrupted labels the optimum is a disaster", lost[NOISY], above=DISASTER),
            settle("with true labels it is one, too", lost[TRUE], above=DISASTER),
        ],
        effect=f"on other digits the global optimum costs {lost[NOISY]:.2%} of accuracy with corrupted labels "
        f"({bests[NOISY].mean():.1%} to {ends[NOISY].mean():.1%}) and {lost[TRUE]:.2%} with true ones "
        f"({bests[TRUE].mean():.1%} to {ends[TRUE].mean():.1%}); of corrupted labels the best epoch has learnt {local:.1%}",
        numbers={
            "lost": lost,
            "optimum": estimates(ends),
            "best_epoch": estimates(bests),
            "learnt_at_best_epoch": estimates(chosen_learnt),
        },
        series=curves(optimum, "accuracy"),
        axes=Axes("epoch", "accuracy on digits with true labels"),
        chosen=chosen,
        sizes=sizes(optimum[TRUE]),
    )


def _shares(of: str, values: dict[str, np.ndarray]) -> str:
    return f"{of}: " + ", ".join(f"{name} {share.min():.2%} or more" for name, share in values.items())


CLAIM = Claim(
    rows=("T116",),
    lecture=3,
    statement="The best solutions are suboptimal, *local* minima for the training error. Finding the *global* optimum is "
    "disastrous",
    papers=(
        Paper("Zhang+ 2017, Figure 1c: networks that learn all of partly corrupted labels err on more test images", "R"),
        Paper("Zhang+ 2017, Table 1: networks that learn all true labels of CIFAR-10 generalize well", "V"),
    ),
    refuted_by="The 95% interval of the mean loss in accuracy on other digits, best epoch minus global optimum, lies at or "
    "below 5 points with corrupted labels or with true ones, or that of the mean share of corrupted training labels that the "
    "best epoch has learnt at or above 0.99.",
    measure=measure,
    kind="effect",
)
