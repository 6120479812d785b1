"""Recurrent dropout does more on the update vectors of an LSTM than on its hidden states."""

from experiments.recurrent._regularized import NONE, fit_places, judged, numbers
from jaxtricks.evaluate.claim import Axes, Claim, Outcome, Paper, Scale, curves, expect, sizes
from jaxtricks.evaluate.verdict import Decision

UPDATE, HIDDEN = "update vectors", "hidden states"


def measure(scale: Scale) -> Outcome:
    """The language model of `nonrecurrent_dropout`, with dropout of the update vectors g (a new mask in each step) and of the
    hidden states h on their way to the next step (one mask a sequence, as Gal's recurrent dropout alone), each at the best of
    one grid of four rates by two seeds that nothing is judged on. Judged is each seed's lowest validation loss over the epochs,
    update vectors against hidden states. A mask of h that changes from step to step is not tried.
    """
    arms, rates = fit_places((UPDATE, HIDDEN), scale)
    against_none = judged(arms, NONE, (UPDATE, HIDDEN))
    verdict = judged(arms, HIDDEN, (UPDATE,))[UPDATE]
    return Outcome(
        parts=[expect("update vectors have less loss than hidden states", verdict, Decision.HELPS)],
        effect=f"lowest validation loss, against dropout of hidden states at {rates[HIDDEN]:g}: {verdict} at {rates[UPDATE]:g}; "
        f"against none: {against_none[UPDATE]}; {against_none[HIDDEN]}",
        numbers=numbers(arms, against_none) | {"rates": rates, "update_against_hidden": verdict.to_dict()},
        series=curves(arms, "nll"),
        axes=Axes("epoch", "validation loss (nats a character)"),
        sizes=sizes(arms[NONE]),
    )


CLAIM = Claim(
    rows=("T070",),
    lecture=2,
    statement="recurrent dropout is most effective when applied to hidden state update vectors in LSTMs rather than to hidden "
    "states",
    papers=(
        Paper("Semeniuta+ 2016: word-PTB 91.6 validation, 87.0 test; char-PTB 1.358 and 1.321 bits (Krueger's Table 1)", "V2"),
        Paper("The sentence is the abstract's", "A"),
    ),
    refuted_by="The paired verdict on the lowest validation loss, dropout of update vectors against dropout of hidden states, is "
    "'hurts' or 'no difference'.",
    measure=measure,
    kind="effect",
)
