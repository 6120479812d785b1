import collections
import sys
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import Count, config
from jaxtricks.engine import cohort
from jaxtricks.engine import layout as placement
from jaxtricks.experiment.seeds import SOURCES

fit = partial(jt.fit, progress=False)
ONE = jt.Layout(runs=1, width=4)
BASE = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16, epochs=1)


def programs(compiled):
    """How many training programs were compiled."""
    return collections.Counter(compiled)["jit(advance)"]


# --- groups and compilations ---------------------------------------------------------------------------------------------


class TestSeveral:
    EXPERIMENTS = tuple(
        BASE.replace({"optimizer.rule.learning_rate": rate, "model.activation": activation})
        for rate in (0.001, 0.01, 0.1)
        for activation in ("relu", "tanh")
    )

    def test_floats_share_a_program_and_order_is_kept(self, blobs, compiled):
        several = fit(self.EXPERIMENTS, blobs, seeds=2, layout=ONE)
        assert programs(compiled) == 2
        for asked, runs in zip(self.EXPERIMENTS, several, strict=True):
            assert runs.experiment == asked.replace({"model.outputs": 3})
            assert runs.seeds.tolist() == [0, 1]
        compiled.clear()
        for asked, runs in list(zip(self.EXPERIMENTS, several, strict=True))[::2]:
            alone = fit(asked, blobs, seeds=2, layout=ONE)
            for name in ("train_loss", "grad_norm", "nll"):
                np.testing.assert_allclose(runs.curves[name], alone.curves[name], rtol=1e-5)
        assert programs(compiled) == 1  # of another size
        compiled.clear()
        fit(self.EXPERIMENTS[::-1], blobs, seeds=[7, 3], layout=ONE)
        assert not compiled

    def test_one_gives_runs_and_a_sequence_a_list(self, blobs):
        (listed,) = fit([self.EXPERIMENTS[0]], blobs, seeds=2, layout=ONE)
        alone = fit(self.EXPERIMENTS[0], blobs, seeds=2, layout=ONE)
        jax.tree.map(np.testing.assert_array_equal, listed.curves, alone.curves)


def test_a_second_call_compiles_nothing(blobs, compiled):
    data = blobs.subset(50, 0)

    def work(rate):
        runs = fit(BASE.replace({"optimizer.rule.learning_rate": rate, "epochs": 3}), data, seeds=3, layout=jt.Layout(runs=2))
        runs.log_probs(data.x)
        runs.summary()
        jt.ensemble(runs).evaluate(data)

    work(0.01)
    assert programs(compiled) == 1  # three segments of one program
    compiled.clear()
    work(0.02)
    assert not compiled


def test_progress_counts_restart_epochs(blobs, capsys, monkeypatch):
    arms = [BASE.replace({"epochs": 3}), BASE]
    jt.fit(arms, blobs, seeds=2, layout=ONE, progress=True)
    lines = capsys.readouterr().err.splitlines()  # no terminal: a line as each program starts, and one as it ends
    assert [line.split(", ")[0] for line in lines] == [
        "jaxtricks: compiling program 1 of 2",
        "jaxtricks: 6 of 8 restart-epochs",
        "jaxtricks: compiling program 2 of 2",
        "jaxtricks: 8 of 8 restart-epochs",
    ]
    assert "to go" in lines[1] and "to go" not in lines[-1]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    jt.fit(arms, blobs, seeds=2, layout=ONE, progress=True)
    assert "100%" in (printed := capsys.readouterr().err) and "8/8" in printed
    jt.fit(BASE, blobs, seeds=2, layout=ONE, progress=False)
    assert not any(capsys.readouterr())


# --- what goes in --------------------------------------------------------------------------------------------------------


