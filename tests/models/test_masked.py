"""Masks over weights that never change: what stays, how many are kept, and what gradient the scores get."""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.models.contract import contract
from jaxtricks.models.masked import straight_through
from jaxtricks.nn.largest import largest

PLAIN = jt.MLP(widths=(8, 6), outputs=3)
WAYS = {
    "bernoulli": jt.models.Bernoulli(),
    "rescaled": jt.models.Bernoulli(rescale=True),
    "expected": jt.models.Bernoulli(test="expected"),
    "edge_popup": jt.models.EdgePopup(keep=0.3),
}
KERNELS = ["head/kernel", "hidden_0/dense/kernel", "hidden_1/dense/kernel"]
X = jax.random.normal(jax.random.key(7), (5, 4))


def named(tree):
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def masked(**changes):
    return jt.models.Masked(model=PLAIN, **changes)


def experiment(model, rate=0.5, epochs=2):
    return jt.Experiment(model=model, optimizer=jt.Optimizer(rule=jt.Momentum(learning_rate=rate)), batch_size=16, epochs=epochs)


def equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 11, 12])
def test_exactly_so_many_are_largest_and_of_equal_ones_the_first(count):
    values = jnp.array([0.0, 3.0, 1.0, 1.0, 0.5, 1.0, 2.0, 0.0, 1e-40, 7e8, 1.0, 0.25]).reshape(3, 4)
    order = np.argsort(-np.asarray(values).ravel(), kind="stable")
    expected = np.isin(np.arange(12), order[:count]).reshape(3, 4)
    np.testing.assert_array_equal(largest(values, jnp.int32(count)), expected)
    np.testing.assert_array_equal(largest(values.astype(jnp.bfloat16), jnp.int32(count)), expected)


def test_the_largest_of_many_are_those_of_a_sort(float64):
    values = jnp.abs(jax.random.normal(jax.random.key(0), (1000,)))
    np.testing.assert_array_equal(largest(values, jnp.int32(300)), values >= jnp.sort(values)[-300])
    with float64():
        precise = jnp.asarray(np.linspace(1, 1 + 1e-12, 100))
        np.testing.assert_array_equal(largest(precise, jnp.int32(7)), np.arange(100) >= 93)


def test_straight_through_keeps_the_bits_of_what_is_hard():
    soft = jax.random.normal(jax.random.key(0), (1000,)) * 1e3
    hard = (soft > 0).astype(soft.dtype)
    np.testing.assert_array_equal(jax.jit(straight_through)(hard, soft), hard)


@pytest.mark.parametrize("way", WAYS)
def test_the_weights_are_those_of_the_model_alone(way):
    key = rng.stream(rng.root(3), "params")
    alone, variables = contract(PLAIN).drawn(key, X, None), masked(by=WAYS[way]).drawn(key, X, None)
    equal(variables["weights"], alone["params"])
    assert sorted(named(variables["params"])) == KERNELS
    assert all(leaf.shape == named(alone["params"])[path].shape for path, leaf in named(variables["params"]).items())


def test_scores_start_at_zero_or_uniform():
    key, shape = jax.random.key(0), (100, 50)
    assert not np.any(jt.models.Bernoulli().scores(key, shape, jnp.float32))
    scores = np.asarray(jt.models.EdgePopup().scores(key, shape, jnp.float32))
    bound = math.sqrt(6 / ((1 + 5) * 100))  # kaiming_uniform(a=√5)
    assert np.abs(scores).max() <= bound and scores.std() == pytest.approx(bound / math.sqrt(3), rel=0.02)
    variables = masked(by="edge_popup").drawn(key, X, None)
    first, second = (named(variables["params"])[path].ravel()[:12] for path in KERNELS[1:])
    assert not np.allclose(first * math.sqrt(4), second * math.sqrt(8))  # each layer has a draw of its own


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_edge_popup_keeps_exactly_the_share_of_each_layer(keep):
    model = masked(by=jt.models.EdgePopup(keep=keep))
    variables = model.drawn(jax.random.key(0), X, None)
    found, drawn, scores = (
        named(tree) for tree in (model.subnetwork(variables)["params"], variables["weights"], variables["params"])
    )
    for path in KERNELS:
        count = round(keep * drawn[path].size)
        kept = np.asarray(found[path] != 0)
        assert kept.sum() == count
        np.testing.assert_array_equal(found[path][kept], drawn[path][kept])
        if 0 < count < drawn[path].size:
            size = np.abs(scores[path])
            assert size[kept].min() >= size[~kept].max()
    np.testing.assert_array_equal(found["head/bias"], drawn["head/bias"])


