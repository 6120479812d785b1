"""A product that is the same for every word is taken before the loop."""

from jaxtyping import Array

from experiments.recurrent._products import REFUTED_BY, Weights, compared, recurrence
from jaxtricks.evaluate.claim import Claim, Outcome, Paper, Scale


def inside(weights: Weights, context: Array, x: Array) -> Array:
    """As the slide's "bad"."""
    return recurrence(weights, lambda x: context @ weights.kernel + x, x)


def before(weights: Weights, context: Array, x: Array) -> Array:
    """As the slide's "good"."""
    product = context @ weights.kernel
    return recurrence(weights, lambda x: product + x, x)


def measure(scale: Scale) -> Outcome:
    """The slide's W * c + x as the input of a recurrence, h' = tanh(Wc + x + Uh): a batch of 32 sequences, 32 steps, 32 and 128
    units, with Wc taken in each step of a compiled `lax.scan` and once before it. Timed are forward and backward pass together,
    on one device; each seed draws weights and inputs and is a round, in which the two take turns and the fastest of five calls
    counts. Equality in double precision. The slide is about DyNet, which compiles nothing; XLA may move the product by itself.
    """
    return compared(inside, before, scale)


CLAIM = Claim(
    rows=("T091",),
    lecture=2,
    statement="Something that you can do once at the beginning of the sentence, don't do it for every word!",
    papers=(Paper("Wc does not depend on the word", "M"),),
    refuted_by=REFUTED_BY,
    measure=measure,
    kind="effect",
    trains=False,
)
