"""More examples hurt where they become as many as the features."""

import math

import numpy as np

import jaxtricks as jt
from experiments.why._apart import apart
from experiments.why._features import Size, fits
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, Scales, settle

RATIOS = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5, 2.0, 2.5, 3.0)  # n / N
NEAR = math.log2(1.25)


def measure(scale: Scale) -> Outcome:
    """N = 500 random Fourier features of MNIST's images, 250 cosines and 250 sines as for `feature_descent`, and the least
    squares weights of least norm, in closed form and in double precision, on the first n of 1 500 training images, n from 0.1 N
    to 3 N. 16 restarts with images and frequencies of their own. Judged by the share of 1 000 other images, of each restart's
    own, that are classified wrongly: at n = N minus at n = N/4, so that four times as many examples hurt; at 3 N minus at N/4;
    and where it is largest (log₂ n/N). Nakkiran+ show it for networks and for Gaussian regression, not for these features. The
    lecture does not say it: double descent is a heading to it here.
    """
    features, other = scale.pick(smoke=(20, 20), cpu=(500, 1_000), full=(2_000, 7_000))
    ratios = scale.pick(smoke=(0.25, 1.0, 3.0), cpu=RATIOS, full=RATIOS)
    data = apart(scale, jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist")), round(ratios[-1] * features), other)
    sizes = [Size(round(ratio * features), features) for ratio in ratios]
    found = fits(data, scale.restarts, scale.seeds, sizes)
    few, same, many = (found.error[:, ratios.index(ratio)] for ratio in (0.25, 1.0, 3.0))
    hurt, helped = Estimate.of(same - few), Estimate.of(many - few)
    peak = Estimate.of(np.log2(ratios)[found.error.argmax(axis=1)])
    named = {"other images": found.error, "training images": found.training}
    return Outcome(
        parts=[
            settle("four times as many examples hurt", hurt, above=0, kind="paper"),
            settle("twelve times as many help", helped, below=0, kind="paper"),
            settle("the test error peaks at n = N", peak, above=-NEAR, below=NEAR, kind="paper"),
        ],
        effect=f"from n = N/4 to n = N examples the test error changes by {hurt:+.1%}, to n = 3 N by {helped:+.1%}; it is "
        f"largest at n/N = {peak.through(np.exp2):.2f}",
        numbers={
            "hurt": hurt,
            "helped": helped,
            "log2_peak": peak,
            "ratios": ratios,
            **{name: values.mean(axis=0) for name, values in found._asdict().items()},
        },
        series=tuple(Curve.over_seeds(name, ratios, values).within(0, 1) for name, values in named.items()),
        axes=Axes("training images / features", "share classified wrongly", log="x"),
        sizes={"training": sizes[-1].examples, "validation": other},
    )


CLAIM = Claim(
    rows=("T117",),
    lecture=3,
    statement="Double descent",
    papers=(
        Paper("Nakkiran+ 2020: there are models for which even four times as many training examples hurt", "A"),
        Paper("Nakkiran+ 2020, §7: transformers and networks with label noise, near the interpolation threshold", "R"),
    ),
    refuted_by="The 95% interval of the mean difference in test error lies at or below 0 from n = N/4 to n = N examples, or at "
    "or above 0 from n = N/4 to n = 3 N, or that of the mean place of the largest test error, log₂ n/N, lies beyond ±log₂ 1.25.",
    measure=measure,
    kind="paper",
    seeds=Scales(cpu=16, full=3),
    trains=False,
)
