"""What a sign shows of an experiment, and which causes speak for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jaxtricks.diagnose.causes import Cause

Severity = Literal["fault", "hint"]

# How strongly a symptom speaks for a cause, in nats of log-odds.
SURE, STRONG, WEAK = 5.0, 2.0, 1.0


@dataclass(frozen=True)
class Symptom:
    """One thing that a sign found.

    Args:
        sign: the name of the sign.
        severity: "fault": something is wrong by this alone. "hint": it may have a reason; it only helps to tell causes apart.
        text: what was found, in one sentence with its numbers.
        causes: cause → how strongly this speaks for it, in nats of log-odds.
        where: the layers or parameters where it is, by path; empty where it is nowhere in particular.

    >>> Symptom("loss at the start", "fault", "The loss begins at 90.", {Cause.INIT: STRONG}).to_dict()["causes"]
    {'initial weights out of scale': 2.0}
    """

    sign: str
    severity: Severity
    text: str
    causes: Mapping[Cause, float]
    where: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The symptom in JSON's types."""
        causes = {cause.value: weight for cause, weight in self.causes.items()}
        return {
            "sign": self.sign,
            "severity": self.severity,
            "text": self.text,
            "causes": causes,
            "where": list(self.where),
        }
