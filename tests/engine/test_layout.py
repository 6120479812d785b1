import gc
import math
import re
import weakref
from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.engine import layout as placement
from jaxtricks.engine import program
from jaxtricks.engine.cohort import planned_for
from jaxtricks.engine.plan import Plan, padded
from jaxtricks.restart.member import Pool
from jaxtricks.train.cohorts import readied

fit = partial(jt.fit, progress=False)
COLLECTIVES = "all-reduce", "all-gather", "all-to-all", "reduce-scatter", "collective-permute", "collective-broadcast"


@given(st.integers(1, 2000))
def test_segments_are_whole_and_some_twenty(epochs):
    length = placement.segment_epochs(epochs)
    assert epochs % length == 0
    assert epochs // length >= min(epochs, placement.SEGMENTS)
    assert length == max(d for d in range(1, epochs + 1) if epochs % d == 0 and (d == 1 or epochs // d >= placement.SEGMENTS))


@pytest.mark.parametrize(
    ("layout", "members", "shape"),
    [
        (jt.Layout(), 3, (3, 1, 1)),
        (jt.Layout(), 100, (8, 1, 1)),
        (jt.Layout(data=2), 100, (4, 2, 1)),
        (jt.Layout(data=3), 100, (2, 3, 1)),
        (jt.Layout(runs=2, data=4), 1, (2, 4, 1)),
        (jt.Layout(runs=1), 100, (1, 1, 1)),
    ],
)
def test_mesh_takes_as_many_devices_as_members_can_use(layout, members, shape):
    assert layout.mesh(members).devices.shape == shape


@pytest.mark.parametrize("layout", [jt.Layout(runs=9), jt.Layout(data=9), jt.Layout(runs=3, data=3), jt.Layout(runs=3, model=3)])
def test_more_devices_than_there_are(layout):
    with pytest.raises(
        jt.ConfigError, match=r"^devices = \d × \d × \d \(runs × data × model\) is more than the 8 that there are\.$"
    ):
        layout.mesh(100)


@pytest.mark.parametrize("setting", [{"runs": 0}, {"data": 0}, {"model": 0}, {"width": 0}, {"runs": -1}, {"width": 1.5}])
def test_layout_refuses_what_is_no_count(setting):
    with pytest.raises(jt.ConfigError, match=r"^Layout\.\w+ = \S+ is not an integer >= 1\.$"):
        jt.Layout(**setting)


@given(st.integers(1, 70), st.integers(1, 8), st.integers(1, 9))
def test_padding_repeats_the_last_member_to_whole_chunks(members, runs, width):
    rows = padded(members, Plan(jt.Layout(runs=runs).mesh(members), width, 1))
    assert rows.size % (runs * width) == 0 and rows.size - members < runs * width
    assert np.array_equal(rows[:members], np.arange(members)) and np.all(rows[members:] == members - 1)


def test_width_is_the_users_or_a_few_on_a_cpu_or_what_the_model_says():
    mesh = jt.Layout(runs=2).mesh(100)
    assert placement.widest(jt.Layout(width=32), mesh, 100, jt.CNN()) == 32
    assert placement.widest(jt.Layout(), mesh, 100, jt.MLP()) == 4
    assert placement.widest(jt.Layout(), mesh, 3, jt.MLP()) == 2
    assert placement.widest(jt.Layout(), mesh, 100, jt.CNN()) == 1


def test_memory_is_a_share_of_the_devices_own_or_of_the_hosts(blobs):
    class Device:
        stats = None

        def memory_stats(self):
            return self.stats

    device = Device()
    shared = placement.memory_limit(device)
    assert shared > 2**20
    device.stats = {"bytes_limit": 1000}
    assert placement.memory_limit(device) == 1000 * placement.MEMORY_SHARE
    compiled = jax.jit(lambda x: x @ x).lower(jax.ShapeDtypeStruct((100, 100), "float32")).compile()  # 40,000 bytes of argument
    assert not placement.fits(compiled, placement.memory(jt.Layout(), device))
    assert placement.fits(compiled, placement.memory(jt.Layout(memory=1e-3), device))
    device.stats = {"bytes_limit": 1e6}
    assert placement.fits(compiled, placement.memory(jt.Layout(), device))
    assert not placement.fits(compiled, placement.memory(jt.Layout(memory=1e-5), device))


WIDE = jt.Experiment(model=jt.MLP(widths=(256, 8)), batch_size=16, epochs=2)
BASE = jt.Experiment(model=jt.MLP(widths=(8,), normalization="batch", dropout=0.5), batch_size=16, epochs=1)


@pytest.fixture
def text(blobs, monkeypatch):
    """The compiled program of a layout, in words."""

    def compiled(layout, seeds):
        seen, compile = [], program.compile
        monkeypatch.setattr(program, "compile", lambda lowered: seen.append(compile(lowered)) or seen[-1])
        fit(BASE, blobs, seeds=seeds, layout=layout)
        return seen[-1].as_text()

    return compiled


class TestCommunication:
    def test_members_never_talk(self, text):
        assert not re.findall("|".join(COLLECTIVES), text(jt.Layout(runs=8), 11))

    def test_batches_are_reduced_once_a_step_among_the_devices_that_share_them(self, text):
        found = text(jt.Layout(runs=2, data=2, width=1), 2)
        assert not re.findall("|".join(COLLECTIVES[1:]), found)
        reductions = re.findall(r"all-reduce(?:-start)?\(.*?replica_groups=(\S+?), ", found)
        assert reductions
        assert set(reductions) <= {"{{0,1},{2,3}}", "[2,2]<=[4]"}
        # The batch itself is cut: the hidden layer sees 8 of its 16 examples.
        assert "f32[8,8]" in found and "f32[16,8]" not in found

    def test_without_batch_norm_one_reduction_a_step_holds_all_gradients_and_the_loss(self, blobs):
        plain = BASE.replace({"model.normalization": None})
        found = self.compiled(plain, blobs, jt.Layout(runs=2, data=2, width=1))[1].as_text()
        (reduced,) = re.findall(r"= \(?(.*?)\)? all-reduce(?:-start)?\(", found)
        sizes = [math.prod(map(int, filter(None, shape.split(",")))) for shape in re.findall(r"f32\[([\d,]*)\]", reduced)]
        assert sorted(sizes) == sorted([5 * 8, 8, 8 * 3, 3, 1])

    def test_a_wide_layer_lies_in_parts_with_what_the_optimizer_keeps_for_it(self, blobs):
        runs = jt.Layout(runs=2, model=2, width=1)
        planned, found = self.compiled(WIDE, blobs, runs)
        kernels = [leaf for leaf in jax.tree.leaves(found.output_shardings[0]) if leaf.spec[-1:] == ("model",)]
        assert len(kernels) == 3 * 2  # kernel and bias of the wide layer, and Adam's two averages of each
        whole = self.compiled(WIDE, blobs, jt.Layout(runs=2, width=1))[1]
        sizes = [program.memory_analysis().argument_size_in_bytes for program in (found, whole)]
        wide = 4 * 3 * (5 + 1) * 256
        assert sizes[1] - sizes[0] == wide / 2 * planned.plan.width
        words = found.as_text()
        groups = set(re.findall(r"replica_groups=(\S+?), ", words))
        assert groups <= {"{{0,1},{2,3}}", "[2,2]<=[4]"}
        assert "f32[5,128]" in words and "f32[5,256]" not in words

    @staticmethod
    def compiled(experiment, data, layout):
        _, cohorts = readied([experiment], data, jt.Seeds(2).sampling(data), None)
        planned = planned_for(cohorts[0], Pool.on_host(data), layout, 1)
        return planned, program.compile(planned.lowered())


@pytest.mark.parametrize("shape", [{"runs": 2, "data": 2, "model": 2}, {"runs": 1, "data": 1, "model": 8}])
@pytest.mark.parametrize("stream", [False, True])
def test_layers_in_parts_train_as_whole_ones(shape, stream, blobs, float64):
    with float64():
        one, parts = (
            fit(WIDE.replace({"model.dropout": 0.2}), blobs, seeds=2, layout=layout)
            for layout in (jt.Layout(runs=1), jt.Layout(**shape, stream=stream))
        )
        for found, wanted in ((parts.curves, one.curves), (parts.variables, one.variables)):
            jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-12), found, wanted)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-9), parts.evaluate("train"), one.evaluate("train"))


def test_no_layer_to_share(blobs):
    with pytest.raises(jt.ConfigError, match=r"^Layout\.model = 2 finds no layer to share; 256 units or more"):
        fit(BASE, blobs, seeds=2, layout=jt.Layout(model=2))


def test_forgotten_programs_are_let_go():
    compiled = weakref.ref(program.compile(jax.jit(lambda x: x + 1).lower(1.0)))
    gc.collect()
    assert compiled() is not None
    program.forget()
    gc.collect()
    assert compiled() is None
