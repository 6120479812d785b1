"""The ensemble of restarts: the average of their probabilities."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.special import logsumexp

from jaxtricks.data import DataError, Dataset
from jaxtricks.objectives.metrics import measure
from jaxtricks.train.runs import Runs


@dataclass(frozen=True)
class EnsembleReport:
    """What averaging gains, on examples that the averaged members did not train on.

    Args:
        members: restarts in the ensemble.
        members_an_example: how many of them held an example out, on average; all, when they share a split.
        examples: how many examples were predicted.
        ensemble: metric → its value for the averaged probabilities.
        mean_member: metric → its mean over the members, each on its own validation split.
        best_member: metric → the best member's value.
    """

    members: int
    members_an_example: float
    examples: int
    ensemble: dict[str, float]
    mean_member: dict[str, float]
    best_member: dict[str, float]

    @property
    def gain(self) -> dict[str, float]:
        """Metric → ensemble minus mean member."""
        return {name: self.ensemble[name] - self.mean_member[name] for name in self.ensemble}

    def __str__(self) -> str:
        together, member = self.ensemble, self.mean_member
        return (
            f"ensemble of {self.members} restarts ({self.members_an_example:.1f} an example, {self.examples} examples): "
            f"accuracy {100 * together['accuracy']:.2f}% against {100 * member['accuracy']:.2f}% of the mean member "
            f"({100 * self.gain['accuracy']:+.2f} points), nll {together['nll']:.4f} against {member['nll']:.4f}"
        )


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Restarts whose probabilities are averaged: `p(y|x) = mean_i p_i(y|x)` (T074; Hansen & Salamon 1990).

    Args:
        runs: the members.
    """

    runs: Runs

    def predict(
        self, x: Shaped[np.ndarray, "examples ..."], lengths: Int[np.ndarray, " examples"] | None = None
    ) -> Float[np.ndarray, "examples ..."]:
        """The averaged probabilities of the classes of each example, or of each step.

        Args:
            x: inputs as the data set stores them, [examples, ...].
            lengths: true steps of each sequence, [examples]; None where all are whole.

        Raises:
            DataError: for members that predict values, which have no probabilities.
        """
        if self.runs.data.task == "values":
            raise DataError(f"{self.runs.data.name} holds values, and an ensemble averages probabilities.")
        return np.exp(self.runs.log_probs(x, lengths)).mean(axis=0)

    def evaluate(self, data: Dataset) -> EnsembleReport:
        """Ensemble against members, each example predicted only by members that did not train on it.

        `P(i) = Σ_m h_mi p_m(i)/Σ_m h_mi`, with h_mi = 1 where i lies in the validation split of member m. Members that share a
        split (`fit(..., split=0)`) all predict all of it; the test split stays locked.

        Args:
            data: the data set that the members were trained on.

        Raises:
            DataError: for another one.
        """
        if data is not self.runs.data:
            raise DataError(f"{data!r} is not the data set that the members were trained on, {self.runs.data!r}.")
        if data.task != "classes":
            raise DataError(f"{data.name}: an ensemble averages the probabilities of each example's class, and these have none.")
        validation = np.asarray(self.runs.members.validation)
        examples = np.unique(validation)
        held_out = np.stack([np.isin(examples, split) for split in validation])  # [runs, examples]
        # In logarithms, so that a class that all members all but exclude keeps a finite loss.
        log_probs = np.where(held_out[:, :, None], self.runs.log_probs(*data.at(examples)), -np.inf)
        average = logsumexp(log_probs, axis=0) - np.log(held_out.sum(axis=0))[:, None]
        together = measure(jnp.asarray(average), jnp.asarray(data.y[examples]))
        members = self.runs.metrics
        return EnsembleReport(
            members=len(self.runs),
            members_an_example=float(held_out.sum(axis=0).mean()),
            examples=examples.size,
            ensemble={name: float(value) for name, value in together.items()},
            mean_member={name: float(values.mean()) for name, values in members.items()},
            best_member={name: float(values.max() if name == "accuracy" else values.min()) for name, values in members.items()},
        )


def ensemble(runs: Runs) -> Ensemble:
    """The ensemble of restarts."""
    return Ensemble(runs)
