"""The doctor of a step: each planted fault by the sign that is made for it, nothing in healthy loops, and a state that stays."""

import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.training.train_state import TrainState
from jax.sharding import Mesh, PartitionSpec

import jaxtricks as jt
from jaxtricks.diagnose import STEP_SIGNS, Cause, StepCase
from tests.diagnose.loop_of_a_user import RATE, batch, causes, cross_entropy, scores, start, stepping


def freeze_some(params):
    return {"a": {"w": False}, "b": {"w": True}}


HEALTHY = {
    "adam": (stepping(), start),
    "old keys": (stepping(), lambda: start(key=jax.random.PRNGKey(2))),
    "clipped": (
        stepping(chain := optax.chain(optax.clip_by_global_norm(0.01), optax.adamw(RATE))),
        lambda: start(chain),
    ),
    "two batches": (stepping(several := optax.MultiSteps(optax.sgd(RATE), 2)), lambda: start(several)),
    "checkpoint": (stepping(forward=jax.checkpoint(scores)), start),
    "lion": (stepping(lion := optax.lion(1e-3)), lambda: start(lion)),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_loop_has_no_fault(name):
    step, state = HEALTHY[name]
    found = jt.examine_step(jax.jit(step), state(), batch())
    assert found.ok and not found.undone, str(found)
    assert str(found).startswith("step: nothing is wrong that 20 signs would show")


def test_a_linen_loop_with_batch_norm_has_no_fault_and_with_dropped_statistics_one():
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return nn.Dense(3)(nn.relu(nn.BatchNorm(use_running_average=not train)(nn.Dense(5)(x))))

    net = Net()
    variables = net.init(jax.random.key(0), jnp.ones((1, 4)), train=False)
    state = TrainState.create(apply_fn=net.apply, params=variables["params"], tx=optax.sgd(RATE, momentum=0.9))
    both = (state, variables["batch_stats"])

    def stepper(kept):
        @jax.jit
        def step(both, given):
            state, stats = both

            def loss(params):
                given_all = {"params": params, "batch_stats": stats}
                out, new = net.apply(given_all, given["x"], train=True, mutable=["batch_stats"])
                return cross_entropy(out, given["y"]), new["batch_stats"]

            (value, new), slopes = jax.value_and_grad(loss, has_aux=True)(state.params)
            return (state.apply_gradients(grads=slopes), new if kept else stats), (value, {"size": 8})

        return step

    assert jt.examine_step(stepper(True), both, batch()).ok
    assert jt.examine_step(stepper(False), both, batch()).diagnoses[0].cause is Cause.STATISTICS


SGD = optax.sgd(RATE)
LATE = optax.chain(optax.adam(RATE), optax.clip_by_global_norm(0.01))
MASKED = optax.masked(optax.sgd(RATE), freeze_some)
HALF = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), start()["params"])


def numb(*axes):
    """A loss that is finite, with a gradient that is none."""
    return lambda given, labels: cross_entropy(given, labels) + jnp.linalg.norm(given[:, None] - given[None], axis=-1).mean()


def noisy(params, x, key):
    return scores(params, x + jax.random.normal(key, x.shape), key)


def looping(old, new):
    noisy = jax.lax.fori_loop(0, 3, lambda i, mean: mean + jax.random.normal(old["key"], mean.shape), new["mean"])
    return new | {"mean": noisy}


