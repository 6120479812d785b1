"""The doctor of a user's own loop: looks at one jitted step, without the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from jaxtricks.config import ConfigError
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.examination import Diagnosis, counted, named, ranked, told_of
from jaxtricks.diagnose.places import line_of
from jaxtricks.diagnose.registry import STEP_SIGNS, look_for
from jaxtricks.diagnose.step_case import CALLS, Growing, Step, StepCase
from jaxtricks.diagnose.symptom import STRONG, SURE, Symptom
from jaxtricks.experiment.arguments import takes

ORDER = (  # what explains others comes first; signs of others follow by name
    "effects",
    "outside",
    "donated",
    "recompiled",
    "memory",
    "finite",
    "score",
    "reach",
    "kept",
    "carried",
    "statistics",
    "uphill",
    "clipped",
    "rounding",
    "keys used twice",
    "keys that stay",
    "keys of devices",
    "replicas",
    "sums",
)


@dataclass(frozen=True, eq=False, repr=False)
class StepExamination:
    """What was found of a step.

    Args:
        name: of the step's function.
        symptoms: what signs found.
        signs: the names of the signs that were looked for.
        undone: sign → why it was not looked for.

    >>> print(StepExamination("step", (), ("reach", "kept"), {}))
    step: nothing is wrong that 2 signs would show
    """

    name: str
    symptoms: tuple[Symptom, ...]
    signs: tuple[str, ...]
    undone: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether no sign of a fault was found."""
        return not any(each.severity == "fault" for each in self.symptoms)

    @property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """The causes that something speaks for, the most certain first."""
        return ranked(self.symptoms)

    def __str__(self) -> str:
        if self.ok:
            lines = [f"{self.name}: nothing is wrong that {counted(len(self.signs), 'sign')} would show"]
            lines += [f"worth a look: {each.text}" for each in self.symptoms]
        else:
            lines = [f"{self.name}: something is wrong", *told_of(named(self.diagnoses))]
        for why in dict.fromkeys(self.undone.values()):
            lines.append(f"not looked for: {', '.join(name for name, other in self.undone.items() if other == why)}: {why}")
        return "\n".join(lines)

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        return {
            "step": self.name,
            "ok": self.ok,
            "diagnoses": [each.to_dict() for each in self.diagnoses],
            "symptoms": [each.to_dict() for each in self.symptoms],
            "signs": list(self.signs),
            "undone": dict(self.undone),
        }


@takes
def examine_step(step: Step, state: Any, batch: Any, *, loss: str | None = None, without: Sequence[str] = ()) -> StepExamination:
    """Says what is wrong with one step of a training loop of your own.

    It calls the step a few times on the one batch, on copies of the state, reads its program, and derives the loss among its
    metrics by the state. So it sees weights that no gradient reaches, random keys that are used twice, states that are not kept,
    numbers that are not finite, a step that is compiled again and again, values that are compiled into it, buffers that are
    donated and used, memory that grows from call to call, and devices that go different ways.

    A gradient rule of your own (`jax.custom_vjp`) is not seen: weights that only it reaches, and that move, are a hint.

    Args:
        step: `(state, batch) → (new state, metrics)`, jitted by `jax.jit` or `flax.nnx.jit`, or a `jax.pmap`. State and batch are
            any pytrees; metrics are the loss alone, a tuple that begins with it, or a dict or another pytree with a "loss".
        state: all that a step hands to the next one: weights, the optimizer's state, keys. It stays as it is.
        batch: a usual one.
        loss: the path of the loss in the metrics where it is another, such as "train/nll".
        without: names of signs that are not looked for.

    Raises:
        ConfigError: for a step that is not compiled, or that gives no pair, and for a loss or a sign that is not there. A step
            that raises is no error but the first finding.

    >>> def step(state, batch):
    ...     loss, slope = jax.value_and_grad(lambda w: ((batch["x"] @ w - batch["y"]) ** 2).mean())(state["w"])
    ...     return {"w": state["w"] + 0.1 * slope}, {"loss": loss}
    >>> batch = {"x": jnp.eye(3), "y": jnp.ones(3)}
    >>> print(jt.examine_step(jax.jit(step), {"w": jnp.zeros(3)}, batch))
    step: something is wrong
    1. steps that go uphill (certainty 88%)
       Each call changes all weights along the gradient of the loss, which goes uphill.
    """
    if not callable(step):
        raise ConfigError(f"step = {step!r} is no function; (state, batch) → (new state, metrics) is allowed.")
    case = StepCase(step, state, batch, loss)
    name = str(getattr(step, "__name__", type(step).__name__))
    error = _raised(case)
    if error is not None:
        return StepExamination(name, (error,), ("runs",), {})
    if not case.jitted and not any(call.compiled for call in case.calls):
        raise ConfigError(f"step: {name} is not compiled; jax.jit({name}) is allowed.")
    _ = case.loss_path
    found = look_for(STEP_SIGNS, ORDER, without, case)
    return StepExamination(name, found.symptoms, ("runs", *found.signs), found.undone)


def _raised(case: StepCase) -> Symptom | None:
    """What the step raises, as a finding; None where it runs."""
    try:
        _ = case.calls, case.program, case.again
    except Growing as error:
        return Symptom("runs", "fault", str(error), {Cause.MEMORY: SURE, Cause.RECOMPILED: STRONG})
    except ConfigError:
        raise
    except jax.errors.UnexpectedTracerError as error:
        text = f"A value of an earlier trace is used in the step: {_first(error)}"
        return Symptom("runs", "fault", text, {Cause.EFFECTS: SURE, Cause.STEP: STRONG})
    except Exception as error:  # whatever the user's code raises
        gone = any(word in str(error).lower() for word in ("deleted", "donate"))
        text = f"The step does not run for {CALLS} calls: {_first(error)}"
        return Symptom("runs", "fault", text, {Cause.DONATED: SURE, Cause.STEP: STRONG} if gone else {Cause.STEP: SURE})
    return None


def _first(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return f"{text.splitlines()[0]} {line_of(error)}".strip()