@pytest.mark.parametrize("train", [True, False])
def test_bernoulli_masks_are_zeros_and_ones_of_the_share_that_the_scores_say(train):
    model = jt.models.Masked(model=jt.MLP(widths=(200,), outputs=3))
    variables = model.drawn(jax.random.key(0), jnp.ones((1, 100)), None)
    variables["params"]["hidden_0"]["dense"]["kernel"] += 1.0
    found = model.subnetwork(variables, jax.random.key(1) if train else None)["params"]["hidden_0"]["dense"]["kernel"]
    kept = np.asarray(found != 0)
    np.testing.assert_array_equal(found[kept], variables["weights"]["hidden_0"]["dense"]["kernel"][kept])
    assert kept.mean() == pytest.approx(1 / (1 + math.exp(-1)), abs=0.02)


def test_masks_differ_from_step_to_step_and_not_from_evaluation_to_evaluation():
    model = masked()
    variables = model.drawn(jax.random.key(0), X, None)
    kernels = [
        model.subnetwork(variables, key)["params"]["head"]["kernel"] for key in (*jax.random.split(jax.random.key(1)), None)
    ]
    assert not any(np.array_equal(a, b) for a, b in itertools.pairwise(kernels))
    np.testing.assert_array_equal(kernels[2], model.subnetwork(variables)["params"]["head"]["kernel"])
    other = model.drawn(jax.random.key(5), X, None)  # another restart has another mask at test
    assert not np.array_equal(*(model.subnetwork(each)["params"]["head"]["kernel"] != 0 for each in (variables, other)))


def test_the_expected_mask_is_the_share():
    model = masked(by=WAYS["expected"])
    variables = model.drawn(jax.random.key(0), X, None)
    assert set(variables) == {"params", "weights"}
    found = model.subnetwork(variables)["params"]["head"]
    np.testing.assert_array_equal(found["kernel"], 0.5 * variables["weights"]["head"]["kernel"])


def test_rescaled_weights_make_up_for_those_that_are_off():
    key, variables = jax.random.key(1), masked().drawn(jax.random.key(0), X, None)
    plain, rescaled = (named(masked(by=WAYS[way]).subnetwork(variables, key)["params"]) for way in ("bernoulli", "rescaled"))
    for path in KERNELS:
        ones = np.count_nonzero(plain[path])
        np.testing.assert_allclose(rescaled[path], plain[path] * plain[path].size / ones, rtol=1e-6)
    none = jt.models.Bernoulli(rescale=True)
    assert not np.any(none.kernel(jnp.ones((2, 2)), jnp.zeros((2, 2))))


def test_a_key_that_comes_with_an_evaluation_draws_another_mask():
    model, key = masked(), jax.random.key(1)
    variables = model.drawn(jax.random.key(0), X, None)
    found, _ = model.called(variables, X, None, train=False, key=key, mutable=())
    expected, _ = contract(PLAIN).called(
        model.subnetwork(variables, rng.stream(key, "mask")), X, None, train=False, key=None, mutable=()
    )
    np.testing.assert_array_equal(found, expected)
    assert not np.allclose(found, model.called(variables, X, None, train=False, key=None, mutable=())[0])


def slopes(model, variables, key):
    """The gradients with respect to the scores, and to the masked kernels."""

    def of_scores(params):
        scores, _ = model.called({**variables, "params": params}, X, None, train=True, key=key, mutable=())
        return jnp.sum(jnp.sin(scores))

    def of_kernels(params):
        return jnp.sum(jnp.sin(PLAIN.apply({"params": params}, X, train=True)))

    kernels = model.subnetwork(variables, rng.stream(key, "mask"))["params"]
    return named(jax.grad(of_scores)(variables["params"])), named(jax.grad(of_kernels)(kernels))


def test_the_gradient_of_bernoulli_scores_is_straight_through():
    model, key = masked(), jax.random.key(1)
    variables = model.drawn(jax.random.key(0), X, None)
    variables["params"] = jax.tree.map(lambda leaf: jax.random.normal(jax.random.key(2), leaf.shape), variables["params"])
    found, through = slopes(model, variables, key)
    for path in KERNELS:
        share = jax.nn.sigmoid(named(variables["params"])[path])
        expected = through[path] * named(variables["weights"])[path] * share * (1 - share)
        assert np.count_nonzero(expected) > 0
        np.testing.assert_allclose(found[path], expected, rtol=1e-5, atol=1e-7)


