"""The products of all words with the same weights are one product."""

from jaxtyping import Array

from experiments.recurrent._products import REFUTED_BY, Weights, compared, recurrence
from jaxtricks.evaluate.claim import Claim, Outcome, Paper, Scale


def inside(weights: Weights, context: Array, x: Array) -> Array:
    """As the slide's "bad"."""
    return recurrence(weights, lambda x: x @ weights.kernel, x)


def before(weights: Weights, context: Array, x: Array) -> Array:
    """As the slide's "good"."""
    time, batch, units = x.shape
    return recurrence(weights, lambda product: product, (x.reshape(-1, units) @ weights.kernel).reshape(time, batch, units))


def measure(scale: Scale) -> Outcome:
    """The slide's W * x as the input of a recurrence, h' = tanh(Wx + Uh): a batch of 32 sequences, 32 steps, 32 and 128 units,
    with Wx taken in each step of a compiled `lax.scan` and for all steps at once before it. Timed are forward and backward pass
    together, on one device; each seed draws weights and inputs and is a round, in which the two take turns and the fastest of
    five calls counts. Equality in double precision. The slide is about DyNet, which compiles nothing.
    """
    return compared(inside, before, scale)


CLAIM = Claim(
    rows=("T091",),
    lecture=2,
    statement="can you combine multiple matrix-vector multiplies into a single matrix-matrix multiply? Do so!",
    papers=(Paper("W[x₁ … x_T] = [Wx₁ … Wx_T]", "M"),),
    refuted_by=REFUTED_BY,
    measure=measure,
    kind="effect",
    trains=False,
)
