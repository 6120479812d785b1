"""Recurrent dropout does more on the update vectors of an LSTM than on its hidden states."""

from experiments.recurrent._regularized import NONE, fit_places, judged, numbers
from jaxtricks.evaluate.claim import Axes, Claim, Earlier, Outcome, Paper, Ruling, Scale, curves, expect, sizes
from jaxtricks.evaluate.verdict import Decision

UPDATE, HIDDEN, ANEW = "update vectors", "hidden states", "hidden states, anew in each step"


def measure(scale: Scale) -> Outcome:
    """The language model of `nonrecurrent_dropout`, with dropout of the update vectors g (a new mask in each step) and of the
    hidden states h on their way to the next step, with one mask a sequence, as Gal's recurrent dropout alone, and with a new mask
    in each step, so that the place is judged apart from how long masks last; each at the best of one grid of six rates, and then
    at its best learning rate on a ladder from 0.01 to 0.04 that goes on while the best lies at its edge, by four restarts and
    windows that nothing is judged on. Judged is each seed's lowest validation loss over the epochs, update vectors against hidden
    states of either kind.
    """
    arms, rates = fit_places((UPDATE, HIDDEN, ANEW), scale)
    against_none = judged(arms, NONE, (UPDATE, HIDDEN, ANEW))
    verdict, anew = (judged(arms, place, (UPDATE,))[UPDATE] for place in (HIDDEN, ANEW))
    return Outcome(
        parts=[
            expect("less loss than with hidden states, one mask a sequence", verdict, Decision.HELPS),
            expect("less loss than with hidden states, a mask a step", anew, Decision.HELPS),
        ],
        effect=f"lowest validation loss, against dropout of hidden states at {rates[HIDDEN]}: {verdict} at {rates[UPDATE]}; "
        f"with a mask a step at {rates[ANEW]}: {anew}; against none: {against_none[UPDATE]}; {against_none[HIDDEN]}",
        numbers=numbers(arms, against_none) | {"update_against_hidden": verdict.to_dict(), "update_against_anew": anew.to_dict()},
        series=curves(arms, "nll"),
        axes=Axes("epoch", "validation loss (nats a character)"),
        chosen=rates,
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
    refuted_by="The paired verdict on the lowest validation loss, dropout of update vectors against dropout of hidden "
    "states with one "
    "mask a sequence, or with a mask a step as theirs, is 'hurts' or 'no difference'.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "dropout of hidden states with a new mask in each step is compared, too",
            "the two arms differed in the place of the masks and in how long they last; the result had been seen",
            Ruling.INCONCLUSIVE,
            criterion="cede3f491e88",
        ),
        Earlier(
            "2026-11-28",
            "each arm has a learning rate of its own",
            "one rate for all may suit one of them; the result by one rate had been seen",
            Ruling.INCONCLUSIVE,
        ),
    ),
)