def test_the_gradient_of_edge_popup_s_scores_is_straight_through_to_their_size():
    model, key = masked(by=WAYS["edge_popup"]), jax.random.key(1)
    variables = model.drawn(jax.random.key(0), X, None)
    found, through = slopes(model, variables, key)
    for path in KERNELS:
        expected = through[path] * named(variables["weights"])[path] * jnp.sign(named(variables["params"])[path])
        kept = named(model.subnetwork(variables)["params"])[path] != 0
        assert np.count_nonzero(expected[~kept]) > 0  # those that are off learn, too
        np.testing.assert_allclose(found[path], expected, rtol=1e-5, atol=1e-7)


def test_the_gradient_goes_through_the_factor_of_rescaled_weights():
    weights, mask = jnp.array([[1.0, -2.0], [3.0, 0.5]]), jnp.array([[1.0, 0.0], [1.0, 1.0]])
    way = WAYS["rescaled"]
    slope = jax.grad(lambda mask: jnp.sum(way.kernel(weights, mask) ** 2))(mask)
    expected = jax.grad(lambda mask: jnp.sum((weights * mask * 4 / jnp.sum(mask)) ** 2))(mask)
    np.testing.assert_allclose(slope, expected, rtol=1e-6)


def test_signed_constants_have_the_signs_and_the_deviation_of_the_drawn_weights():
    key = jax.random.key(0)
    variables = masked(constant=1.5).drawn(key, X, None)
    drawn, kept = named(contract(PLAIN).drawn(key, X, None)["params"]), named(variables["weights"])
    for path in KERNELS:
        np.testing.assert_allclose(kept[path], np.sign(drawn[path]) * 1.5 * np.std(drawn[path]), rtol=1e-6)
    np.testing.assert_array_equal(kept["head/bias"], drawn["head/bias"])


@pytest.mark.parametrize(("way", "constant"), [("rescaled", None), ("edge_popup", 1.0)])
def test_training_changes_scores_and_no_weight(way, constant, blobs):
    model = masked(by=WAYS[way], constant=constant)
    moved, still = jt.fit([experiment(model, rate) for rate in (0.5, 1e-30)], blobs, seeds=3, progress=False)
    equal(moved.variables["weights"], still.variables["weights"])
    for path, scores in named(moved.variables["params"]).items():
        assert not np.array_equal(scores, named(still.variables["params"])[path])
    if constant is None:
        alone = jt.fit(experiment(PLAIN, rate=1e-30), blobs, seeds=3, progress=False)
        for path in KERNELS:
            np.testing.assert_array_equal(named(moved.variables["weights"])[path], named(alone.variables["params"])[path])


def test_what_is_evaluated_is_the_subnetwork(blobs):
    runs = jt.fit(experiment(masked()), blobs, seeds=2, progress=False)
    model = runs.experiment.model
    for row, member in enumerate(runs.members.validation):
        variables = model.subnetwork(jax.tree.map(lambda leaf, row=row: jnp.asarray(leaf[row]), runs.variables))
        x = (runs.data.x[member] - runs.members.shift[row]) / runs.members.scale[row]
        found = np.asarray(PLAIN.apply(variables, x, train=False)).argmax(axis=1)
        assert np.mean(found == runs.data.y[member]) == pytest.approx(runs.metrics["accuracy"][row])


def test_two_shares_are_one_program_and_each_is_as_alone(blobs, compiled):
    arms = [experiment(masked(by=jt.models.EdgePopup(keep=keep))) for keep in (0.2, 0.6)]
    assert jax.tree.structure(arms[0]) == jax.tree.structure(arms[1])
    together = jt.fit(arms, blobs, seeds=3, progress=False, layout=jt.Layout(runs=1, width=2))
    assert compiled.count("jit(advance)") == 1
    alone = jt.fit(arms[1], blobs, seeds=[2], progress=False, layout=jt.Layout(runs=1, width=2))
    np.testing.assert_array_equal(alone.curves["train_loss"][0], together[1].curves["train_loss"][2])
    for keep, runs in zip((0.2, 0.6), together, strict=True):
        kernels = named(jax.vmap(runs.experiment.model.subnetwork)(runs.variables)["params"])
        for path in KERNELS:
            assert set((np.asarray(kernels[path]) != 0).sum(axis=(1, 2))) == {round(keep * kernels[path][0].size)}


