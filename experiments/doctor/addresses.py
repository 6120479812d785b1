"""200 values that are not finite, planted, and how many of their addresses are exact: `python -m experiments.doctor.addresses`.

Each is drawn before anything is trained: way × layer × example × the epoch from which on; two restarts of each, which meet the
example at steps of their own. All eight members of a way train in one program, under vmap and scan.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import jax
import numpy as np
import tyro
from tqdm.auto import tqdm

import jaxtricks as jt
from experiments.doctor.ill import LAYERS, UNITS, WAYS, Ill
from jaxtricks.diagnose.replay import Replay
from jaxtricks.engine.tables import Numbers
from jaxtricks.report.environment import environment
from jaxtricks.restart.epoch import positions
from jaxtricks.restart.member import Pool
from jaxtricks.train.cohorts import readied

SEED, DRAWS, RESTARTS = 20261128, 4, 2
TRAIN, VALIDATION, BATCH, EPOCHS = 48, 16, 8, 2
PER_EPOCH = TRAIN // BATCH
RESULT = Path(__file__).parents[1] / "results" / "doctor" / "addresses.json"


class Planted(NamedTuple):
    """What was drawn.

    Args:
        way: a name of `WAYS`.
        layer: which hidden layer.
        example: the number of the example.
        epoch: from which on, from 0.
    """

    way: str
    layer: int
    example: int
    epoch: int


class Truth(NamedTuple):
    """Where a member meets it.

    Args:
        member: the restart, such as "seed 3".
        step: the optimizer steps before.
        layer: the layer's path.
        operation: what JAX calls it.
        direction: of the step.
        row: the place of the example in its batch; None where the operation reads the whole batch.
    """

    member: str
    step: int
    layer: str
    operation: str
    direction: str
    row: int | None


def drawn() -> list[Planted]:
    """All that is planted, from a fixed seed.

    >>> len(drawn()), len({planted.way for planted in drawn()})
    (100, 25)
    """
    generator = np.random.default_rng(SEED)

    def one(way: str) -> Planted:
        shift = TRAIN if WAYS[way].direction == "validation" else 0
        example = shift + int(generator.integers(VALIDATION if shift else TRAIN))
        return Planted(way, int(generator.integers(LAYERS)), example, int(generator.integers(EPOCHS)))

    return [one(way) for way in WAYS for _ in range(DRAWS)]


def examples() -> jt.Dataset:
    """Examples whose first number is their own; the last 16 are to validate on."""
    generator = np.random.default_rng(SEED)
    x = np.c_[np.arange(TRAIN + VALIDATION), generator.normal(size=(TRAIN + VALIDATION, UNITS))].astype(np.float32)
    y = generator.integers(0, 3, len(x))
    y[:3] = range(3)
    return jt.Dataset.from_arrays(x[:TRAIN], y[:TRAIN], validation=(x[TRAIN:], y[TRAIN:]), name="planted")


def experiment(planted: Planted) -> jt.Experiment:
    """What is trained."""
    way = WAYS[planted.way]
    rule: Any = jt.SGD(learning_rate=0.01)
    if way.direction == "update":
        rule = jt.Momentum(learning_rate=1e25) if "momentum" in planted.way else jt.SGD(learning_rate=1e25)
    since = planted.epoch * PER_EPOCH + (1 if way.direction == "validation" else 0)
    model = Ill(way=planted.way, layer=float(planted.layer), example=float(planted.example), since=float(since))
    return jt.Experiment(model=model, optimizer=jt.Optimizer(rule), inputs=jt.experiment.Raw(), batch_size=BATCH, epochs=EPOCHS)


def truths(planted: Planted, data: jt.Dataset, seeds: jt.Seeds) -> list[Truth]:
    """Where each restart meets it, by the order in which it sees its examples."""
    way, sampling = WAYS[planted.way], seeds.sampling(data)
    (ready,), (cohort,) = readied([experiment(planted)], data, sampling, None)
    pool = Pool.on_host(data)

    def one(place: int, name: str) -> Truth:
        layer = f"hidden_{planted.layer}"
        if way.direction == "validation":
            return Truth(name, (planted.epoch + 1) * PER_EPOCH, layer, way.operation, way.direction, planted.example - TRAIN)
        member = cohort.tables.member(jax.tree.map(lambda leaf: leaf[place], Numbers.of(sampling)))
        order = np.asarray(positions(ready, jax.tree.map(np.asarray, member), pool, jax.numpy.int32(planted.epoch)))[:, 0]
        ((batch, row),) = np.argwhere(pool.x[order][..., 0] == planted.example)
        place_of = None if way.direction == "update" else int(row)
        return Truth(name, planted.epoch * PER_EPOCH + int(batch), layer, way.operation, way.direction, place_of)

    return [one(place, name) for place, name in enumerate(sampling.names)]


def right(planted: Planted, truth: Truth, found: Replay) -> bool:
    """Whether an address is exact: member, step, layer, operation, direction, value and the example's row."""
    address = found.address
    return (
        address is not None
        and (found.member, found.step) == (truth.member, truth.step)
        and (address.layer, address.operation, address.direction) == (truth.layer, truth.operation, truth.direction)
        and address.value in WAYS[planted.way].values
        and (truth.row is None or address.index[0] == truth.row)
    )


def measured(ways: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What replays say of each planted value, a way after the other."""
    data, seeds = examples(), jt.Seeds(RESTARTS)
    for way in tqdm(ways):
        several = [planted for planted in drawn() if planted.way == way]
        with TemporaryDirectory() as folder:
            kept = jt.Checkpoints(folder, every=1)
            runs = jt.fit([experiment(each) for each in several], data, seeds=seeds, checkpoints=kept, progress=False)
            for number, (planted, own) in enumerate(zip(several, runs, strict=True)):
                for place, truth in enumerate(truths(planted, data, seeds)):
                    found = jt.replay(folder, data, experiment=number, member=place) if not own.alive[place] else None
                    yield {
                        "planted": planted._asdict(),
                        "truth": truth._asdict(),
                        "found": None if found is None else found.to_dict(),
                        "exact": found is not None and right(planted, truth, found),
                    }


@dataclass(frozen=True)
class Arguments:
    """How it is run.

    Args:
        keep: write the result.
        ways: only these ways.
    """

    keep: bool = False
    ways: tuple[str, ...] = tuple(WAYS)


def main(arguments: Arguments) -> None:
    """Plants, trains, replays, and prints how many addresses are exact."""
    start, where = time.perf_counter(), environment()
    rows = list(measured(arguments.ways))
    exact = sum(row["exact"] for row in rows)
    seconds = round(time.perf_counter() - start, 1)
    for row in rows:
        if not row["exact"]:
            print(json.dumps(row))
    print(f"{exact} of {len(rows)} addresses are exact; {seconds} seconds")
    if arguments.keep:
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        result = {"environment": where, "exact": exact, "planted": len(rows), "seconds": seconds}
        lines = ",".join(f"\n  {json.dumps(row)}" for row in rows)
        body = json.dumps(result | {"rows": []}, indent=1).replace('"rows": []', f'"rows": [{lines}]')
        RESULT.write_text(body + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