PLANTED = {
    "uphill": ("uphill", Cause.SIGN, stepping(apply=lambda p, u: jax.tree.map(jnp.subtract, p, u)), start),
    "masked": ("uphill", Cause.MASKED, stepping(MASKED), lambda: start(MASKED)),
    "clipped late": ("clipped", Cause.CLIPPED_LATE, stepping(LATE), lambda: start(LATE)),
    "cut": ("reach", Cause.FROZEN, stepping(forward=lambda *a: scores(*a, cut=jax.lax.stop_gradient)), start),
    "old state": ("kept", Cause.KEPT, stepping(finish=lambda old, new: old), start),
    "old weights": ("kept", Cause.KEPT, stepping(finish=lambda old, new: new | {"params": old["params"]}), start),
    "rate of zero": ("kept", Cause.RATE_LOW, stepping(optax.sgd(0.0)), lambda: start(optax.sgd(0.0))),
    "old optimizer": ("carried", Cause.CARRIED, stepping(finish=lambda old, new: new | {"opt": old["opt"]}), start),
    "restarted": ("carried", Cause.CARRIED, stepping(), lambda: start() | {"step": jnp.array(1000)}),
    "old mean": ("statistics", Cause.STATISTICS, stepping(finish=lambda old, new: new | {"mean": old["mean"]}), start),
    "key twice": ("keys used twice", Cause.KEYS, stepping(forward=noisy), start),
    "key twice, old kind": ("keys used twice", Cause.KEYS, stepping(forward=noisy), lambda: start(key=jax.random.PRNGKey(0))),
    "drawn and split": (
        "keys used twice",
        Cause.KEYS,
        stepping(keys=lambda key: (jax.random.split(key)[0], key)),
        start,
    ),
    "in a loop": ("keys used twice", Cause.KEYS, stepping(finish=looping), start),
    "constant key": ("keys that stay", Cause.MASKS, stepping(keys=lambda key: (key, jax.random.key(0))), start),
    "kept key": ("keys that stay", Cause.MASKS, stepping(keys=lambda key: (key, key)), start),
    "not a number": ("finite", Cause.ARITHMETIC, stepping(loss=numb()), start),
    "rounding": ("rounding", Cause.ROUNDING, stepping(low := optax.sgd(1e-4)), lambda: start(low) | {"params": HALF}),
    "no batch": ("score", Cause.SCORE, stepping(told=lambda value: 0.5), start),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_seen_by_its_sign(name):
    sign, cause, step, state = PLANTED[name]
    assert cause in causes(sign, jax.jit(step), state())


def test_the_weights_that_no_gradient_reaches_are_named():
    step = jax.jit(stepping(forward=lambda *a: scores(*a, cut=jax.lax.stop_gradient)))
    (symptom,) = STEP_SIGNS["reach"](StepCase(step, start(), batch()))
    assert symptom.where == ("state/params/a/w",)


def test_an_optimizer_that_is_begun_anew_in_the_step_is_seen():
    adam = optax.adam(RATE)

    def step(state, given):
        return stepping(adam)(state | {"opt": adam.init(state["params"])}, given)

    assert Cause.CARRIED in causes("carried", jax.jit(step))


def test_values_from_outside_are_seen():
    params, seen = start()["params"], batch()
    assert Cause.OUTSIDE in causes("outside", jax.jit(lambda state, given: stepping()(state | {"params": params}, given)))
    assert Cause.OUTSIDE in causes("outside", jax.jit(lambda state, given: stepping()(state, seen)))


def test_random_numbers_of_the_host_are_seen():
    draw = np.random.default_rng(0)
    noise = lambda given, key: given | {"x": given["x"] + draw.normal(size=(8, 4)).astype(np.float32)}  # noqa: E731
    assert Cause.HOST in causes("outside", jax.jit(lambda state, given: stepping()(state, noise(given, 0))))
    scale = jax.jit(lambda state, given: stepping(loss=lambda s, y: cross_entropy(s, y) * (1 + draw.random()))(state, given))
    assert Cause.HOST in causes("outside", scale)


def test_a_value_that_changed_since_the_compilation_is_seen():
    settings = types.SimpleNamespace(scale=1.0)
    step = jax.jit(stepping(loss=lambda given, labels: settings.scale * cross_entropy(given, labels)))
    step(start(), batch())
    assert causes("outside", step) == set()
    settings.scale = 2.0
    assert causes("outside", step) == {Cause.OUTSIDE}


def test_a_step_that_is_compiled_at_each_call_is_seen():
    assert Cause.RECOMPILED in causes("recompiled", lambda state, given: jax.jit(lambda *a: stepping()(*a))(state, given))
    assert causes("recompiled", jax.jit(stepping())) == set()


def test_a_donated_state_with_one_array_twice_is_seen():
    def step(both, given):
        new, metrics = stepping()(both["own"], given)
        return {"own": new, "average": optax.incremental_update(new["params"], both["average"], 0.1)}, metrics

    own = start()
    twice = {"own": own, "average": own["params"]}
    once = {"own": own, "average": jax.tree.map(jnp.copy, own["params"])}
    assert causes("donated", jax.jit(step, donate_argnums=0), twice) == {Cause.DONATED}
    assert causes("donated", jax.jit(step, donate_argnums=0), once) == causes("donated", jax.jit(step), twice) == set()


def test_a_state_that_is_read_after_it_was_donated_is_the_first_finding():
    inner = jax.jit(stepping(), donate_argnums=0)

    def step(state, given):
        new, metrics = inner(state, given)
        return new, metrics | {"length": optax.tree.norm(state["params"])}

    found = jt.examine_step(step, start(), batch())
    assert found.diagnoses[0].cause is Cause.DONATED, str(found)
    assert "test_examine_step.py" in found.symptoms[0].text


def test_a_value_of_the_trace_that_is_kept_is_seen():
    trainer = types.SimpleNamespace(last=None)

    def finish(old, new):
        trainer.last = new["params"]
        return new

    assert Cause.EFFECTS in causes("effects", jax.jit(stepping(finish=finish)))


def test_a_part_that_something_outside_has_is_seen():
    count = iter(range(100))
    inner = jax.jit(stepping())
    assert Cause.EFFECTS in causes("effects", lambda state, given: inner(state | {"key": jax.random.key(next(count))}, given))


def spread(check, **parts):
    mesh = Mesh(jax.devices()[:2], ("data",))
    whole, rows = PartitionSpec(), PartitionSpec("data")
    keys = parts.pop("keys", lambda key: (jax.random.split(key)[0], jax.random.fold_in(key, 1 + jax.lax.axis_index("data"))))
    step = stepping(keys=keys, **parts)
    return jax.jit(jax.shard_map(step, mesh=mesh, in_specs=(whole, rows), out_specs=(whole, whole), check_vma=check))


def mean(tree):
    return jax.lax.pmean(tree, "data")


def shared_mean(old, new):
    return new | {"mean": mean(new["mean"])}


def test_devices_that_go_different_ways_are_seen():
    assert causes("replicas", spread(False, average=mean, finish=shared_mean)) == set()
    assert causes("replicas", spread(False, finish=shared_mean)) == {Cause.REPLICAS}
    assert causes("replicas", spread(False, average=mean)) == {Cause.REPLICAS, Cause.STATISTICS}


def test_the_same_key_on_all_devices_is_seen():
    assert causes("keys of devices", spread(False, average=mean)) == set()
    assert Cause.KEYS in causes("keys of devices", spread(False, average=mean, keys=jax.random.split))


def test_a_sum_over_devices_in_the_loss_is_seen():
    total = lambda given, labels: jax.lax.psum(cross_entropy(given, labels), "data")  # noqa: E731
    assert causes("sums", spread(False, average=mean, told=mean)) == set()
    average = lambda given, labels: mean(cross_entropy(given, labels))  # noqa: E731
    assert causes("sums", spread(False, average=mean, loss=average)) == set()  # the derivative of a mean is a mean
    assert causes("sums", spread(False, average=mean, loss=total)) == {Cause.SUMMED, Cause.REPLICAS}


def test_the_state_stays_as_it_is_though_the_step_donates_it():
    state, given = start(), batch()
    before = jax.tree.map(lambda leaf: np.array(jax.random.key_data(leaf) if leaf.dtype == state["key"].dtype else leaf), state)
    assert jt.examine_step(jax.jit(stepping(), donate_argnums=0), state, given).ok
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves((state, given)))
    after = jax.tree.map(lambda leaf: np.array(jax.random.key_data(leaf) if leaf.dtype == state["key"].dtype else leaf), state)
    jax.tree.map(np.testing.assert_array_equal, before, after)


