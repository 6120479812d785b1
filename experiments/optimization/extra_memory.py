"""What momentum and Adam keep beside the weights, counted in their states."""

from experiments.optimization._costs import RULES, kept
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Outcome, Paper, Scale, Scales, exact


def measure(scale: Scale) -> Outcome:
    """The numbers in the state of each of twelve rules, for one kernel of side n and N = n² weights, n = 32 to 1 024, divided by
    N: what has to be kept between two steps beside the weights. Judged at the largest N, where the step's number and its like do
    not count: 0 for SGD, N for momentum (and for Nesterov's), 2N for Adam; and that no rule of the lectures needs more than kN,
    with a whole k, beyond those few numbers.
    """
    sides = scale.pick(smoke=(8, 64), cpu=(32, 128, 512, 1_024), full=(32, 128, 512, 1_024))
    found = {rule: [kept(rule, side) for side in sides] for rule in RULES}
    largest = {rule: numbers[-1] for rule, numbers in found.items()}
    expected = {"sgd": 0, "momentum": 1, "nesterov": 1, "adam": 2}
    few = scale.pick(smoke=0.1, cpu=1e-3, full=1e-3)
    linear = [abs(numbers[-1] - round(numbers[-1])) for numbers in found.values()]
    return Outcome(
        parts=[
            *(exact(f"{rule} keeps {k}N numbers", abs(largest[rule] - k), few) for rule, k in expected.items()),
            exact("every rule keeps kN numbers", max(linear), few),
        ],
        effect="numbers kept for each weight: " + ", ".join(f"{rule} {number:.3g}" for rule, number in largest.items()),
        numbers={"kept": found, "weights": [side**2 for side in sides]},
        series=tuple(
            Curve(rule, tuple(float(side**2) for side in sides), *(tuple(found[rule]),) * 3) for rule in (*expected, "amsgrad")
        ),
        axes=Axes("weights", "numbers kept for each weight", log="x"),
    )


CLAIM = Claim(
    rows=("T029", "T033"),
    lecture=3,
    statement="only kN extra memory use. … N extra memory … N: number of weights … 2N extra memory",
    papers=(Paper("momentum keeps m, Adam m and v, each as large as the weights", "M"),),
    refuted_by="For the largest kernel, the numbers that SGD, momentum, Nesterov's momentum and Adam keep for each weight differ "
    "from 0, 1, 1 and 2 by 0.001 or more, or those of one of the twelve rules from a whole number.",
    measure=measure,
    kind="identity",
    seeds=Scales(0, 0, 0),
    trains=False,
)
