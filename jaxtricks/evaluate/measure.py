"""What is compared: a metric with its margin, and the values of a baseline and of a change, member by member."""

import dataclasses
import math

import numpy as np
from jaxtyping import Float

from jaxtricks.evaluate.design import Design, RestartsOnly
from jaxtricks.objectives.metric import POINTS, Declaration


@dataclasses.dataclass(frozen=True)
class Measure:
    """The metric that a verdict is about, and the smallest difference in it worth caring about.

    Args:
        metric: its name, direction and unit.
        examples: how many validation examples one seed predicts; the margin of a share is at least two of them; None: so
            many that they set no limit.
        margin: the smallest difference worth caring about, in the metric's own units (0.005 is half a point of
            accuracy); None for the rule of `margin_for`.

    Raises:
        ValueError: if `examples` is below one, or `margin` negative or not finite.
    """

    metric: Declaration
    examples: int | None = None
    margin: float | None = None

    def __post_init__(self) -> None:
        if self.examples is not None and self.examples < 1:
            raise ValueError(f"{self.name} counts at least one validation example, not {self.examples}.")
        if self.margin is not None and not 0 <= self.margin < math.inf:
            raise ValueError(f"The margin of {self.name} is a finite difference of at least 0, not {self.margin}.")

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.metric.name

    @property
    def unit(self) -> str:
        """What differences are printed in: "points", or the metric's own unit."""
        return self.metric.unit

    def margin_for(self, baseline: Float[np.ndarray, " seeds"]) -> float:
        """The margin against a baseline: for a share, in points, `max(0.005, 2 / examples)`, else `0.005 |mean baseline|`.

        Args:
            baseline: the baseline's metric, shape [seeds], in the metric's units, which are the result's too.
        """
        if self.margin is not None:
            return self.margin
        if self.unit != POINTS:
            return 0.005 * abs(float(np.mean(baseline)))
        return 0.005 if self.examples is None else max(0.005, 2 / self.examples)


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """One metric of a baseline and of a change, paired by member: by seed, or by seed and fold.

    Args:
        label: what was changed, such as "dropout=0.5".
        baseline: the metric without the change, shape [members], in the metric's units (accuracy as a share).
        change: the metric with the change, shape [members], in the same units; a diverged member has its last finite one.
        members: the name of each pair, in the order of the arrays, such as "seed 3" or "seed 3 fold 2".
        collapsed: members that collapsed or diverged, by name, such as "change seed 3"; they are compared like all others.
        paired: what a pair is: a "seed", or a "member" where seeds have several, such as folds.
        design: how the members were drawn, and hence which luck their differences know.
        splits: the number of the split of each member, [members]; empty where none is known.

    Raises:
        ValueError: if the three differ in length or are empty, a name occurs twice, or a value is not finite.

    >>> Comparison("dropout=0.5", np.array([0.25, 0.5]), np.array([0.5, 0.5]), ("seed 0", "seed 1")).differences.tolist()
    [0.25, 0.0]
    """

    label: str
    baseline: Float[np.ndarray, " members"]
    change: Float[np.ndarray, " members"]
    members: tuple[str, ...]
    collapsed: tuple[str, ...] = ()
    paired: str = "seed"
    design: Design = RestartsOnly()  # noqa: RUF009 (frozen)
    splits: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        # float32 metrics are subtracted in float64, so that the subtraction does not round.
        arms = {name: np.asarray(getattr(self, name), np.float64) for name in ("baseline", "change")}
        for name, values in arms.items():
            object.__setattr__(self, name, values)
            if values.shape != (len(self.members),) or not self.members:
                raise ValueError(
                    f"{self.label!r} needs one {name} value a member and at least one member, not shape {values.shape} "
                    f"for {len(self.members)} members."
                )
            if bad := [member for member, finite in zip(self.members, np.isfinite(values), strict=True) if not finite]:
                raise ValueError(
                    f"{self.label!r} has {name} values that are not finite at {', '.join(bad)}: "
                    "a diverged member counts with those of its last finite state."
                )
        if len(set(self.members)) < len(self.members):
            raise ValueError(f"{self.label!r} is paired by name, and {self.members} has one twice.")

    @property
    def differences(self) -> Float[np.ndarray, " members"]:
        """Change minus baseline, shape [members], in the metric's units."""
        return np.asarray(self.change - self.baseline)
