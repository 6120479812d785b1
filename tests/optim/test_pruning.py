"""Pruned networks: which weights are removed, that they stay away, and what the others begin with."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.optim.holding import masked
from jaxtricks.optim.pruning import best
from jaxtricks.optim.scores import Grasp, Probe, Snip, SynFlow

fit = functools.partial(jt.fit, progress=False)
STILL = jt.SGD(learning_rate=1e-20)  # steps that change no bit


@functools.cache
def digits() -> jt.Dataset:
    return jt.load("digits").subset(120, seed=0)


def base(**changes) -> jt.Experiment:
    small = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(jt.Adam(learning_rate=0.01)), batch_size=16, epochs=2)
    return small.replace(changes)


def pruned(**options) -> jt.Experiment:
    return base(pruned=jt.optim.Pruned(**options))


def still(experiment: jt.Experiment) -> jt.Experiment:
    return experiment.replace({"optimizer.rule": STILL, "epochs": 1})


def kernels(runs: jt.Runs) -> dict[str, np.ndarray]:
    return {path: array for path, array in runs.weights.arrays.items() if path.endswith("kernel")}


@functools.cache
def trained() -> jt.Runs:
    return fit(base(), digits(), seeds=3)


def onwards(*experiments: jt.Experiment) -> list[jt.Runs]:
    return fit(list(experiments), digits(), seeds=jt.Seeds(3, transfer=jt.Transfer(trained())))


RULES = [jt.AdamW(learning_rate=0.01, weight_decay=0.1), jt.Momentum(learning_rate=0.1), jt.optim.Muon()]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_removed_weights_stay_away_and_the_others_learn(rule):
    begun, run = fit([still(pruned(keep=0.25)), pruned(keep=0.25).replace({"optimizer.rule": rule})], digits(), seeds=2)
    for path, after in kernels(run).items():
        there = kernels(begun)[path] != 0
        np.testing.assert_array_equal(after != 0, there)
        assert (after != kernels(begun)[path])[there].mean() > 0.5
    assert np.abs(run.weights.arrays["params/head/bias"]).min() > 0


@pytest.mark.parametrize("change", [{"optimizer.averaging": "ema"}, {"optimizer.sam": 0.05}, {"optimizer.clip_norm": 0.1}])
def test_removed_weights_stay_away_whatever_is_around_the_rule(change):
    (run,) = fit([pruned(keep=0.25).replace(change)], digits(), seeds=2)
    assert {path: float((array == 0).mean()) for path, array in kernels(run).items()} == {
        "params/head/kernel": 0.75,
        "params/hidden_0/dense/kernel": 0.75,
    }


@pytest.mark.parametrize("averaging", ["ema", "lookahead", "latest", "schedule_free"])
def test_averages_are_of_pruned_points_where_a_rule_moves_weights_without_a_gradient(averaging):
    changes = {"optimizer.rule": jt.optim.Muon(), "optimizer.averaging": averaging}
    if averaging == "latest":
        changes["optimizer.averaging"] = jt.optim.LatestAverage(points=2, every=1)
    (run,) = fit([pruned(keep=0.25).replace(changes)], digits(), seeds=2)
    assert {float((array == 0).mean()) for array in kernels(run).values()} == {0.75}


def test_frozen_layers_are_pruned_too():
    (run,) = fit([pruned(keep=0.25).replace({"optimizer.frozen": ("hidden_0",)})], digits(), seeds=2)
    assert {float((array == 0).mean()) for array in kernels(run).values()} == {0.75}


def test_the_gradient_of_removed_weights_is_none_in_its_norm():
    """A network of which nothing is kept learns by its last biases alone, and its gradient is theirs."""
    (nothing,) = fit([pruned(keep=0.0).replace({"optimizer.rule": STILL, "epochs": 1, "batch_size": 96})], digits(), seeds=1)
    train = nothing.members.train[0]
    shares = np.bincount(digits().y[train], minlength=10) / len(train)
    assert nothing.curves["grad_norm"][0, 0] == pytest.approx(np.linalg.norm(0.1 - shares), rel=1e-5)


def test_layers_keep_their_own_share_and_all_together_theirs():
    by_layer, of_outputs, of_all = fit(
        [pruned(keep=0.3), pruned(keep=0.3, output=0.6), pruned(keep=0.3, scope="global", by="random")], digits(), seeds=2
    )
    counts = [jt.prune.kernel_counts(runs) for runs in (by_layer, of_outputs, of_all)]
    assert [(each["hidden_0/dense/kernel"].kept[0], each["head/kernel"].kept[0]) for each in counts[:2]] == [(154, 24), (154, 48)]
    assert sum(kernel.kept for kernel in counts[2].values()).tolist() == [round(0.3 * 592)] * 2


def test_the_largest_weights_are_kept():
    (run,) = onwards(still(pruned(keep=0.5)))
    for path, before in kernels(trained()).items():
        for here, whole in zip(kernels(run)[path], before, strict=True):
            order = np.argsort(-np.abs(whole), axis=None)
            kept = np.zeros(whole.size, bool)
            kept[order[: whole.size // 2]] = True
            np.testing.assert_array_equal(here, np.where(kept.reshape(whole.shape), whole, 0))


def test_a_ticket_has_the_first_weights_of_its_seed():
    start = kernels(fit(still(base()), digits(), seeds=3))
    given, ticket, new, kept_signs = onwards(
        *(still(pruned(keep=0.5, to=to)) for to in ("given", "initial", "random", jt.optim.Redrawn(signs="kept")))
    )
    for path, first in start.items():
        there = kernels(given)[path] != 0
        np.testing.assert_allclose(kernels(ticket)[path], np.where(there, first, 0), rtol=1e-6)
        np.testing.assert_array_equal(kernels(new)[path] != 0, there)
        assert np.mean(np.isclose(kernels(new)[path], first, rtol=1e-5), where=there) < 0.05
        assert 0.3 < np.mean(np.sign(kernels(new)[path]) == np.sign(first), where=there) < 0.7
        np.testing.assert_allclose(np.abs(kernels(kept_signs)[path]), np.abs(kernels(new)[path]), rtol=1e-6)
        assert (np.sign(kernels(kept_signs)[path]) == np.sign(first))[there].all()


def test_a_ticket_has_the_running_averages_of_its_start():
    normed = base(**{"model.normalization": "batch"})
    seeds = jt.Seeds(2, transfer=jt.Transfer(fit(normed, digits(), seeds=2)))
    start = fit(still(normed), digits(), seeds=2).weights.arrays
    given, ticket = fit(
        [still(normed.replace({"pruned": jt.optim.Pruned(keep=1.0, to=to)})) for to in ("given", "initial")],
        digits(),
        seeds=seeds,
    )
    averages = [path for path in start if path.startswith("batch_stats/")]
    assert averages
    for path in averages:
        np.testing.assert_allclose(ticket.weights.arrays[path], start[path], rtol=1e-4, atol=1e-5)
        assert not np.allclose(given.weights.arrays[path], start[path], rtol=1e-2)


def test_a_ticket_is_set_back_to_where_earlier_runs_stood():
    early = fit(base(epochs=1), digits(), seeds=3)
    seeds = jt.Seeds(3, transfer=jt.Transfer(trained(), rewound=early))
    ticket, shuffled = fit([still(pruned(keep=0.5, to=to)) for to in ("initial", "shuffled")], digits(), seeds=seeds)
    (given,) = onwards(still(pruned(keep=0.5)))
    for path, first in kernels(early).items():
        there = kernels(given)[path] != 0
        np.testing.assert_allclose(kernels(ticket)[path], np.where(there, first, 0), rtol=1e-6)
        np.testing.assert_allclose(np.sort(kernels(shuffled)[path][0][there[0]]), np.sort(first[0][there[0]]), rtol=1e-6)
    np.testing.assert_allclose(ticket.weights.arrays["params/head/bias"], early.weights.arrays["params/head/bias"], rtol=1e-6)
    assert str(ticket.transferred).startswith("starts from other weights: 4 of 4 arrays")
    plain, back = jt.Transfer(trained()).to_json(), seeds.transfer.to_json()
    assert "rewound" not in plain and back["rewound"] != back["source"] == plain["source"]


def test_weights_are_dealt_out_among_those_that_are_kept():
    start = kernels(fit(still(base()), digits(), seeds=3))
    ways = ("given", "shuffled", jt.optim.ShuffledWeights(signs="kept"))
    given, new, kept = onwards(*(still(pruned(keep=0.5, to=to)) for to in ways))
    for path, first in start.items():
        for member in range(3):
            there = kernels(given)[path][member] != 0
            values, dealt, sizes = first[member][there], kernels(new)[path][member][there], kernels(kept)[path][member][there]
            np.testing.assert_allclose(np.sort(dealt), np.sort(values), rtol=1e-6)
            assert np.mean(np.isclose(dealt, values, rtol=1e-5)) < 0.2
            np.testing.assert_allclose(np.sort(np.abs(sizes)), np.sort(np.abs(values)), rtol=1e-6)
            np.testing.assert_array_equal(np.sign(sizes), np.sign(values))
        assert not kernels(new)[path][~(kernels(given)[path] != 0)].any()


def test_constants_have_the_layers_standard_deviation():
    start = kernels(fit(still(base()), digits(), seeds=3))
    new, kept = onwards(*(still(pruned(keep=0.5, to=jt.optim.SignedConstant(signs=signs))) for signs in ("new", "kept")))
    for path, first in start.items():
        for member in range(3):
            there = kernels(kept)[path][member] != 0
            size = np.abs(kernels(kept)[path][member][there])
            np.testing.assert_allclose(size, first[member].std(), rtol=1e-5)
            np.testing.assert_array_equal(np.sign(kernels(kept)[path][member])[there], np.sign(first[member])[there])
            np.testing.assert_allclose(np.abs(kernels(new)[path][member][there]), first[member].std(), rtol=1e-5)
            assert 0.2 < (np.sign(kernels(new)[path][member]) == np.sign(first[member]))[there].mean() < 0.8


def test_what_earlier_runs_removed_stays_removed_and_drawn_zeros_are_weights():
    (half,) = onwards(pruned(keep=0.5))
    again = fit(pruned(keep=0.5), digits(), seeds=jt.Seeds(3, transfer=jt.Transfer(half)))
    for path, before in kernels(half).items():
        assert not kernels(again)[path][before == 0].any() and np.count_nonzero(kernels(again)[path][0]) == before[0].size / 4
    zeros = base(**{"model.kernel_init": jt.nn.Normal(scale=1e-30), "pruned": jt.optim.Pruned(keep=1.0)})
    assert (kernels(fit(zeros, digits(), seeds=1))["params/head/kernel"] != 0).all()


def test_shares_are_one_program_and_arms_share_that_of_training(compiled):
    first = fit([pruned(keep=share) for share in (0.9, 0.5, 0.1)], digits(), seeds=2)
    known = len(compiled)
    fit([pruned(keep=share) for share in (0.7, 0.2, 0.3)], digits(), seeds=2)
    assert len(compiled) == known and len({runs.plan for runs in first}) == 1
    fit([pruned(keep=share, to="random") for share in (0.7, 0.2, 0.3)], digits(), seeds=2)
    assert len(compiled) == known + 1  # that of the start


def test_alone_equals_among_others():
    among = fit([pruned(keep=share, by="snip") for share in (0.3, 0.6)], digits(), seeds=4)[0]
    alone = fit(pruned(keep=0.3, by="snip"), digits(), seeds=[2])
    for path, array in kernels(alone).items():
        np.testing.assert_array_equal(array[0] != 0, kernels(among)[path][2] != 0)
    np.testing.assert_allclose(alone.curves["train_loss"][0], among.curves["train_loss"][2], rtol=1e-4)


def test_going_on_from_checkpoints_equals_an_uninterrupted_run(tmp_path):
    fit(pruned(keep=0.3), digits(), seeds=2, checkpoints=jt.Checkpoints(tmp_path))
    longer = jt.resume(tmp_path, digits(), epochs=4, progress=False)
    whole = fit(pruned(keep=0.3).replace({"epochs": 4}), digits(), seeds=2)
    for path, array in whole.weights.arrays.items():
        np.testing.assert_array_equal(longer.weights.arrays[path], array)


# --- scores -------------------------------------------------------------------------------------------------------------

W = {"a": jnp.array([[1.0, -2.0], [0.5, 3.0]]), "b": jnp.array([[0.7], [-1.3]])}
X, Y = jnp.array([[1.0, 2.0], [-1.0, 0.5], [0.3, 0.1]]), jnp.array([[1.0], [0.0], [2.0]])


def loss(w):
    return jnp.mean((jnp.tanh(X @ w["a"]) @ w["b"] - Y) ** 2)


def flow(w):
    return jnp.sum(jax.nn.relu(jnp.ones((1, 2)) @ w["a"]) @ w["b"])


PROBE = Probe(loss, flow, jax.random.key(0))


def test_snip_is_the_change_of_the_loss_to_first_order():
    found = Snip().of(W, PROBE)
    for name in W:
        for place in np.ndindex(W[name].shape):
            step = 1e-3
            less = W | {name: W[name].at[place].multiply(1 - step)}
            assert found[name][place] == pytest.approx(abs(float(loss(W) - loss(less))) / step, rel=0.02, abs=1e-3)


def test_grasp_is_the_change_of_the_squared_gradient_to_first_order():
    def square(w):
        return sum(jnp.sum(g**2) for g in jax.tree.leaves(jax.grad(loss)(w)))

    found = Grasp().of(W, PROBE)
    for name in W:
        for place in np.ndindex(W[name].shape):
            step = 1e-3
            less = W | {name: W[name].at[place].multiply(1 - step)}
            assert found[name][place] == pytest.approx(float(square(W) - square(less)) / step / 2, rel=0.05, abs=5e-3)


def test_synflow_sums_paths_of_sizes():
    """|a| |b| summed over paths from ones: the score of a weight is the sum over the paths through it."""
    found, a, b = SynFlow().of(W, PROBE), np.abs(W["a"]), np.abs(W["b"])[:, 0]
    np.testing.assert_allclose(found["a"], a * b[None], rtol=1e-6)
    np.testing.assert_allclose(found["b"][:, 0], a.sum(axis=0) * b, rtol=1e-6)


def test_synflow_empties_no_layer():
    """Of 2,928 weights 59 are kept, and some in each of four layers (Tanaka+ 2020, theorem 3)."""
    small = still(base(**{"model.widths": (24, 24, 24), "pruned": jt.optim.Pruned(keep=0.02, scope="global", by="synflow")}))
    counts = jt.prune.kernel_counts(fit(small, digits(), seeds=2))
    assert all(kernel.kept.all() for kernel in counts.values()) and sum(k.kept[0] for k in counts.values()) == round(0.02 * 2_928)


def test_the_best_are_those_of_a_stable_sort_whatever_their_signs():
    draw = np.random.default_rng(0)
    for size in (1, 7, 100):
        scores = draw.integers(-3, 4, size).astype(np.float32) + 0.5
        mask = draw.random(size) < 0.8
        for count in range(int(mask.sum()) + 1):
            kept = np.zeros(size, bool)
            kept[np.argsort(-np.where(mask, scores, -np.inf), kind="stable")[:count]] = True
            np.testing.assert_array_equal(best(jnp.asarray(mask), jnp.asarray(scores), jnp.float32(count)), kept)


def test_equal_scores_are_kept_in_order():
    assert best(jnp.ones(4, bool), jnp.ones(4), 2).tolist() == [True, True, False, False]
    assert masked({"w": jnp.full((1, 2), jnp.nan)}, {"w": jnp.array([[False, True]])})["w"][0, 0] == 0


# --- bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"keep": 1.5}, "Pruned.keep = 1.5 is not a number in .0, 1."),
        ({"keep": -0.1}, "Pruned.keep = -0.1 is not a number in .0, 1."),
        ({"by": "magnitud"}, "did you mean 'magnitude'"),
        ({"to": "inital"}, "did you mean 'initial'"),
    ],
)
def test_bad_settings_are_refused(options, sentence):
    with pytest.raises(jt.ConfigError, match=sentence):
        jt.optim.Pruned(**options)


def test_what_does_not_fit_the_model_is_refused_before_anything_compiles():
    import flax.linen as nn

    class Plain(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(10, name="last")(x.reshape(len(x), -1))

    with pytest.raises(jt.ConfigError, match="does not say which of its layers gives the outputs"):
        fit(base(model=Plain(), pruned=jt.optim.Pruned(output=0.5)), digits(), seeds=2)
    with pytest.raises(jt.ConfigError, match=r"Pruned\.output is the share of one layer"):
        fit(pruned(output=0.5, scope="global"), digits(), seeds=2)
    other = fit(base(**{"model.widths": (9,)}), digits(), seeds=2)
    with pytest.raises(jt.ConfigError, match="shape"):
        fit(pruned(keep=0.5), digits(), seeds=jt.Seeds(2, transfer=jt.Transfer(other)))


def test_scores_of_weights_are_not_pruned_and_nothing_is_set_back_without_pruning():
    with pytest.raises(jt.ConfigError, match="Masked MLP trains scores of weights"):
        fit(base(model=jt.models.Masked(model=jt.MLP(widths=(8,))), pruned=jt.optim.Pruned()), digits(), seeds=2)
    with pytest.raises(jt.ConfigError, match=r"Transfer\.rewound is what a pruned network is set back to"):
        fit(base(), digits(), seeds=jt.Seeds(3, transfer=jt.Transfer(trained(), rewound=trained())))


def test_synflow_reads_no_tokens():
    texts = jt.Dataset.from_texts(["a b c d"] * 12, ["x", "y"] * 6, name="words", text=jt.Text("word", length=4))
    experiment = jt.Experiment(
        model=jt.RNN(embedding=4, widths=(4,)), batch_size=4, epochs=1, pruned=jt.optim.Pruned(by="synflow")
    )
    with pytest.raises(jt.ConfigError, match="sends an input of ones through the network"):
        fit(experiment, texts, seeds=2)
