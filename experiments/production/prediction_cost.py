"""What a recommendation costs, beside the millionth of a dollar that the lecture asks about."""

import numpy as np

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.evaluate import serving
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle

PRICE = 0.10  # $ per hour, an assumption: about what clouds ask for a machine of two cores
ASKED = 1e-6  # $
BATCHES = (1, 64)


def measure(scale: Scale) -> Outcome:
    """A network that scores 1 000 products by 256 numbers of a user, with hidden layers of 512 and 256 ReLU units, as
    `jt.evaluate.serving` times it on this device: from arrays on the host to scores on the host, compiled and warmed, a thousand
    calls or more, by itself and in batches of 64. Each seed draws the users and is a round, timed anew. The price of a prediction
    is its mean time at 0.10 $ an hour, which is an assumption, on a machine that is never idle; a service that waits for
    users pays for that, too. At this price 10⁻⁶ $ pays for 36 ms, and the network needs half a million multiplications, which
    take less than one: that it costs less than the lecture asks about follows from the choice of network and price, and cannot
    fail. So the price is told as a number, and what is judged is whether batches make it smaller.
    """
    products, widths = scale.pick(smoke=(20, (8,)), cpu=(1_000, (512, 256)), full=(1_000, (512, 256)))
    experiment = jt.Experiment(model=jt.MLP(widths=widths))
    means = []
    for seed in scale.restarts:
        users = rng.host(seed, "users").normal(size=(2 * products, 256))
        data = jt.Dataset.from_arrays(users, np.arange(len(users)) % products, name="users", task="classes")
        rows = serving(experiment, data, batches=BATCHES, price=PRICE).rows
        means.append([row.mean / row.batch for row in rows])
    each = np.log10(np.array(means) * PRICE / 3600)  # log₁₀ $ of a prediction, [seeds, batches]
    alone, batched = (Estimate.of(each[:, k], "these examples") for k in range(2))
    gain = Estimate.of((each[:, 0] - each[:, 1]) * np.log2(10), "these examples")
    pays = 1e3 * ASKED / PRICE * 3600  # ms of this machine

    def dollars(log: float) -> float:
        return 10**log

    return Outcome(
        parts=[
            settle("one by one costs more than in batches of 64", gain, above=0, kind="paper"),
        ],
        effect=f"at {PRICE:.2f} $ an hour a recommendation costs {alone.through(dollars):.1e} $ by itself and "
        f"{batched.through(dollars):.1e} $ in batches of 64; 10⁻⁶ $ pays for {pays:.0f} ms of the machine",
        numbers={"log10_dollars": {"1": alone, "64": batched}, "log2_gain": gain, "milliseconds_for_a_millionth": pays},
        series=(Curve.over_seeds("a recommendation", BATCHES, 10**each),),
        axes=Axes("recommendations at once", "$ each", log="xy"),
    )


CLAIM = Claim(
    rows=("T115",),
    lecture=3,
    statement="Be wary of: … Cost of inference Is it worth paying 10-6\\$ for every product recommendation?",
    papers=(Paper("no number is published; network and price are ours, and the lecture only asks", "M"),),
    refuted_by="The 95% interval of the mean log₂ ratio of the price of a recommendation by itself to the one in batches of 64 "
    "lies at or below 0.",
    measure=measure,
    kind="paper",
    trains=False,
)
