"""The more labels are corrupted, the longer a network takes to learn all of them, and the less it knows of other images."""

import numpy as np
from jaxtyping import Float
from scipy import stats

import jaxtricks as jt
from experiments.measures import estimates
from experiments.why._labels import Dealt, courses, images, network, with_fitting_rate
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Earlier, Estimate, Outcome, Paper, Ruling, Scale, premise, settle


def measure(scale: Scale) -> Outcome:
    """An MLP 1×512 on 500 digits of MNIST, of which each label is replaced independently with probability p by one of the ten
    classes (`RandomLabels`, so that a share 0.9 p is wrong), for p = 0, 0.1, … 1; no two seeds have a digit in common, and
    the labels that a p changes, all larger ones change, too. SGD with momentum 0.9 and batches of 50, at one constant rate
    for all p: the one that learns random labels soonest on four other seeds and other digits. Each restart trains until the
    end of the first epoch after which every training label is right, as given; the epochs until then are the time, and the
    accuracy then on 500 others with true labels is judged. How both go with p is Kendall's rank correlation over the p of one
    seed, and their ends are compared.
    """
    size, validation = scale.pick(smoke=(120, 1 / 2), cpu=(1_000, 1 / 2), full=(1_200, 1 / 2))
    most = scale.budget(smoke=4, cpu=200, full=1_000)
    shares = np.round(np.linspace(0, 1, scale.pick(smoke=3, cpu=11, full=21)), 2)
    base, chosen = with_fitting_rate(network(scale, scale.pick(smoke=2, cpu=20, full=200)), scale, size, validation)
    data = images(scale, size * scale.seeds, validation)
    seeds = jt.Seeds(scale.restarts, examples=Dealt(scale.restarts[0], scale.seeds))
    found = courses(base.replace({"epochs": most}), data, shares.tolist(), seeds)
    needed = np.stack([np.where(np.isfinite(course.needed), course.needed, most + 1) for course in found], axis=1)
    accuracy = np.stack([course.then for course in found], axis=1)  # [seeds, shares]
    learnt = np.isfinite(np.stack([course.needed for course in found]))
    longer, worse, times, chance, fall = (
        Estimate.of(values)
        for values in (
            _kendall(shares, needed),
            _kendall(shares, accuracy),
            np.log2(needed[:, -1] / needed[:, 0]),
            accuracy[:, -1],
            accuracy[:, 0] - accuracy[:, -1],
        )
    )
    trained = round(size * (1 - validation))
    return Outcome(
        parts=[
            premise("all labels are learnt in the end", bool(learnt.all()), f"in {learnt.mean():.0%} of the runs"),
            settle("time grows with the share of corrupted labels", longer, above=0.5, kind="paper"),
            settle("random labels take longer than true ones (log₂)", times, above=0, kind="paper"),
            settle("accuracy falls with the share", worse, below=-0.5, kind="paper"),
            settle("from well above", fall, above=0.5, kind="paper"),
            settle("to chance", chance, above=0.05, below=0.15, kind="paper"),
        ],
        effect=f"all of {trained} labels are learnt after {needed[:, 0].mean():.1f} epochs where they are true "
        f"and {needed[:, -1].mean():.1f} where all are random, {times.through(np.exp2):.2f} times as many (τ with the share "
        f"{longer:+.2f}); then {accuracy[:, 0].mean():.1%} and {accuracy[:, -1].mean():.1%} of other digits are recognized (τ "
        f"{worse:+.2f})",
        numbers={
            "epochs": estimates(_by_share(shares, needed)),
            "accuracy": estimates(_by_share(shares, accuracy)),
            "kendall_of_epochs": longer,
            "kendall_of_accuracy": worse,
            "log2_ratio": times,
        },
        series=(
            Curve.over_seeds("time to learn all labels, of that for random ones", shares, needed / needed[:, -1:]),
            Curve.over_seeds("error on other digits then", shares, 1 - accuracy),
        ),
        axes=Axes("probability that a label is corrupted", "share"),
        chosen=chosen,
        sizes={"training": trained, "validation": size - trained},
    )


def _kendall(shares: Float[np.ndarray, " shares"], values: Float[np.ndarray, "seeds shares"]) -> Float[np.ndarray, " seeds"]:
    """Each seed's rank correlation with the share; 0 where its values are all alike."""
    return np.nan_to_num([stats.kendalltau(shares, row).statistic for row in values])


def _by_share(shares: Float[np.ndarray, " shares"], values: Float[np.ndarray, "seeds shares"]) -> dict[str, np.ndarray]:
    return {f"{share:g}": column for share, column in zip(shares, values.T, strict=True)}


CLAIM = Claim(
    rows=("T116",),
    lecture=3,
    statement="True labels: the original dataset without modification. Partially corrupted labels: independently with "
    "probability p, the label of each image is … uniform random class.",
    papers=(
        Paper("Zhang+ 2017, Figure 1b: the time to overfit grows with the share of corrupted labels, by a small factor", "R"),
        Paper("Zhang+ 2017, Figure 1c: the test error goes from that of true labels to 90% as the share goes to 1", "R"),
        Paper("of ten classes a random one is the true one in a tenth of the cases, so that a share 0.9 p is wrong", "M"),
    ),
    refuted_by="The 95% interval of the mean rank correlation with p over the p of a seed lies at or below 0.5 for the "
    "epochs until all labels are learnt, or at or above -0.5 for the accuracy on other digits then; or that of the mean log₂ "
    "ratio of epochs, p = 1 to p = 0, at or below 0; or that of the mean accuracy at p = 0 minus that at p = 1 at or below "
    "0.5, or that of the mean accuracy at p = 1 outside of 0.05 to 0.15.",
    measure=measure,
    kind="paper",
    history=(
        Earlier(
            "2026-11-29",
            "500 digits in place of 300, and no two seeds have one in common, which makes intervals narrower",
            "300 digits were learnt within few epochs, and the intervals, four times as wide, left open whether time grows; the "
            "result had been seen",
            Ruling.INCONCLUSIVE,
        ),
    ),
    used=1,
)
