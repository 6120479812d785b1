"""What claims on random labels share: images, one network, the rate that learns random labels, and how long learning takes."""

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from tqdm.auto import tqdm

import jaxtricks as jt
from experiments.measures import RATE, slowness, tuned
from jaxtricks import rng
from jaxtricks.data import Split
from jaxtricks.engine.tables import Numbers
from jaxtricks.evaluate.claim import Chosen, Scale
from jaxtricks.experiment import RandomLabels, Resampling
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.evaluation import evaluate
from jaxtricks.restart.member import Member, Pool, State
from jaxtricks.train.cohorts import readied

RATES = (0.01, 0.03, 0.1)  # to begin with


def images(scale: Scale, size: int, validation: float, *, tuning: bool = False) -> jt.Dataset:
    """Images of MNIST (the 8×8 digits at smoke scale), each with mean 0 and variance 1 over its pixels, as Zhang+ have theirs.

    Args:
        scale: of the claim.
        size: how many.
        validation: the share of them that each seed draws to validate on.
        tuning: whether they are for choosing settings, and nothing is judged on them.
    """
    pool = jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist"))
    data = (scale.tuning_examples if tuning else scale.examples)(pool, size, validation)
    flat = data.x.reshape(len(data), -1).astype(np.float32)
    flat = (flat - flat.mean(axis=1, keepdims=True)) / flat.std(axis=1, keepdims=True)
    return jt.Dataset.from_arrays(flat.reshape(data.x.shape), data.y, name=data.name, classes=data.classes, validation=validation)


def network(scale: Scale, epochs: int) -> jt.Experiment:
    """The MLP 1×512 of Zhang+: SGD with momentum 0.9, no penalty, dropout or augmentation. Batches of 50, and a constant rate."""
    return jt.Experiment(
        model=jt.MLP(widths=(scale.pick(smoke=32, cpu=512, full=512),), kernel_init=jt.nn.GlorotNormal()),
        optimizer=jt.Optimizer(rule=jt.Momentum(learning_rate=RATES[0], momentum=0.9)),
        inputs=jt.experiment.Raw(),
        batch_size=50,
        epochs=epochs,
    )


def with_fitting_rate(base: jt.Experiment, scale: Scale, size: int, validation: float) -> tuple[jt.Experiment, dict[str, Chosen]]:
    """The experiment at the rate that learns random labels soonest, on restarts and examples that nothing is judged on.

    All arms of a claim have this rate: that the same settings learn true labels and random ones is what Zhang+ show.

    Args:
        base: the experiment at any rate.
        scale: of the claim.
        size: examples to tune on.
        validation: the share of them that is validated on.
    """
    data = images(scale, size, validation, tuning=True)
    labels = rng.host(0, "labels to tune on").integers(0, len(data.classes), len(data)).astype(np.int32)
    random = dataclasses.replace(data, y=labels)
    rates = scale.pick(smoke=RATES[1:2], cpu=RATES, full=RATES)
    chosen = tuned({"rate": base}, random, rates, score=slowness, seeds=scale.tuning)
    return base.replace({RATE: chosen["rate"].value}), chosen


@dataclasses.dataclass(frozen=True, eq=False)
class Dealt(Resampling):
    """Examples of each seed's own, a share of them to validate on: no two seeds have one in common, so that they are independent.

    Args:
        first: the first seed; the others follow it.
        seeds: how many there are, among which all examples are dealt out evenly.
    """

    NAME: ClassVar[str] = "dealt"
    first: int
    seeds: int

    def splits(self, data: jt.Dataset, seed: int) -> list[Split]:
        assert isinstance(data.validation, float) and 0 <= seed - self.first < self.seeds
        each, order = len(data) // self.seeds, rng.host(self.first, "deal").permutation(len(data))
        own = order[(seed - self.first) * each :][:each]
        held_out = round(data.validation * each)
        return [Split(np.sort(own[held_out:]), np.sort(own[:held_out]))]


class Course(NamedTuple):
    """How training went, at the end of each epoch; nan where the program had ended, as every label of every run was learnt.

    Args:
        loss: the mean training loss of the epoch, in nats, [runs, epochs].
        learnt: the share of training labels that are right, [runs, epochs].
        accuracy: on the validation examples, which have true labels, [runs, epochs].
    """

    loss: Any
    learnt: Any
    accuracy: Any

    @property
    def needed(self) -> Float[np.ndarray, " runs"]:
        """The first epoch at whose end every training label was right; inf for a run that never was there."""
        there = self.learnt == 1
        return np.where(there.any(axis=1), 1.0 + there.argmax(axis=1), np.inf)

    @property
    def then(self) -> Float[np.ndarray, " runs"]:
        """The validation accuracy at that epoch; the last one for a run that never was there."""
        trained = np.isfinite(self.learnt).sum(axis=1)
        last = np.minimum(self.needed, trained).astype(int) - 1
        return self.accuracy[np.arange(len(last)), last]  # type: ignore[no-any-return]


def courses(experiment: jt.Experiment, data: jt.Dataset, probabilities: Iterable[float], seeds: jt.Seeds) -> list[Course]:
    """Trains on labels corrupted with each of some probabilities, until every training label of every restart is right.

    All probabilities share one program, as labels are data to it; the restarts of each run side by side.

    Args:
        experiment: what is trained, for at most its number of epochs.
        data: the data set.
        probabilities: of `RandomLabels`.
        seeds: the restarts, and which examples each of them has.
    """
    pool, program, found = Pool.of(data), jax.jit(_course), []
    for probability in tqdm(list(probabilities), unit="probability"):
        sampling = dataclasses.replace(seeds, labels=RandomLabels(probability)).sampling(data)
        (ready,), (cohort,) = readied([experiment], data, sampling, None)
        members = jax.tree.map(jnp.asarray, cohort.tables.member(Numbers.of(sampling)))
        found.append(jax.tree.map(np.asarray, program(jax.tree.map(jnp.float32, ready), members, pool)))
    return found


def _course(experiment: jt.Experiment, members: Member, pool: Pool) -> Course:
    """The course of all members, which have a leading axis [runs]."""

    def epoch(member: Member, state: State, number: Int[Array, ""]) -> tuple[State, Course]:
        state, curves = epochs.epoch(experiment, member, pool, state, epochs.positions(experiment, member, pool, number))
        learnt = evaluate(experiment, state, member._replace(validation=member.train), pool)
        return state, Course(curves["train_loss"], learnt["accuracy"], curves["accuracy"])

    def goes_on(carry: tuple[Array, State, Course]) -> Array:
        number, _, course = carry
        return (number < experiment.epochs) & ~jnp.all(jnp.any(course.learnt == 1, axis=1))

    def body(carry: tuple[Array, State, Course]) -> tuple[Array, State, Course]:
        number, states, course = carry
        states, now = jax.vmap(epoch, in_axes=(0, 0, None))(members, states, number)
        return number + 1, states, jax.tree.map(lambda rows, values: rows.at[:, number].set(values), course, now)

    states = jax.vmap(lambda member: epochs.start(experiment, member, pool, {}))(members)
    nothing = Course(*(jnp.full((len(members.seed), experiment.epochs), jnp.nan) for _ in Course._fields))
    course: Course = jax.lax.while_loop(goes_on, body, (jnp.int32(0), states, nothing))[2]
    return course
