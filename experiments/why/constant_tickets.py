"""Tickets of a network whose first weights are constants with random signs."""

from experiments.why._tickets import KEPT, MARGIN, accuracies, chain, gain, lenet
from jaxtricks.evaluate.claim import Axes, Claim, Outcome, Paper, Scale, settle, sizes


def measure(scale: Scale) -> Outcome:
    """The network, data and training of the claim on tickets, but every weight is drawn as plus or minus √(2/inputs of the
    unit), each sign with probability ½. It is trained, pruned in two rounds to 51.3% and 21.1% of its weights by what they
    were trained to, set back to the constants, and trained again. Judged after the last epoch, at 21.1%: the ticket minus
    the whole network of constants, which may lose at most a point; and the ticket minus constants of new signs with the
    same mask, which must be positive: else any signs would do, and it would be no ticket.
    """
    size = lenet(scale)
    constant = size._replace(experiment=size.experiment.replace({"model.kernel_init": "random_sign"}))
    whole, levels = chain(constant, scale, ("initial", "random"), 2)
    arms = levels[-1]
    as_good, better = gain(arms["initial"], whole), gain(arms["initial"], arms["random"])
    return Outcome(
        parts=[
            settle("the ticket of constants is as accurate as the whole network", as_good, above=-MARGIN),
            settle("and more accurate than new random signs", better, above=0),
        ],
        effect=f"at 21.1% of the weights, constants with the signs that they were drawn with change accuracy by {as_good:+.2%} "
        f"against the whole network, and by {better:+.2%} against new random signs",
        numbers={"against_whole": as_good, "against_new_signs": better},
        series=tuple(
            accuracies(name, list(KEPT[:2]), [each[arm] for each in levels])
            for name, arm in (("ticket of constants", "initial"), ("new random signs", "random"))
        ),
        axes=Axes("weights that remain (%), logarithmic", "validation accuracy (%)", log="x"),
        sizes=sizes(whole),
    )


CLAIM = Claim(
    rows=("T120",),
    lecture=3,
    statement="Initializing with constant values with random sign (+/-) also yields lottery tickets.",
    papers=(Paper("Zhou+ 2019: signed constants yield tickets that train as well", "A"),),
    refuted_by="The 95% interval of the mean difference in validation accuracy at 21.1% of the weights lies at or below minus "
    "one point, ticket of constants minus whole network of constants, or at or below 0, ticket minus new random signs.",
    measure=measure,
    kind="effect",
)