def test_seeds_are_a_number_or_names(blobs):
    runs = fit(BASE, blobs, seeds=[5, 2], layout=ONE)
    assert runs.seeds.tolist() == runs.members.seed.tolist() == [5, 2]
    for row, seed in enumerate(runs.seeds):
        np.testing.assert_array_equal(runs.members.train[row], blobs.split(seed).train)
        np.testing.assert_array_equal(runs.members.validation[row], blobs.split(seed).validation)
        mean, std = blobs.standardization(blobs.split(seed).train)
        np.testing.assert_array_equal(runs.members.shift[row], mean)
        np.testing.assert_array_equal(runs.members.scale[row], std)


def test_a_shared_split_and_weights_of_ones_own(blobs):
    runs = fit(BASE, blobs, seeds=jt.Seeds(np.int64(3), split=7), layout=ONE)
    for row in range(3):
        np.testing.assert_array_equal(runs.members.validation[row], blobs.split(7).validation)
    kernels = runs.states.params["head"]["kernel"]
    assert not np.array_equal(kernels[0], kernels[1])
    assert np.unique(runs.curves["train_loss"]).size == 3


@pytest.mark.parametrize("seeds", [0, -1, [], [1, 1], [-1], [0.5], [2**31], 1.5, "12", True, [True, False]])
def test_bad_seeds(seeds, blobs, compiled):
    with pytest.raises(
        jt.ConfigError, match=r"^seeds = .* is not a number of restarts >= 1, or different integers from 0 to \d+\.$"
    ):
        fit(BASE, blobs, seeds=seeds)
    assert not compiled


class Blank(nn.Module):
    """A module to be broken."""

    classes: int = 3

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(self.classes, name="dense")(x)


class Raising(Blank):
    def __call__(self, x, train):
        raise RuntimeError("too hot to handle\nand more")


class Mute(Blank):
    def __call__(self, x, train):
        raise AssertionError


class Untrainable(Blank):
    @nn.compact
    def __call__(self, x, train):
        x = nn.Dense(3, name="dense")(x)
        return x + jax.random.normal(self.make_rng("noise"), x.shape) if train else x


class Asking(Blank):
    @nn.compact
    def __call__(self, x, mask, train):
        return nn.Dense(3, name="dense")(x * mask)


@config()
class Branching(nn.Module):
    rate: float = 0.5

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3, name="dense")(x * 2 if self.rate > 0 else x)


def mlp(**settings):
    return {"model": jt.MLP(widths=(8,), **settings)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 49}, "Experiment.batch_size = 49 is not a number of examples that the training split has: 48."),
        (mlp(outputs=4), "Experiment.model = MLP gives logits of shape (16, 4), and the data's 3 classes ask for (16, 3)."),
        (
            {"model": Blank(2)},
            "Experiment.model = Blank gives logits of shape (16, 2), and the data's 3 classes ask for (16, 3).",
        ),
        (
            {"model": Raising()},
            "Experiment.model = Raising fails when its weights are drawn, for a batch of shape (16, 5): RuntimeError: too hot",
        ),
        (
            {"model": Mute()},
            "Experiment.model = Mute fails when its weights are drawn, for a batch of shape (16, 5): AssertionError",
        ),
        ({"model": Untrainable()}, "Experiment.model = Untrainable fails in training, for a batch of shape (16, 5): "),
        ({"model": Branching()}, "Experiment.model = Branching fails when its weights are drawn, for a batch of shape (16, 5): "),
        (
            {"model": nn.Dense(4)},
            "Experiment.model = Dense gives logits of shape (16, 4), and the data's 3 classes ask for ",
        ),
        ({"model": Asking()}, "Experiment.model: Asking needs an argument 'mask', which no model is given; there are: train, "),
    ],
)
def test_what_does_not_fit_fails_before_anything_compiles(changes, message, blobs, compiled):
    with pytest.raises(jt.ConfigError) as error:
        fit([BASE, BASE.replace(changes)], blobs, seeds=2)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
    assert not compiled


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": jt.Layout(runs=9)}, "devices = 9 × 1 × 1 (runs × data × model) is more than the 8 that there are."),
        ({"layout": jt.Layout(data=3)}, "Layout.data = 3 is not a number of devices that share a batch of 16 evenly."),
    ],
)
def test_what_the_devices_do_not_have(options, message, blobs, compiled):
    with pytest.raises(jt.ConfigError) as error:
        fit(BASE, blobs, seeds=2, **options)
    assert str(error.value).startswith(message)
    assert not compiled