@pytest.mark.parametrize("way", ["bernoulli", "edge_popup"])
def test_a_masked_model_goes_on_from_a_checkpoint(way, blobs, tmp_path):
    arm = experiment(masked(by=WAYS[way]), epochs=3)
    whole = jt.fit(arm, blobs, seeds=2, progress=False)
    jt.fit(arm.replace({"epochs": 2}), blobs, seeds=2, progress=False, checkpoints=jt.Checkpoints(tmp_path))
    resumed = jt.resume(tmp_path, blobs, epochs=3, progress=False)
    equal(resumed.variables, whole.variables)
    np.testing.assert_array_equal(resumed.curves["nll"], whole.curves["nll"])


@pytest.mark.parametrize("way", WAYS)
def test_json(way):
    arm = jt.Experiment(model=masked(by=WAYS[way], constant=2.0))
    assert jt.Experiment.from_json(arm.to_json()) == arm
    assert jt.Experiment(model="masked").model == jt.models.Masked()


def test_it_is_filled_compared_and_put_together(blobs):
    base = experiment(jt.MLP(widths=(6,), normalization="batch", dropout=0.2), epochs=1)
    wrapped = base.replace({"model": jt.models.Masked(model=base.model, by="edge_popup")})
    verdict = jt.compare(base, wrapped, blobs, seeds=2, tune=None, progress=False)
    assert np.isfinite(verdict.difference)
    runs = jt.fit(wrapped, blobs, seeds=2, progress=False)
    assert runs.experiment.model.model.outputs == 3
    assert "batch_stats" in runs.variables and not np.allclose(jax.tree.leaves(runs.variables["batch_stats"])[0], 0)
    assert 0 <= jt.ensemble(runs).evaluate(blobs).ensemble["accuracy"] <= 1


@pytest.mark.parametrize(
    ("way", "changes"),
    [
        ("rescaled", {"compute": "bfloat16"}),
        ("edge_popup", {"accumulate": 2, "compute": "bfloat16"}),
        ("bernoulli", {"stopping": jt.EarlyStopping(patience=1)}),
    ],
)
def test_it_trains_with_what_else_an_experiment_has(way, changes, blobs):
    runs = jt.fit(experiment(masked(by=WAYS[way])).replace(changes), blobs, seeds=2, progress=False)
    assert runs.alive.all() and runs.variables["weights"]["head"]["kernel"].dtype == np.float32


def test_models_of_other_libraries_are_masked(blobs):
    def init(key, x):
        return [jax.random.normal(key, (x[0].size, 3)), jnp.zeros(3)]

    def apply(params, x):
        return x.reshape(len(x), -1) @ params[0] + params[1][None]

    runs = jt.fit(experiment(jt.models.Masked(model=jt.Functional(init, apply))), blobs, seeds=2, progress=False)
    weights, bias = runs.variables["weights"]
    assert weights.shape == (2, 5, 3) and not np.any(bias)
    assert [leaf.shape for leaf in jax.tree.leaves(runs.variables["params"])] == [(2, 5, 3)]


def test_a_large_rate_is_nothing_special(blobs):
    arm = experiment(masked(), rate=100.0, epochs=10)
    runs = jt.fit(arm, blobs, seeds=4, progress=False)
    assert runs.alive.all() and runs.curves["train_loss"][:, -1].mean() < runs.curves["train_loss"][:, 0].mean()


def test_what_cannot_be_masked_is_refused(blobs):
    def init(key, x):
        return {"bias": jnp.zeros(3)}

    def apply(params, x):
        return jnp.zeros((len(x), 3)) + params["bias"][None]

    with pytest.raises(jt.ConfigError, match=r"Masked\.model = Functional has no kernel, whose weights could be masked\."):
        jt.fit(experiment(jt.models.Masked(model=jt.Functional(init, apply))), blobs, seeds=2, progress=False)
    with pytest.raises(jt.ConfigError, match=r"EdgePopup\.keep = 1\.5 is not a number in \[0, 1\]"):
        jt.models.EdgePopup(keep=1.5)
    with pytest.raises(jt.ConfigError, match="names no masking"):
        jt.models.Masked(by="edge_popups")


def test_what_it_is_like_is_what_the_model_is_like():
    assert contract(jt.models.Masked(model=jt.RNN(carry_state=True))).traits.carries_state
    own = dataclasses.replace(contract(jt.CNN()).traits, axes=None, trains_weights=False)
    assert contract(jt.models.Masked(model=jt.CNN())).traits == own
    assert contract(jt.models.Masked(model=jt.CNN())).title == "Masked CNN"
