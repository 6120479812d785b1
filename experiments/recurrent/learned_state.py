"""An initial state that is trained against zeros, where sequences are short."""

import jaxtricks as jt
from experiments.recurrent._memory import characters, language, one_change
from jaxtricks.evaluate.claim import Claim, Earlier, Outcome, Paper, Ruling, Scale


def measure(scale: Scale) -> Outcome:
    """An LSTM of 48 units as a model of characters, 2 000 windows of 16 characters of Python's documentation, 16 epochs of 50
    steps (28 000 windows, 512 units and 20 epochs at full scale): every window starts from zeros, or from a parameter. Adam,
    batch 32, norms clipped at 1; both have their best learning rate by the validation loss at the end, on a ladder from 1e-3 to
    3e-2 that goes on while the best lies at its edge, on four restarts and on examples that nothing is judged on. Sixteen steps
    are few, so that the state matters and is reset often; the validation loss is that of all of them.
    """
    windows, data = scale.pick(smoke=80, cpu=2_000, full=28_000), characters(scale.pick(smoke=6, cpu=16, full=16))
    units, epochs = scale.pick(smoke=8, cpu=48, full=512), scale.budget(smoke=1, cpu=16, full=20)
    zeros = language(jt.RNN(embedding=16, widths=(units,)), epochs)
    arms = {"zeros": zeros, "learnt state": zeros.replace({"model.initial_state": "learned"})}
    return one_change(data, windows, arms, scale)


CLAIM = Claim(
    rows=("T065",),
    lecture=2,
    statement="Training the initial state as a variable can improve performance",
    papers=(Paper("r2rt 2016: a learnt state is better where states are often reset, and can overfit where seldom", "V"),),
    refuted_by="The paired verdict on validation loss, from zeros to a learnt initial state, is 'hurts' or 'no difference'.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "16 epochs of 50 steps in place of 6 of 100, 48 units in place of 64, and rates on a ladder that is widened",
            "losses of the neighbouring claims were still falling after 6 epochs; the result had been seen",
            Ruling.INCONCLUSIVE,
        ),
    ),
)
