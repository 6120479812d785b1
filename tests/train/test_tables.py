"""What members share is there once, and what came of them stays on the devices until somebody asks."""

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.engine import program
from jaxtricks.engine.cohort import planned_for
from jaxtricks.objectives.scaling import Scaling
from jaxtricks.restart.member import Pool
from jaxtricks.train import members
from jaxtricks.train.cohorts import readied

EXPERIMENT = jt.Experiment(model=jt.MLP(widths=()), batch_size=64, epochs=1)


@pytest.fixture(scope="module")
def data():
    """As many examples as Fashion-MNIST trains with, of one number each."""
    y = np.arange(54_000) % 2
    return jt.Dataset.from_arrays(np.random.default_rng(0).integers(0, 9, (54_000, 1)).astype(np.uint8), y, name="many")


@jt.extend.config()
class Divided(jt.experiment.Inputs):
    """Inputs over a number of the user's."""

    by: float = 1.0

    def moments(self, data, trains):
        shape = (len(trains), *data.shape)
        return np.zeros(shape, np.float32), np.full(shape, self.by, np.float32)


@jt.extend.config()
class DividedTargets(jt.experiment.Targets):
    """Values over a number of the user's."""

    by: float = 1.0

    def scaling(self, data, trains):
        shape = (len(trains), data.y.shape[-1])
        return Scaling(np.zeros(shape, np.float32), np.full(shape, self.by, np.float32))


@jt.extend.config()
class Scored(jt.experiment.Inputs):
    """Inputs as they are, with a float that no table depends on."""

    by: float = 1.0

    def moments(self, data, trains):
        return jt.experiment.Raw().moments(data, trains)


def test_experiments_of_one_program_that_would_scale_otherwise_are_refused(blobs):
    base = EXPERIMENT.replace({"inputs": Divided(), "batch_size": 16})
    values = jt.Dataset.from_arrays(blobs.x, blobs.x[:, :1], name="values")
    of_values = base.replace({"inputs": "raw", "targets": DividedTargets()})
    for data, one, name in ((blobs, base, "inputs"), (values, of_values, "targets")):
        sampling, another = jt.Seeds(2).sampling(data), one.replace({f"{name}.by": 2.0})
        said = rf"Experiment\.{name} = .*by=2\.0.* scales otherwise than .*by=1\.0.* a fit for each"
        with pytest.raises(jt.ConfigError, match=said):
            readied([one, another], data, sampling, None)
        with pytest.raises(jt.ConfigError, match=said):
            members._cohort(0, [one, another], data, sampling)
        readied([one, one.replace({"optimizer.rule.learning_rate": 0.5})], data, sampling, None)
    scored = base.replace({"inputs": Scored()})
    _, cohorts = readied([scored, scored.replace({"inputs.by": 2.0})], blobs, jt.Seeds(2).sampling(blobs), None)
    assert len(cohorts) == 1


def planned(data, seeds, layout):
    sampling = seeds.sampling(data)
    _, cohorts = readied([EXPERIMENT], data, sampling, None)
    return planned_for(cohorts[0], Pool.on_host(data), layout, 1)


def test_two_thousand_members_of_16_splits_hold_16_rows_of_places(data):
    seeds = jt.Seeds(125, examples=jt.Folds(16), vary=("weights", "order", "masks"))
    sampling = seeds.sampling(data)
    assert len(sampling) == 2000 and sampling.train.shape[0] == 16
    found = planned(data, seeds, jt.Layout(runs=1, width=1))
    each = sum(leaf.nbytes for leaf in jax.tree.leaves(found.population)) / 2000
    assert each < 100  # numbers, not places
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(found.tables)) < 16 * 54_000 * 4 * 1.01
    assert all(leaf.shape[0] == 16 for leaf in jax.tree.leaves(found.tables))


def test_the_program_holds_tables_once_whatever_the_number_of_members(data):
    few, many = (planned(data, jt.Seeds(n, split=0), jt.Layout(runs=1, width=1)) for n in (2, 8))
    sizes = [program.compile(each.lowered()).memory_analysis() for each in (few, many)]
    # Beside states and an epoch's order nothing grows with the members: neither arguments nor what the program works with.
    orders, states = 4 * 43_200 // 64 * 64, 200
    grown = [b.argument_size_in_bytes - a.argument_size_in_bytes for a, b in [sizes]]
    assert grown[0] <= 6 * (orders + states)
    assert sizes[1].temp_size_in_bytes - sizes[0].temp_size_in_bytes <= 6 * states


def test_weights_are_fetched_when_somebody_asks(blobs):
    runs = jt.fit(EXPERIMENT.replace({"batch_size": 16}), blobs, seeds=3, progress=False)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(runs.trained.states))
    assert runs.trained.states.method is None
    assert all(isinstance(values, np.ndarray) for values in runs.metrics.values())
    assert "states" not in vars(runs)
    kernel = runs.variables["params"]["head"]["kernel"]
    assert isinstance(kernel, np.ndarray) and kernel.shape == (3, 5, 3) and "states" in vars(runs)
    np.testing.assert_array_equal(kernel[[2, 0]], runs.at([2, 0]).variables["params"]["head"]["kernel"])