# --- memory --------------------------------------------------------------------------------------------------------------


def test_width_is_halved_until_the_program_fits(blobs, monkeypatch):
    wide = fit(BASE, blobs, seeds=5, layout=ONE)
    assert wide.plan.width == 4
    asked = []
    monkeypatch.setattr(placement, "fits", lambda compiled, limit: asked.append(compiled) or len(asked) > 2)
    monkeypatch.setattr(cohort, "_bytes", lambda tree: 0)  # as if all that a program holds were its own
    narrow = fit(BASE, blobs, seeds=5, layout=ONE)
    assert len(asked) == 3
    assert narrow.plan.width == 1
    for name, curve in narrow.curves.items():
        np.testing.assert_allclose(curve, wide.curves[name], rtol=1e-5)
    np.testing.assert_allclose(narrow.log_probs(blobs.x), wide.log_probs(blobs.x), rtol=1e-4)


@pytest.mark.parametrize("stream", [False, True])
def test_restarts_beyond_the_memory_take_turns_to_the_same_bits(stream, blobs, monkeypatch, tmp_path):
    stops = {"epochs": 8, "stopping": jt.EarlyStopping(patience=1), "optimizer.rule": jt.Adam(learning_rate=0.3)}
    experiment = BASE.replace(stops)
    place = {"runs": 2, "width": 1, "stream": stream}
    monkeypatch.setattr(placement, "WINDOW", 800)  # of the same windows, whatever the memory is
    whole = fit(experiment, blobs, seeds=15, layout=jt.Layout(**place))
    accounts, fits = [], placement.fits
    monkeypatch.setattr(placement, "fits", lambda compiled, limit: accounts.append((compiled, limit)) or fits(compiled, limit))
    turns = fit(experiment, blobs, seeds=15, layout=jt.Layout(**place, memory=2e-5), checkpoints=jt.Checkpoints(tmp_path))
    assert [used(compiled) <= limit <= 2e4 for compiled, limit in accounts] == [False] * (len(accounts) - 1) + [True]
    assert len(accounts) > 1
    assert turns.plan.width == 1 and len(set(whole.stopped.values())) > 1
    for one, other in ((whole.curves, turns.curves), (whole.states, turns.states)):
        jax.tree.map(np.testing.assert_array_equal, one, other)


def used(compiled):
    memory = compiled.memory_analysis()
    return memory.temp_size_in_bytes + memory.argument_size_in_bytes


def test_one_restart_that_is_too_large(blobs, monkeypatch):
    monkeypatch.setattr(placement, "fits", lambda compiled, limit: False)
    with pytest.raises(
        jt.ConfigError, match=r"^one restart needs more memory than a device has; take a smaller model or batch\.$"
    ):
        fit(BASE, blobs, seeds=5, layout=ONE)


# --- modules of one's own ------------------------------------------------------------------------------------------------


class Plain(nn.Module):
    """Plain Linen, with all that has a state or draws."""

    classes: int
    rate: float = 0.2

    @nn.compact
    def __call__(self, x, train):
        x = nn.Dense(8)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train)(x))
        x = nn.Dropout(self.rate, deterministic=not train)(x)
        return nn.Dense(self.classes)(x)


