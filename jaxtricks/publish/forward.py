"""What the members of runs compute: one pure function, and the arrays that it takes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from jaxtricks.engine.plan import Population
from jaxtricks.engine.processes import gathered
from jaxtricks.engine.tables import Numbers
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.models.contract import CARRY, Variables, contract
from jaxtricks.objectives.task import task_of
from jaxtricks.restart.member import Member, Pool, applied, scaled, typed
from jaxtricks.train.population import population
from jaxtricks.train.runs import Runs

OutputsOf = Callable[["Predictor", Array, Array | None], Float[Array, "examples ..."]]


class Predictor(NamedTuple):
    """What the predictions of a member depend on; of many members every array has a leading axis [members].

    Args:
        experiment: its settings, without those that only training needs.
        variables: its weights and running averages.
        member: how its inputs and values are scaled; it has no training examples.
    """

    experiment: Experiment
    variables: Variables
    member: Member


def predictors(runs: Runs) -> Predictor:
    """Gives what the predictions of all runs depend on, on the host, [runs] everywhere.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=1)
    >>> predictors(jt.fit(base, digits, seeds=3, progress=False)).variables["params"]["head"]["bias"].shape
    (3, 10)
    """
    members, states = population(runs.experiment, runs.sampling, runs.trained)
    found: tuple[Population, Any] = jax.tree.map(lambda leaf: np.asarray(leaf)[: len(runs)], gathered((members, states)))
    state = found[1]
    collections = {name: tree for name, tree in state.collections.items() if name != CARRY}
    whole = runs.trained.tables.member(Numbers.of(runs.sampling))
    none: Any = np.zeros((len(runs), 0), np.int32)
    member = whole._replace(train=none, validation=none, labels=None, balance=None, rarity=None)
    return Predictor(found[0].experiments, {"params": state.params, **collections}, member)


def whole_layers(predictor: Predictor, runs: Runs) -> Predictor:
    """Gives the same with equal layers apart, which may be stacked.

    Args:
        predictor: what `predictors` gave.
        runs: whose it is.
    """
    variables = {name: tree for name, tree in runs.variables.items() if name != CARRY}
    return predictor._replace(variables=jax.tree.map(np.asarray, variables))


def outputs_of(runs: Runs) -> OutputsOf:
    """Gives the function (predictor of one member, inputs as stored, lengths or None) → log-probabilities, or values.

    Args:
        runs: whose predictions they are.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=1)
    >>> runs = jt.fit(base, digits, seeds=3, progress=False)
    >>> one = jax.tree.map(lambda leaf: leaf[0], predictors(runs))
    >>> outputs_of(runs)(one, jnp.asarray(digits.x[:4]), None).shape
    (4, 10)
    """
    task = task_of(runs.data)

    def outputs(one: Predictor, x: Array, lengths: Array | None) -> Float[Array, "examples ..."]:
        batch = typed(Pool(x, None, task, lengths))  # type: ignore[arg-type]  # no label is looked at
        batch = batch._replace(x=scaled(one.experiment, one.member, batch.x))
        scores, _ = applied(one.experiment, one.variables, batch, train=False)
        return task.log_probs(one.experiment.objective.loss, scores, one.member.targets)

    return outputs


def title_of(runs: Runs) -> str:
    """What the model of some runs is called in messages."""
    return contract(runs.experiment.model).title
