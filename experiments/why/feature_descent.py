"""Double descent in the number of random features."""

import math

import numpy as np

import jaxtricks as jt
from experiments.why._apart import apart
from experiments.why._features import Size, fits
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, settle

BELKIN = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 2.0, 4.0, 6.0)  # N / n
NEAR = math.log2(1.25)


def measure(scale: Scale) -> Outcome:
    """N random Fourier features of MNIST's images, pixels in [0, 1], frequencies from N(0, 0.2²), and for one-hot targets the
    least squares weights in closed form, in double precision: those of least norm where N > n. 16 restarts of n = 1 000
    training and 250 other images each, none in common; N / n are the paper's, from 0.05 to 6. Judged by the share of the other
    images that are classified wrongly, restart by restart: at which N it is largest (log₂ N/n), and how much smaller it is at
    the largest N than at the best N below n, which is picked on these very images, to the advantage of few features. The norm
    of all weights goes along. The paper has n = 10 000, as the full scale here, N complex features, and one draw; here a
    frequency has two real features, its cosine and sine, and N counts features. All N of a restart are nested.
    """
    n, other = scale.pick(smoke=(20, 20), cpu=(1_000, 250), full=(10_000, 3_000))
    ratios = scale.pick(smoke=(0.5, 1.0, 2.0), cpu=BELKIN, full=BELKIN)
    data = apart(scale, jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist")), n, other)
    found = fits(data, scale.restarts, scale.seeds, [Size(n, 2 * round(ratio * n / 2)) for ratio in ratios])
    places, below = np.log2(ratios), np.array(ratios) < 1
    peak, longest = (Estimate.of(places[values.argmax(axis=1)]) for values in (found.error, found.norm))
    best = found.error[:, below].min(axis=1)
    gain = Estimate.of(found.error[:, -1] - best)
    named = {"other images": found.error, "training images": found.training}
    return Outcome(
        parts=[
            settle("the test error peaks at N = n", peak, above=-NEAR, below=NEAR),
            settle("most features are better than any N < n", gain, below=0),
            settle("the norm of the weights peaks there, too", longest, above=-NEAR, below=NEAR, kind="paper"),
        ],
        effect=f"the test error is largest at N/n = {peak.through(np.exp2):.2f}, {found.error.max(axis=1).mean():.1%}; at N = "
        f"{ratios[-1]:g} n it is {found.error[:, -1].mean():.1%}, {gain:+.1%} against the best N < n; the norm is largest at "
        f"{longest.through(np.exp2):.2f}",
        numbers={
            "log2_peak": peak,
            "gain": gain,
            "log2_longest": longest,
            "ratios": ratios,
            **{name: values.mean(axis=0) for name, values in found._asdict().items()},
        },
        series=tuple(Curve.over_seeds(name, ratios, values).within(0, 1) for name, values in named.items()),
        axes=Axes("features / training images", "share classified wrongly", log="x"),
        sizes={"training": n, "validation": other},
    )


CLAIM = Claim(
    rows=("T117",),
    lecture=3,
    statement="Double descent: Some models perform best when massively overparametrized.",
    papers=(
        Paper("Belkin+ 2019: random Fourier features on 10 000 images of MNIST: test error and norm peak at N = 10 000", "V2"),
        Paper("N > n features fit n targets exactly, and of all weights that do, one has the least norm", "M"),
    ),
    refuted_by="The 95% interval of the mean place of the largest test error, log₂ N/n, lies beyond ±log₂ 1.25, or that of the "
    "mean difference in test error, N = 6 n minus the best N < n of each restart, lies at or above 0.",
    measure=measure,
    kind="effect",
    seeds=Scales(cpu=16, full=3),
    trains=False,
)