def test_a_plain_linen_module_trains(blobs):
    rule = jt.Adam(learning_rate=0.03)
    plain = BASE.replace({"model": Plain(3), "epochs": 10, "optimizer.rule": rule})
    runs = fit(plain, blobs, seeds=3, layout=ONE)
    assert not runs.diverged
    assert np.all(runs.curves["train_loss"][:, -1] < 0.7 * runs.curves["train_loss"][:, 0])
    assert np.all(runs.metrics["accuracy"] > 0.6)
    mean = runs.states.collections["batch_stats"]["BatchNorm_0"]["mean"]
    assert mean.shape == (3, 8) and np.all(mean != 0)
    # Its settings are static: another rate is another structure.
    other = fit([plain, plain.replace({"model": Plain(3, rate=0.9)})], blobs, seeds=3, layout=ONE)
    np.testing.assert_array_equal(other[0].curves["nll"], runs.curves["nll"])
    assert np.all(other[1].curves["train_loss"] > other[0].curves["train_loss"])


@config()
class Gained(nn.Module):
    """A user's config: the gain is traced, the head's width filled from the data."""

    widths: tuple[Count, ...] = (8,)
    gain: float = 1.0
    outputs: Count | None = None

    @nn.compact
    def __call__(self, x, train):
        for width in self.widths:
            x = self.gain * nn.tanh(nn.Dense(width)(x))
        return nn.Dense(self.outputs)(x)


def test_floats_of_a_users_config_module_are_traced(blobs, compiled):
    base = BASE.replace({"model": Gained()})
    one, three = fit([base, base.replace({"model.gain": 3.0})], blobs, seeds=2, layout=ONE)
    assert programs(compiled) == 1
    assert one.experiment.model.outputs == 3
    assert not np.allclose(one.curves["nll"], three.curves["nll"], rtol=1e-2)
    x = jnp.asarray((blobs.x - three.members.shift[0]) / three.members.scale[0])
    params = jax.tree.map(lambda leaf: leaf[0], three.states.params)
    logits = Gained(gain=3.0, outputs=3).apply({"params": params}, x, train=False)
    np.testing.assert_allclose(three.log_probs(blobs.x)[0], jax.nn.log_softmax(logits), rtol=1e-4, atol=1e-5)


def test_the_test_split_stays_locked(blobs):
    assert blobs.has_test and not blobs.openings


class TestVary:
    """Restarts that differ in one thing only."""

    MASKED = jt.Experiment(model=jt.MLP(widths=(8,), dropout=0.5), batch_size=16, epochs=2)

    @pytest.fixture(scope="class")
    @staticmethod
    def runs(blobs):
        return {
            name: fit(TestVary.MASKED, blobs, seeds=jt.Seeds(3, vary=vary))
            for name, vary in {"all": None, **{source: (source,) for source in SOURCES}, "nothing": ()}.items()
        }

    def test_nothing_is_one_run_and_all_is_as_ever(self, runs, blobs):
        losses = runs["nothing"].curves["train_loss"]
        np.testing.assert_allclose(losses, np.repeat(losses[:1], 3, axis=0), rtol=1e-6)
        np.testing.assert_allclose(losses[0], runs["all"].curves["train_loss"][0], rtol=1e-5)
        np.testing.assert_array_equal(runs["all"].curves["nll"], fit(self.MASKED, blobs, seeds=3).curves["nll"])

    @pytest.mark.parametrize("source", SOURCES)
    def test_one_source_makes_restarts_differ_from_the_second_on(self, runs, source):
        losses = runs[source].curves["train_loss"]
        np.testing.assert_allclose(losses[0], runs["nothing"].curves["train_loss"][0], rtol=1e-5)
        assert len(np.unique(losses[:, -1].round(6))) == 3
        same = runs[source].members.validation[0] == runs[source].members.validation
        assert np.all(same) == (source != "split")

    def test_something_else_is_refused(self, blobs):
        with pytest.raises(
            jt.ConfigError, match=r"^vary = 'weight' is nothing that restarts differ in; did you mean 'weights'\?$"
        ):
            jt.Seeds(2, vary=("weight",))
