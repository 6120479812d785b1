"""Learning rates over time: `jt.Optimizer(schedule=jt.schedules.WarmupCosine(warmup=0.05))`."""

from jaxtricks.optim.schedules import (
    Constant,
    Cosine,
    InverseSqrt,
    Linear,
    OneCycle,
    Plateau,
    Restarts,
    RobbinsMonro,
    Schedule,
    Step,
    Trapezoid,
    WarmupCosine,
)

__all__ = [
    "Constant",
    "Cosine",
    "InverseSqrt",
    "Linear",
    "OneCycle",
    "Plateau",
    "Restarts",
    "RobbinsMonro",
    "Schedule",
    "Step",
    "Trapezoid",
    "WarmupCosine",
]


def __dir__() -> list[str]:
    return __all__
