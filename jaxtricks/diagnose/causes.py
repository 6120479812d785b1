"""What may be wrong with a training: the causes that an examination tells apart."""

from enum import StrEnum


class Cause(StrEnum):
    """A cause, in the words in which a diagnosis names it.

    >>> Cause("inputs out of scale") is Cause.INPUTS
    True
    """

    MODEL = "a model that does not run"
    SHAPES = "arrays that are stretched to each other's shape"
    DATA = "a leak, or a fault of the data set"
    INPUTS = "inputs out of scale"
    TARGETS = "targets out of scale"
    LABELS = "labels that do not belong to the inputs"
    OUTPUT = "scores that the loss does not expect"
    LOSS = "a loss that does not suit the task"
    SIGN = "steps that go uphill"
    ARITHMETIC = "numbers that are not finite at any learning rate"
    ACTIVATION = "units that are dead or saturated"
    INIT = "initial weights out of scale"
    FROZEN = "weights that no gradient reaches"
    GRADIENTS = "gradients that vanish or explode between layers"
    RATE_HIGH = "a learning rate that is too high"
    RATE_LOW = "a learning rate that is too low"
    RULE = "an update rule that does not suit the task"
    CLIPPING = "gradients that are clipped too hard"
    EPOCHS = "too few epochs"
    BATCH = "a batch size that does not suit the task"
    CAPACITY = "too small a network"
    REGULARIZED = "too strong a regularization"
    OVERFITTED = "too weak a regularization"
    COMPANY = "predictions that depend on the rest of the batch"
    MASKS = "masks that are the same at every step"
    SEVERAL = "several faults at once"
    STEP = "a step that does not run"
    SCORE = "a loss that does not follow the weights or the batch"
    KEPT = "a new state that is not returned"
    CARRIED = "an optimizer state that is not carried on"
    STATISTICS = "batch statistics that are not kept"
    KEYS = "a random key that is used twice"
    HOST = "random numbers of the host that are compiled into the step"
    OUTSIDE = "values from outside that are compiled into the step"
    RECOMPILED = "a step that is compiled anew at each call"
    DONATED = "buffers that are used after they were donated"
    EFFECTS = "side effects inside of a compiled step"
    MASKED = "a masked optimizer that lets raw gradients through"
    CLIPPED_LATE = "updates that are clipped in place of gradients"
    ROUNDING = "updates that are lost in rounding"
    REPLICAS = "devices that go different ways"
    SUMMED = "a sum over devices inside of the loss that is differentiated"