def test_a_step_that_raises_is_the_first_finding():
    def step(state, given):
        raise RuntimeError("the disk is full")

    found = jt.examine_step(jax.jit(step), start(), batch())
    assert found.diagnoses[0].cause is Cause.STEP and "the disk is full" in str(found) and not found.ok
    assert found.to_dict()["diagnoses"][0]["cause"] == "a step that does not run"


@pytest.mark.parametrize(
    ("step", "options", "error"),
    [
        (3, {}, r"^step = 3 is no function; \(state, batch\) → \(new state, metrics\) is allowed\.$"),
        (lambda state, given: (state, 0.0), {}, r"^step: <lambda> is not compiled; jax\.jit\(<lambda>\) is allowed\.$"),
        (jax.jit(lambda state, given: state), {}, r"^step: gives one value of type dict; a pair is allowed: .*"),
        (jax.jit(lambda s, g: (s | {"w": 1.0}, 0.0)), {}, r"^step: its new state has a new state/w; the arrays of the given .*"),
        (
            jax.jit(lambda s, g: (s | {"mean": jnp.zeros(5)}, 0.0)),
            {},
            r"^step: its new state has state/mean of shape \(5,\) in place of \(4,\); the arrays of the given one .*",
        ),
        (jax.jit(stepping()), {"loss": "los"}, r"^loss = 'los' is no metric of the step; did you mean 'loss'\?$"),
        (jax.jit(stepping()), {"without": ["reech"]}, r"^without: 'reech' is no sign; did you mean 'reach'\?$"),
    ],
)
def test_what_is_no_step_is_refused_in_a_sentence(step, options, error):
    with pytest.raises(jt.ConfigError, match=error):
        jt.examine_step(step, start(), batch(), **options)


def test_a_call_with_an_argument_too_few_is_refused_in_a_sentence():
    error = r"^examine_step: missing a required argument: 'batch'; write examine_step\(step, state, batch\)\.$"
    with pytest.raises(jt.ConfigError, match=error):
        jt.examine_step(jax.jit(stepping()), start())
