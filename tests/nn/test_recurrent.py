"""The recurrent layer, its noise and its normalization, rows T025, T026, T065 to T067, T069 to T071, T090 and T091."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtricks.config import choices, stack
from jaxtricks.nn.cells import GRU, LSTM, Cell, TanhCell
from jaxtricks.nn.dropout import Inverted, TestScaled
from jaxtricks.nn.initial_state import LearnedState, NoisyState, ZeroState
from jaxtricks.nn.initializers import LecunNormal, Orthogonal, Uniform
from jaxtricks.nn.recurrent import CellStep, Recurrent, StepInputs
from jaxtricks.nn.recurrent_dropout import Zoneout
from jaxtricks.nn.recurrent_norm import InputBatchNorm, Normalizers, RecurrentBatchNorm, RecurrentLayerNorm

CELLS = choices(Cell)
TIME, BATCH, BELOW, UNITS = 6, 4, 3, 5
X = jax.random.normal(jax.random.key(0), (TIME, BATCH, BELOW))
LENGTHS = jnp.array([6, 4, 1, 3])
VALID = np.arange(TIME)[:, None] < np.asarray(LENGTHS)[None]


def layer(cell=None, **fields):
    parts = {"kernel_init": LecunNormal(), "recurrent_init": Orthogonal(), "initial_state": ZeroState()} | fields
    return Recurrent(UNITS, cell or LSTM(), **parts)


def start(layer, x=X):
    variables = layer.init({"params": jax.random.key(1)}, x, False)
    return {name: collection for name, collection in variables.items() if name != "carry"}


def run(layer, variables, x=X, lengths=None, train=False, seed=2, mutable=("carry", "batch_stats")):
    """The states [time, batch, units], and the collections that changed."""
    rngs = {"dropout": jax.random.key(seed)}

    @jax.jit
    def apply(variables, x, lengths):
        return layer.apply(variables, x, train, lengths, mutable=mutable, rngs=rngs)

    h, changed = apply(variables, x, lengths)
    return np.asarray(h), changed


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def unfused(name, params, x, held=None):
    """A loop over steps and gates, each gate with weights of its own and a product with its input in each step.

    `held` are masks [batch, gates, features] of the input and of h, which each gate sees its own part of.
    """
    count = CELLS[name].gates
    w, u = (np.split(np.asarray(params[kernel], np.float64), count, axis=1) for kernel in ("kernel", "recurrent_kernel"))
    b, states = np.split(np.asarray(params["bias"], np.float64), count), []
    h = c = np.zeros((x.shape[1], UNITS))
    seen, recalled = held or (np.ones((1, count, 1)), np.ones((1, count, 1)))
    for x_t in np.asarray(x, np.float64):
        inner = [(x_t * seen[:, k]) @ w[k] + b[k] for k in range(count)]
        outer = [(h * recalled[:, k]) @ u[k] for k in range(count)]
        if name == "tanh":
            h = np.tanh(inner[0] + outer[0])
        elif name == "gru":
            r, z = sigmoid(inner[0] + outer[0]), sigmoid(inner[1] + outer[1])
            h = z * h + (1 - z) * np.tanh(inner[2] + r * outer[2])
        else:
            c = sigmoid(inner[1] + outer[1]) * c + sigmoid(inner[0] + outer[0]) * np.tanh(inner[2] + outer[2])
            h = sigmoid(inner[3] + outer[3]) * np.tanh(c)
        states.append(h)
    return np.stack(states)


class TestLayer:
    @pytest.mark.parametrize("name", CELLS)
    def test_fused_is_unfused_and_padding_repeats_the_last_state(self, name):
        module = layer(CELLS[name]())
        variables = start(module)
        expected = unfused(name, variables["params"], X)
        h, _ = run(module, variables)
        np.testing.assert_allclose(h, expected, rtol=1e-6, atol=1e-6)
        padded, _ = run(module, variables, jnp.where(VALID[..., None], X, jnp.nan), LENGTHS)
        np.testing.assert_allclose(padded[VALID], expected[VALID], rtol=1e-6, atol=1e-6)
        for row, length in enumerate(LENGTHS):
            assert np.all(padded[length:, row] == padded[length - 1, row])

    def test_biases_start_at_what_the_cell_says_beyond_the_initializer(self):
        params = start(layer(LSTM(forget_bias=2.0)))["params"]
        np.testing.assert_array_equal(params["bias"], np.repeat([0.0, 2, 0, 0], UNITS))
        params = start(layer(GRU(reset_bias=-1.0, update_bias=1.0)))["params"]
        np.testing.assert_array_equal(params["bias"], np.repeat([-1.0, 1, 0], UNITS))
        shifted, plain = (start(layer(LSTM(forget_bias=b), kernel_init=Uniform()))["params"]["bias"] for b in (1.0, 0.0))
        assert len(np.unique(plain)) == 4 * UNITS and np.abs(plain).max() <= 0.1
        np.testing.assert_allclose(shifted - plain, np.repeat([0.0, 1, 0, 0], UNITS), atol=1e-6)

    def test_every_gate_has_an_orthogonal_matrix_of_its_own(self):
        blocks = np.split(np.asarray(start(layer())["params"]["recurrent_kernel"]), 4, axis=1)
        for i, block in enumerate(blocks):
            np.testing.assert_allclose(block.T @ block, np.eye(UNITS), atol=1e-5)
            assert all(not np.allclose(block, other) for other in blocks[:i])

    def test_the_forget_bias_is_traced(self):
        cells = [LSTM(forget_bias=b) for b in (0.0, 1.0, 3.0)]
        biases = jax.vmap(lambda cell: start(layer(cell))["params"]["bias"])(stack(cells))
        np.testing.assert_array_equal(biases[:, UNITS], [0, 1, 3])


class TestInitialState:
    def test_learned_states_are_parameters_that_start_at_zero_and_get_gradients(self):
        module = layer(initial_state=LearnedState())
        variables, plain = start(module), start(layer())
        assert sorted(set(variables["params"]) - set(plain["params"])) == ["initial_c", "initial_h"]
        np.testing.assert_array_equal(run(module, variables)[0], run(layer(), plain)[0])
        gradient = jax.grad(lambda params: jnp.sum(module.apply({"params": params}, X, True) ** 2))(variables["params"])
        assert all(np.all(np.asarray(gradient[name]) != 0) for name in ("initial_h", "initial_c"))

    def test_noisy_states_are_zero_at_test_and_normal_in_training(self):
        module, plain = layer(initial_state=NoisyState(std=0.3)), layer()
        variables = start(module)
        np.testing.assert_array_equal(run(module, variables)[0], run(plain, variables)[0])
        state = module.apply(variables, (4000, UNITS), jnp.float32, True, method="_begin", rngs={"dropout": jax.random.key(0)})[0]
        for array in state:
            assert abs(np.std(array) / 0.3 - 1) < 0.02 and abs(np.mean(array)) < 0.01
        assert not np.allclose(*state)


class TestCarriedState:
    @pytest.mark.parametrize("memory", ["carry", "cache"])
    def test_two_halves_are_one_whole(self, memory):
        module = layer(memory=memory, initial_state=LearnedState())
        variables = start(layer(initial_state=LearnedState()))
        variables["params"] = jax.tree.map(lambda leaf: leaf + 0.1, variables["params"])
        whole = run(layer(initial_state=LearnedState()), variables)[0]
        first, state = run(module, variables, X[:3], mutable=(memory,))
        second, after = run(module, variables | state, X[3:], mutable=(memory,))
        np.testing.assert_allclose(np.concatenate([first, second]), whole, rtol=1e-6, atol=1e-6)
        assert int(after[memory]["begun"]) == (1 if memory == "carry" else TIME)
        # Zeros, all of them, are a new beginning.
        again, _ = run(module, variables | jax.tree.map(jnp.zeros_like, state), X[:3], mutable=(memory,))
        np.testing.assert_array_equal(again, first)

    def test_initialization_leaves_it_unbegun_and_a_call_that_may_not_write_starts_anew(self):
        module = layer(memory="carry")
        variables = module.init({"params": jax.random.key(1)}, X, False)
        assert all(np.all(np.asarray(leaf) == 0) for leaf in jax.tree.leaves(variables["carry"]))
        first, state = run(module, variables)
        assert np.any(np.asarray(state["carry"]["h"]) != 0)
        np.testing.assert_array_equal(run(module, variables | state, mutable=("batch_stats",))[0], first)
        # In a batch of another size, too.
        np.testing.assert_allclose(run(module, variables | state, X[:, :2], mutable=())[0], first[:, :2], rtol=1e-6, atol=1e-6)


def steps(cell, zoneout=None, masks=None, state=None):
    """The state after one step of a cell that sees random gates."""
    draw = np.random.default_rng(3)
    x, product = (jnp.asarray(draw.normal(size=(BATCH, cell.gates * UNITS)), jnp.float32) for _ in range(2))
    return CellStep(cell, zoneout, None, Normalizers({}))(state, StepInputs(x, None, None, masks, {}), product)[0]


class TestZoneout:
    STATE = tuple(jax.random.normal(jax.random.key(i), (BATCH, UNITS)) for i in range(2))

    def test_at_test_it_is_the_expectation(self):
        new = steps(LSTM(), state=self.STATE)
        zoned = steps(LSTM(), Zoneout(cell=0.4, state=0.1), state=self.STATE)
        for rate, was, plain, mixed in zip((0.1, 0.4), self.STATE, new, zoned, strict=True):
            np.testing.assert_allclose(mixed, rate * was + (1 - rate) * plain, rtol=1e-5, atol=1e-6)

    def test_the_gradient_through_what_is_zoned_out_is_exactly_the_identity(self):
        masks = tuple(jax.random.bernoulli(jax.random.key(i), 0.5, (BATCH, UNITS)) for i in (5, 6))
        zoned = partial(steps, LSTM(), Zoneout(), masks)
        jacobian = jax.jacobian(lambda state: zoned(state=state))(self.STATE)
        identity = np.eye(BATCH * UNITS).reshape(BATCH, UNITS, BATCH, UNITS)
        for row, mask in enumerate(masks):
            for column in range(2):
                kept = np.asarray(jacobian[row][column])[np.asarray(mask)]
                np.testing.assert_array_equal(kept, identity[np.asarray(mask)] * (row == column))
        plain = steps(LSTM(), state=self.STATE)
        for mask, was, new, mixed in zip(masks, self.STATE, plain, zoned(state=self.STATE), strict=True):
            np.testing.assert_allclose(mixed, np.where(mask, was, new), rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize("name", CELLS)
    def test_units_keep_their_value_at_the_rate_given(self, name):
        cell = CELLS[name]()
        module = layer(cell, zoneout=Zoneout(cell=0.5, state=0.25))
        x = jax.random.normal(jax.random.key(0), (60, 20, BELOW))
        h, _ = run(module, start(layer(cell)), x, train=True)
        kept = h[1:] == h[:-1]
        assert abs(kept.mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / kept.size)
        assert np.any(kept.mean(axis=0) != kept.mean())  # a new draw in each step

    def test_only_an_lstm_has_a_cell(self):
        h = [run(layer(GRU(), zoneout=Zoneout(cell=rate)), start(layer(GRU())), train=True)[0] for rate in (0.1, 0.9)]
        np.testing.assert_array_equal(*h)


def linear_weights(recurrent):
    """A tanh cell whose unit k sees input k alone, and itself, so that each unit tells what happens to it."""
    return {"params": {"kernel": jnp.eye(UNITS), "recurrent_kernel": recurrent * jnp.eye(UNITS), "bias": jnp.zeros(UNITS)}}


class TestMasks:
    IMPULSE = jnp.zeros((TIME, 40, UNITS)).at[0].set(1.0)
    ONES = jnp.ones((TIME, 40, UNITS))

    def test_recurrent_dropout_has_one_mask_for_all_steps_and_one_for_each_sequence(self):
        h, _ = run(layer(TanhCell(), recurrent_dropout=Inverted(rate=0.5)), linear_weights(5.0), self.IMPULSE, train=True)
        assert np.all(h[0] != 0)  # the input comes through
        alive = h[1:] != 0
        assert np.all(alive == alive[0]) and 0.3 < alive.mean() < 0.7
        assert len({row.tobytes() for row in alive[0]}) > 10

    @pytest.mark.parametrize("name", CELLS)
    @pytest.mark.parametrize("per_gate", [False, True])
    def test_masks_of_inputs_and_of_h_are_held_for_all_steps_by_all_gates_or_by_each_its_own(self, name, per_gate):
        rates = {"input_dropout": Inverted(rate=0.4), "recurrent_dropout": Inverted(rate=0.4)}
        module = layer(CELLS[name](), **rates, masks_per_gate=per_gate)
        variables = start(module)
        rngs = {"dropout": jax.random.key(2)}
        h, noted = module.apply(variables, X, True, rngs=rngs, capture_intermediates=True, mutable=["intermediates"])
        count, shapes = CELLS[name].gates, {"input": (BATCH, BELOW), "recurrent": (BATCH, UNITS)}
        held = []
        for place, (batch, features) in shapes.items():
            (mask,) = noted["intermediates"][place]["__call__"]
            assert mask.shape == ((batch, count, features) if per_gate else (batch, features)) and len(np.unique(mask)) == 2
            held.append(np.asarray(mask) if per_gate else np.repeat(np.asarray(mask)[:, None], count, axis=1))
        np.testing.assert_allclose(h, unfused(name, variables["params"], X, held), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(run(module, variables)[0], run(layer(CELLS[name]()), variables)[0])

    def test_drop_connect_has_one_mask_for_all_steps_and_sequences(self):
        for seed in range(3):
            h, _ = run(
                layer(TanhCell(), drop_connect=Inverted(rate=0.5)), linear_weights(5.0), self.IMPULSE, train=True, seed=seed
            )
            alive = h[1:] != 0
            assert np.all(alive == alive[0, 0])

    def test_update_dropout_has_a_mask_for_each_step(self):
        h, _ = run(layer(TanhCell(), update_dropout=Inverted(rate=0.5)), linear_weights(0.0), self.ONES, train=True)
        alive = h != 0
        assert abs(alive.mean() - 0.5) < 0.1 and len({step.tobytes() for step in alive}) == TIME
        np.testing.assert_allclose(h[alive], 2 * np.tanh(1), rtol=1e-5)

    def test_an_lstm_keeps_its_memory_whatever_is_dropped_of_the_update(self):
        module = layer(update_dropout=Inverted(rate=0.5), initial_state=LearnedState())
        variables = start(module)
        params = jax.tree.map(jnp.zeros_like, variables["params"]) | {"initial_c": jnp.full(UNITS, 2.0)}
        bias = jnp.repeat(jnp.array([-30.0, 30.0, 0.0, 30.0]), UNITS)  # nothing new, nothing forgotten, all shown
        h, _ = run(module, {"params": params | {"bias": bias}}, train=True)
        np.testing.assert_allclose(h, np.tanh(2.0), rtol=1e-5)

    def test_masks_do_not_depend_on_how_long_the_sequence_is(self):
        module = layer(update_dropout=Inverted(rate=0.5), zoneout=Zoneout(), recurrent_dropout=Inverted(rate=0.5))
        variables = start(module)
        long, short = (run(module, variables, x, train=True)[0] for x in (X, X[:3]))
        np.testing.assert_allclose(long[:3], short, rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize("field", ["input_dropout", "recurrent_dropout", "update_dropout", "drop_connect"])
    def test_rate_zero_is_off_and_at_test_there_is_the_expectation(self, field):
        variables = start(layer())
        off = run(layer(), variables)[0]
        module = layer(**{field: Inverted(rate=0.0)})
        np.testing.assert_array_equal(run(module, variables, train=True)[0], off)
        np.testing.assert_array_equal(run(layer(**{field: Inverted()}), variables)[0], off)
        assert not np.allclose(run(layer(**{field: TestScaled()}), variables)[0], off, rtol=1e-3)

    def test_rates_are_traced(self):
        variables = start(layer())

        def states(zoneout, dropout):
            module = layer(zoneout=zoneout, update_dropout=dropout)
            return module.apply(variables, X, True, rngs={"dropout": jax.random.key(0)})

        rates = (0.0, 0.3, 0.9)
        together = jax.jit(jax.vmap(states))(stack([Zoneout(cell=r) for r in rates]), stack([Inverted(rate=r) for r in rates]))
        for rate, h in zip(rates, together, strict=True):
            np.testing.assert_allclose(h, jax.jit(states)(Zoneout(cell=rate), Inverted(rate=rate)), rtol=1e-5, atol=1e-6)


class TestLayerNorm:
    MODULE = layer(normalization=RecurrentLayerNorm(epsilon=1e-12))

    def test_it_does_not_see_the_scale_and_a_common_shift_of_each_weight_matrix(self):
        variables = start(self.MODULE)
        h = run(self.MODULE, variables)[0]
        for name in ("kernel", "recurrent_kernel"):
            kernel = variables["params"][name]
            shift = jax.random.normal(jax.random.key(9), (len(kernel), 1))
            changed = {"params": variables["params"] | {name: 7 * kernel + shift}}
            np.testing.assert_allclose(run(self.MODULE, changed)[0], h, rtol=2e-3, atol=2e-4)
            assert not np.allclose(run(layer(), {"params": changed["params"]})[0], run(layer(), variables)[0], rtol=0.1)

    def test_it_is_the_formula(self):
        params = start(layer(normalization=RecurrentLayerNorm(scale=0.7)))["params"]
        np.testing.assert_allclose(params["recurrent_scale"], 0.7, rtol=1e-6)
        h, _ = run(layer(normalization=RecurrentLayerNorm(scale=0.7)), {"params": params}, X[:1])

        def norm(values, scale=0.7):
            return scale * (values - values.mean(1, keepdims=True)) / np.sqrt(values.var(1, keepdims=True) + 1e-6)

        x, kernel, bias = (np.asarray(a, np.float64) for a in (X[0], params["kernel"], params["bias"]))
        i, _, g, o = np.split(norm(x @ kernel) + bias, 4, axis=1)  # LN(0) = 0
        np.testing.assert_allclose(h[0], sigmoid(o) * np.tanh(norm(sigmoid(i) * np.tanh(g))), rtol=1e-4, atol=1e-5)


class TestBatchNorm:
    def test_in_training_each_step_has_moments_of_its_own_which_are_remembered(self):
        module = layer(TanhCell(), normalization=RecurrentBatchNorm(scale=1.0, momentum=0.75))
        variables = start(module)
        h, changed = run(module, variables, train=True)
        params, stats = variables["params"], changed["batch_stats"]

        def norm(values):
            return (values - values.mean(0)) / np.sqrt(values.var(0) + 1e-5)

        x, kernel, recurrent = (np.asarray(a, np.float64) for a in (X, params["kernel"], params["recurrent_kernel"]))
        state = np.zeros((BATCH, UNITS))
        for t in range(TIME):
            product, inner = state @ recurrent, x[t] @ kernel
            for place, values in (("recurrent", product), ("input", inner)):
                np.testing.assert_allclose(stats[f"{place}_mean"][t], 0.25 * values.mean(0), rtol=1e-4, atol=1e-5)
                np.testing.assert_allclose(stats[f"{place}_var"][t], 0.75 + 0.25 * values.var(0), rtol=1e-4, atol=1e-5)
            state = np.tanh(norm(inner) + norm(product))
            np.testing.assert_allclose(h[t], state, rtol=1e-3, atol=1e-3)

    def test_a_sequence_that_is_alone_in_a_step_has_the_running_averages_there(self):
        """Its own moments would make it zero, in training alone, and the averages with it."""
        module = layer(TanhCell(), normalization=RecurrentBatchNorm(scale=1.0))
        variables, lengths = start(module), jnp.array([TIME] + [2] * (BATCH - 1))
        h, changed = run(module, variables, lengths=lengths, train=True)
        assert np.all(np.abs(h[2:, 0]).max(axis=1) > 0.1)
        for place in ("input", "recurrent"):
            np.testing.assert_array_equal(changed["batch_stats"][f"{place}_var"][2:], 1)
            np.testing.assert_array_equal(changed["batch_stats"][f"{place}_mean"][2:], 0)
            assert not np.allclose(changed["batch_stats"][f"{place}_var"][1], 1)

    def test_at_test_running_averages_stand_in_step_by_step_and_the_last_goes_on(self):
        module = layer(TanhCell(), normalization=RecurrentBatchNorm(scale=1.0))
        variables = start(module, X[:4])
        draw = np.random.default_rng(0)
        stats = {
            name: jnp.asarray(draw.uniform(0.5, 2, leaf.shape), jnp.float32) for name, leaf in variables["batch_stats"].items()
        }
        h, _ = run(module, {"params": variables["params"], "batch_stats": stats})
        params, state = variables["params"], np.zeros((BATCH, UNITS))
        for t in range(TIME):
            moment = {name: np.asarray(leaf)[min(t, 3)] for name, leaf in stats.items()}
            values = 0
            for place, product in (("input", X[t] @ params["kernel"]), ("recurrent", state @ params["recurrent_kernel"])):
                values += (np.asarray(product) - moment[f"{place}_mean"]) / np.sqrt(moment[f"{place}_var"] + 1e-5)
            state = np.tanh(values)
            np.testing.assert_allclose(h[t], state, rtol=1e-4, atol=1e-5)

    def test_input_norm_is_over_all_true_steps_and_leaves_the_recurrent_product_alone(self):
        module = layer(TanhCell(), normalization=InputBatchNorm(momentum=0.0))
        variables = start(module)
        junk = jnp.where(VALID[..., None], X, 1e3)
        h, changed = run(module, variables, junk, LENGTHS, train=True)
        params = {name: np.asarray(leaf, np.float64) for name, leaf in variables["params"].items()}
        assert sorted(params) == ["bias", "input_scale", "kernel", "recurrent_kernel"]
        product = np.asarray(X, np.float64) @ params["kernel"]
        mean, variance = product[VALID].mean(0), product[VALID].var(0)
        np.testing.assert_allclose(changed["batch_stats"]["input_mean"][0], mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(changed["batch_stats"]["input_var"][0], variance, rtol=1e-4, atol=1e-5)
        state = np.zeros((BATCH, UNITS))
        for t in range(TIME):
            state = np.tanh((product[t] - mean) / np.sqrt(variance + 1e-5) + state @ params["recurrent_kernel"])
            valid = VALID[t]
            np.testing.assert_allclose(h[t][valid], state[valid], rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("normalization", [InputBatchNorm(), RecurrentBatchNorm()])
    def test_padding_changes_neither_the_states_nor_the_averages(self, normalization):
        module = layer(normalization=normalization)
        variables = start(module)
        x, lengths = X[:4], jnp.minimum(LENGTHS, 4)
        h, short = run(module, variables, x, lengths, train=True)
        junk = jnp.concatenate([jnp.where(VALID[:4, :, None], x, 99.0), jnp.full((2, BATCH, BELOW), jnp.nan)])
        padded, long = run(module, variables, junk, lengths, train=True)
        np.testing.assert_allclose(padded[:4], h, rtol=1e-5, atol=1e-6)
        for name, leaf in short["batch_stats"].items():
            np.testing.assert_allclose(long["batch_stats"][name], leaf, rtol=1e-5, atol=1e-6)
        assert np.all(np.isfinite(padded))

    def test_decoding_goes_on_at_the_step_where_it_is(self):
        module = layer(normalization=RecurrentBatchNorm())
        variables = start(module)
        stats = jax.tree.map(lambda leaf: leaf + jax.random.uniform(jax.random.key(0), leaf.shape), variables["batch_stats"])
        variables = variables | {"batch_stats": stats}
        whole, _ = run(module, variables)
        decoding, cache, steps = dataclasses.replace(module, memory="cache"), {}, []
        for t in range(0, TIME, 2):
            h, cache = run(decoding, variables | cache, X[t : t + 2], mutable=("cache",))
            steps.append(h)
        np.testing.assert_allclose(np.concatenate(steps), whole, rtol=1e-5, atol=1e-6)


def test_a_grus_second_bias_learns_what_pytorchs_does():
    """Its gradient through the layer's own rule is that of a plain loop of n = tanh(xW + b + r (hU + b₂))."""
    gru = layer(GRU(second_bias=True))
    params = start(gru)["params"] | {"recurrent_bias": jnp.linspace(-1, 1, 3 * UNITS)}

    def plain(params):
        h, total = jnp.zeros((BATCH, UNITS)), 0.0
        for x in X:
            xs = jnp.split(x @ params["kernel"] + params["bias"][None], 3, axis=1)
            hs = jnp.split(h @ params["recurrent_kernel"] + params["recurrent_bias"][None], 3, axis=1)
            r, z = jax.nn.sigmoid(xs[0] + hs[0]), jax.nn.sigmoid(xs[1] + hs[1])
            h = z * h + (1 - z) * jnp.tanh(xs[2] + r * hs[2])
            total += jnp.sum(jnp.sin(h))
        return total

    ours = jax.jit(jax.grad(lambda params: jnp.sum(jnp.sin(gru.apply({"params": params}, X, True)))))(params)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5), ours, jax.jit(jax.grad(plain))(params))
    assert "recurrent_bias" not in start(layer(GRU()))["params"]
