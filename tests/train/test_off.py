"""Off is off, neutral is off, on is on: every optional field and every named choice; and off is plain Flax and Optax."""

import functools
import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.config import Kind, choices, fields, hyperparameters, locate, stack
from jaxtricks.data.balance import balances, rarities
from jaxtricks.data.vocabulary import Tokenizer
from jaxtricks.engine.program import forget
from jaxtricks.experiment.inputs import scaled_by, turned_by
from jaxtricks.experiment.targets import targets_scaled_by
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.member import Member, Pool
from jaxtricks.train.prepare import prepare

fit = partial(jt.fit, progress=False)
BASE = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.01)), batch_size=16, epochs=2)
SMALL = {
    "mlp": jt.MLP(widths=(8,)),
    "cnn": jt.CNN(channels=(4,)),
    "rnn": jt.RNN(embedding=4, widths=(4, 4)),
    "tcn": jt.TCN(embedding=4, channels=(4,), kernel_size=2),
    "transformer": jt.Transformer(layers=1, width=8, heads=2, hidden=8),
    "masked": jt.models.Masked(model=jt.MLP(widths=(8,))),
}
LETTERS = jt.data.Vocabulary(tuple("abcdefghijkl"), Tokenizer("char"))
ENTRIES = {entry.path: entry for entry in jt.extend.catalogue()}
OPTIONAL = [path for path in ENTRIES if "=" not in path]
CHOICES = [path for path in ENTRIES if "=" in path]
# What makes a trick act within the base's six steps: norms that rise for a learnt threshold, validations that bring nothing.
PRESSED = {
    "optimizer.clip_learnt": {"optimizer.rule": jt.SGD(learning_rate=2.0)},
    "optimizer.clip_learnt=quantile": {"optimizer.clip_learnt": jt.optim.QuantileClip(window=2)},
    "optimizer.schedule=plateau": {
        "optimizer.schedule": jt.schedules.Plateau(min_change=10.0),
        "optimizer.rule.learning_rate": 0.1,
    },
    "optimizer.schedule=one_cycle": {"optimizer.schedule": jt.schedules.OneCycle(rise=0.2)},
    "model.stages": {"model": jt.CNN()},  # of no channels of its own
    "model.softmax=sampled": {"model.softmax": jt.nn.SampledSoftmax(samples=4)},
    "model.softmax=nce": {"model.softmax": jt.nn.NCE(samples=4)},
    "model.softmax=adaptive": {"model.softmax": jt.nn.AdaptiveSoftmax(cutoffs=(4, 8))},
    "order": {"model": SMALL["rnn"].clone(read="last")},
    "optimizer.averaging": {"epochs": 40},  # until validation gets worse, for an average that begins there
    "optimizer.averaging=triggered": {"optimizer.averaging": jt.optim.TriggeredAverage(patience=1)},
    "optimizer.averaging=latest": {"optimizer.averaging": jt.optim.LatestAverage(points=2, every=1)},
    "stopping": {"epochs": 8, "optimizer.rule.learning_rate": 1.0},
    "stopping.": {"epochs": 8, "optimizer.rule.learning_rate": 0.001},  # falls, by less than half a nat
    "order=by_length": {"order": jt.experiment.ByLength(buckets=2)},
    "objective.weight_power": {"objective.weight_power": 1.0},  # of what has weights
    "objective.class_weights": {"objective.weight_power": 1.0},
    "prior_bias": {"objective.weight_power": 1.0},  # classes of unequal size
    "objective.class_weights=named": {"objective.class_weights": {"0": 3.0}},
    "objective.loss.alpha": {"objective.loss": "binary_focal"},
    "objective.reduction": {"model": SMALL["rnn"]},
    "targets": {"metrics": ("mae",)},  # what only values have
    "pruned.by": {"pruned": jt.optim.Pruned(keep=0.5)},
    "pruned.to": {"pruned": jt.optim.Pruned(keep=0.5)},
    "pruned.output": {"pruned": jt.optim.Pruned(keep=0.5)},
}
FILLED = {"model.outputs", "model.vocabulary", "model.read", "order.cut"}  # by `fit`
FOLLOWED = {"optimizer.schedule.metric", "stopping.metric"}  # None: the value of the loss that is trained
DESCRIBED = {"model.stages"}  # None: the settings beside it describe the usual ones
LOOKED_AT = {"histograms"}  # what is measured; no trick, and the same bits with and without (tests/train/test_histograms.py)
COMPUTED = {"model.scan_layers"}  # how, and not what: the same up to rounding (tests/train/test_depth.py)
# Recurrent weights are square, and nothing has gone through them yet for LSUV to look at.
# Without earlier runs, weights as they are given are those that were drawn.
SAME = {"pruned.to": [("given", "initial")], "model.recurrent_init": [("lecun_normal", "glorot_normal"), ("orthogonal", "lsuv")]}
# A neutral value leaves these in the program as they are, and the others to rounding.
BITS = {"model.input_dropout", "model.dropout", "optimizer.rule.weight_decay", "objective.loss.label_smoothing"}


def walk(cls, prefix=""):
    """Every (path, field, owner) that an experiment may have: through every model, family and choice; no model inside a model."""
    for field in fields(cls).values():
        if field.kind is Kind.MODEL and prefix:
            continue
        yield prefix + field.name, field, cls
        if field.family is not None:
            for member in choices(field.family).values() or [field.family]:
                yield from walk(member, f"{prefix}{field.name}.")


def test_the_catalogue_lists_every_switch_and_every_choice_with_an_on_value():
    others = FILLED | FOLLOWED | DESCRIBED | LOOKED_AT | COMPUTED
    switches = {path for path, field, _ in walk(jt.Experiment) if field.optional} - others
    assert switches == set(OPTIONAL)
    assert all(ENTRIES[path].trick.on is not None for path in OPTIONAL)
    # No tricks: the usual ones, and the one loss that several labels have.
    plain = {
        "optimizer.schedule=constant",
        "objective.loss=cross_entropy",
        "objective.loss=binary_cross_entropy",
        "model.softmax=full",
    }
    named = {
        f"{path}={name}" for path, field, _ in walk(jt.Experiment) if field.family is not None for name in choices(field.family)
    }
    assert named == set(CHOICES) | plain


@jax.jit
def _train(stacked, members, pool):
    def train(experiment, member):
        def epoch(state, number):
            return epochs.epoch(experiment, member, pool, state, epochs.positions(experiment, member, pool, number))

        _, curves = jax.lax.scan(epoch, epochs.start(experiment, member, pool, {}), jnp.arange(experiment.epochs))
        return jnp.append(curves["train_loss"], next(curves[name] for name in ("nll", "mae", "accuracy") if name in curves))

    return jax.vmap(train)(stacked, members)


WORKERS = ThreadPoolExecutor(2)
PROGRAMS = {}


@pytest.fixture(autouse=True)
def few_programs():
    """Tests side by side share programs, but all of this file's are more than a process may hold."""
    yield
    if len(PROGRAMS) > 64:
        PROGRAMS.clear()
        forget()


def ask(*experiments: jt.Experiment):
    """The program of experiments of one structure, compiling in another thread, and what it is called with."""
    assert len(experiments) <= 2
    data = data_for(experiments[0])
    split = data.split(0)
    # Always two, so that one program does.
    ready = [prepare(experiment, data, len(split.train)) for experiment in (experiments * 2)[:2]]
    places = (part.astype(np.int32) for part in split)
    trains = split.train[None]
    scaling, learnt = scaled_by(ready[0].inputs, data, trains), targets_scaled_by(ready[0].targets, data, trains)
    member = Member(
        np.int32(0),
        *places,
        *(part[0] for part in scaling),
        targets=jax.tree.map(lambda part: part[0], learnt),
        principal=jax.tree.map(lambda part: part[0], turned_by(ready[0].inputs, data, trains, scaling)),
        balance=balances(data, trains)[0] if ready[0].asks_for_balance else None,
        rarity=rarities(data, trains)[0] if ready[0].asks_for_rarity else None,
    )
    args = stack(ready), jax.tree.map(lambda leaf: np.stack([leaf] * 2), member), Pool.on_host(data)
    structure = jax.tree.structure(args)
    if structure not in PROGRAMS:
        PROGRAMS[structure] = WORKERS.submit(_train.lower(*args).compile)
    return PROGRAMS[structure], args


def losses(*experiments: jt.Experiment) -> np.ndarray:
    """The training and the validation loss of every epoch, of experiments of one structure, [experiments, losses]."""
    program, args = ask(*experiments)
    return np.asarray(program.result()(*args))[: len(experiments)]


@functools.cache
def pictures() -> jt.Dataset:
    """60 noisy images of 6 x 6 pixels in three classes, on a scale of their own, for `unit`."""
    y = np.repeat(np.arange(3), 20)
    draw = np.random.default_rng(0)
    x = 2 * draw.normal(size=(3, 6, 6, 1))[y] + draw.normal(size=(60, 6, 6, 1)) + 5
    return jt.Dataset.from_arrays(x, y, name="pictures", scale=10.0)


@functools.cache
def sentences() -> jt.Dataset:
    """60 sequences of 1 to 6 of twelve letters, in three classes."""
    draw = np.random.default_rng(0)
    lengths = draw.integers(1, 7, 60).astype(np.int32)
    x = np.where(np.arange(6) < lengths[:, None], draw.integers(0, 12, (60, 6)), 0).astype(np.int32)
    return jt.Dataset(
        "sentences", x, np.repeat(np.arange(3), 20).astype(np.int32), tuple("abc"), lengths=lengths, vocabulary=LETTERS
    )


@functools.cache
def labelled_steps() -> jt.Dataset:
    """The sentences with a class for each step, the letter itself."""
    data = sentences()
    return jt.Dataset("steps", data.x, data.x, tuple("abcdefghijkl"), lengths=data.lengths, vocabulary=LETTERS)


@functools.cache
def tagged() -> jt.Dataset:
    """The pictures with two labels each: whether it is in the first class, and in the first two."""
    x, y = pictures().x, pictures().y
    return jt.Dataset.from_arrays(x, np.stack([y == 0, y <= 1], axis=1).astype(np.int32), name="tagged", task="multilabel")


@functools.cache
def valued() -> jt.Dataset:
    """The pictures with two values each."""
    return jt.Dataset.from_arrays(pictures().x, pictures().x[:, 0, :2, 0], name="valued")


@functools.cache
def weighted() -> jt.Dataset:
    """The pictures, of which the first class has fewer; each has a weight."""
    x, y = pictures().x[12:], pictures().y[12:]
    return jt.Dataset.from_arrays(x, y, weights=np.random.default_rng(0).exponential(size=48), name="weighted")


def data_for(experiment) -> jt.Dataset:
    """What a model and a loss are for."""
    model = experiment.model
    if experiment.objective.weight_power is not None:
        return weighted()
    if "mae" in experiment.metrics:
        return valued()
    if "classes" not in experiment.objective.loss.tasks:
        return tagged()
    if not isinstance(model, jt.RNN | jt.TCN | jt.Transformer):
        return pictures()
    return sentences() if model.read == "last" else labelled_steps()


@pytest.mark.parametrize(("path", "model"), [(path, model) for path in OPTIONAL for model in ENTRIES[path].models or ["mlp"]])
def test_on_changes_something_and_neutral_equals_off(path, model):
    trick = ENTRIES[path].trick
    values = [trick.on] if trick.neutral is None else [trick.on, trick.neutral]
    base = BASE.replace({"model": SMALL[model]} | PRESSED.get(path, {}))
    off = losses(base)[0]
    on, *neutral = losses(*[base.replace({path: value}) for value in values])
    # A restart that has stopped has no training loss.
    assert (np.all(np.isfinite(on)) or path == "stopping") and not np.allclose(on, off, rtol=1e-4)
    if neutral and path in BITS and model in ("mlp", "cnn"):
        np.testing.assert_array_equal(neutral[0], off)
    elif neutral:
        np.testing.assert_allclose(neutral[0], off, rtol=1e-5)


def chosen(path, name):
    """The base with a choice; all at the same learning rate, so that rules differ by more than their defaults for it."""
    models = {entry.models[0] for key, entry in ENTRIES.items() if key.startswith(f"{path}=") and entry.models}
    base = BASE.replace({"model": SMALL[min(models)]} if models else {}).replace(PRESSED.get(path, {}))
    return whole(base.replace({path: name} | PRESSED.get(f"{path}={name}", {}) | {"optimizer.rule.learning_rate": 0.01}))


def whole(experiment):
    """The experiment, with all examples in a batch if its rule asks for them."""
    return experiment.replace({"batch_size": 48}) if isinstance(experiment.optimizer.rule, jt.optim.LBFGS) else experiment


@pytest.mark.parametrize("path", dict.fromkeys(path.split("=")[0] for path in CHOICES if not path.startswith("model=")))
def test_every_two_choices_differ(path):
    models = [entry.models[0] for key, entry in ENTRIES.items() if key.startswith(f"{path}=") and entry.models]
    base = BASE.replace(({"model": SMALL[models[0]]} if models else {}) | PRESSED.get(path, {}))
    names = choices(locate(base, path).family)
    for name in names:
        ask(chosen(path, name))
    results = {name: losses(chosen(path, name))[0] for name in names}
    assert all(np.all(np.isfinite(result)) for result in results.values())
    same = [(a, b) for a, b in itertools.combinations(names, 2) if np.allclose(results[a], results[b], rtol=1e-7, atol=0)]
    assert same == SAME.get(path, [])


def numbers():
    """Every float of every choice that an experiment may have, at the first place where it may: path, and its name there."""
    found, seen = {}, set()

    def visit(experiment, prefix, cls, node_path):
        for field in fields(cls).values():
            path = f"{node_path}{field.name}"
            if field.kind is Kind.TRACED and not field.optional:
                found[f"{prefix}{field.name}"] = (experiment, path)
            elif field.kind is Kind.CONFIG:
                for name, member in (choices(field.type) or {"": field.type}).items():
                    if member in seen:
                        continue
                    seen.add(member)
                    pressed = PRESSED.get(path, {}) | {path: name} | PRESSED.get(f"{path}={name}", {})
                    pressed = pressed if name else PRESSED.get(f"{path}.", {}) | {path: member()} if field.optional else {}
                    changed = whole(experiment.replace(pressed))
                    visit(changed, f"{prefix}{field.name}={name}." if name else f"{prefix}{field.name}.", member, f"{path}.")
            elif field.kind is Kind.MODEL and not prefix:
                for name, member in choices(nn.Module).items():
                    visit(experiment.replace({path: SMALL[name]}), f"{prefix}{name}.", member, f"{path}.")

    visit(BASE, "", jt.Experiment, "")
    return found


NUMBERS = numbers()


@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_is_dead(name):
    """Two values of every float, in one program, give two results."""
    experiment, path = NUMBERS[name]
    value, span = hyperparameters(experiment)[path], locate(experiment, path).range
    other = next(v for v in (0.5, 0.3, 0.75) if v != value and v in span)
    a, b = losses(experiment, experiment.replace({path: other}))
    # A restart that has stopped has no training loss.
    assert np.all(np.isfinite([a, b])) or name.startswith("stopping.")
    assert not np.allclose(a, b, rtol=1e-5, equal_nan=True)


@pytest.mark.parametrize("changes", [{"batch_size": 24}, {"model.widths": (8, 8)}, {"epochs": 3}])
def test_no_static_setting_is_dead(changes):
    differ(BASE, BASE.replace(changes))


@pytest.mark.parametrize(
    "changes", [{"channels": (3,)}, {"blocks": "residual"}, {"kernel_size": 2}, {"pooling": "average"}, {"head": "average"}]
)
def test_no_static_setting_of_a_convolutional_network_is_dead(changes):
    base = BASE.replace({"model": SMALL["cnn"]})
    differ(base, base.replace({f"model.{name}": value for name, value in changes.items()}))


SEQUENCE_SETTINGS = {
    "rnn": {"widths": (4,), "embedding": 3, "bidirectional": True, "read": "last"},
    "tcn": {"channels": (3,), "kernel_size": 3, "embedding": 3, "weight_norm": False},
    "transformer": {"layers": 2, "width": 12, "heads": 1, "hidden": 6, "context": 2, "causal": False, "norm": "post"},
}


@pytest.mark.parametrize(("model", "name"), [(model, name) for model, names in SEQUENCE_SETTINGS.items() for name in names])
def test_no_static_setting_of_a_sequence_model_is_dead(model, name):
    base = BASE.replace({"model": SMALL[model]})
    differ(base, base.replace({f"model.{name}": SEQUENCE_SETTINGS[model][name]}))


def differ(a, b):
    off, on = losses(a)[0], losses(b)[0]
    assert off.shape != on.shape or not np.allclose(on, off, rtol=1e-4)


def test_remat_recomputes_and_changes_nothing():
    base = BASE.replace({"model.dropout": 0.5, "model.widths": (8, 8)})
    np.testing.assert_allclose(losses(base.replace({"model.remat": True})), losses(base), rtol=1e-6)


def outcome(runs):
    return runs.curves, runs.states.params


class TestCompiled:
    """What the engine compiles says the same, all neutral values at once."""

    PLACE = jt.Layout(runs=1, width=2)

    def arms(self, paths, epochs):
        base = BASE.replace({"epochs": epochs})
        neutral = base.replace({path: ENTRIES[path].trick.neutral for path in paths})
        return [jax.tree.leaves(outcome(runs)) for runs in fit([base, neutral], data_for(neutral), seeds=2, layout=self.PLACE)]

    def test_neutral_in_the_program_changes_no_bit(self):
        off, neutral = self.arms(sorted(BITS), 3)
        for a, b in zip(off, neutral, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_neutral_to_rounding(self):
        paths = [path for path in OPTIONAL if path not in BITS and ENTRIES[path].trick.neutral is not None]
        paths = [path for path in paths if "mlp" in (ENTRIES[path].models or ["mlp"])]
        assert {"optimizer.clip_norm", "optimizer.clip_value", "objective.l1", "objective.l2"} <= set(paths)
        off, neutral = self.arms(paths, 1)  # on data with weights, of which one is a power
        for a, b in zip(off, neutral, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


class Net(nn.Module):
    """One hidden layer, in plain Flax."""

    @nn.compact
    def __call__(self, x):
        x = nn.Dense(8, name="lower", param_dtype=jnp.float64)(x.reshape(len(x), -1))
        return nn.Dense(10, name="upper", param_dtype=jnp.float64)(nn.relu(x))


def plain_loop(data, seed, learning_rate, decay, batch, epochs):
    """AdamW on a hidden layer in plain Flax and Optax; from jaxtricks come the split, the first weights and the streams."""
    key, split = rng.root(seed), data.split(seed)
    first = jt.MLP(widths=(8,), outputs=10).init({"params": rng.stream(key, "params")}, jnp.zeros((1, 64)), train=False)["params"]
    params = {"lower": first["hidden_0"]["dense"], "upper": first["head"]}
    pixels = data.x.reshape(len(data), -1).astype(np.float64)
    std = pixels[split.train].std(axis=0)
    # The engine keeps its statistics in float32.
    shift, scale = pixels[split.train].mean(axis=0).astype(np.float32), np.where(std == 0, 1, std).astype(np.float32)
    x, y, net = (pixels - shift.astype(np.float64)) / scale.astype(np.float64), data.y, Net()
    # At rate 1, for a cosine of one's own.
    tx = optax.adamw(1.0, weight_decay=decay, mask=jax.tree.map(lambda p: p.ndim > 1, params))
    state = tx.init(params)

    def loss(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(net.apply({"params": params}, x), y).mean()

    @jax.jit
    def step(params, state, x, y, rate):
        value, grads = jax.value_and_grad(loss)(params, x, y)
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, jax.tree.map(lambda update: rate * update, updates)), state, value

    curves = []
    for epoch in range(epochs):
        bits = jax.random.bits(rng.stream(key, "shuffle", epoch), split.train.shape)
        order, values = split.train[np.argsort(bits)], []
        steps = len(order) // batch
        for i in range(steps):
            chosen = order[i * batch : (i + 1) * batch]
            progress = (epoch * steps + i) / (epochs * steps)
            rate = learning_rate * (1 + np.cos(np.pi * progress)) / 2
            params, state, value = step(params, state, x[chosen], y[chosen], rate)
            values.append(value)
        logits = net.apply({"params": params}, x[split.validation])
        accuracy = np.mean(np.argmax(np.asarray(logits), axis=1) == y[split.validation])
        curves.append([np.mean(values), loss(params, x[split.validation], y[split.validation]), accuracy])
    return params, np.array(curves)


def test_off_is_plain_flax_and_optax(digits, float64):
    rate, decay, batch, epochs = 0.01, 0.1, 32, 20
    rule = jt.AdamW(learning_rate=rate, weight_decay=decay)
    experiment = jt.Experiment(
        model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=rule, schedule="cosine"), batch_size=batch, epochs=epochs
    )
    with float64():
        runs = fit(experiment, digits, seeds=[3, 4], layout=jt.Layout(runs=1))
        for row, seed in enumerate([3, 4]):
            params, curves = plain_loop(digits, seed, rate, decay, batch, epochs)
            ours = [runs.curves[name][row] for name in ("train_loss", "nll", "accuracy")]
            np.testing.assert_allclose(np.stack(ours, axis=1), curves, rtol=1e-10)
            for there, here in [("lower", runs.states.params["hidden_0"]["dense"]), ("upper", runs.states.params["head"])]:
                for name in ("kernel", "bias"):
                    np.testing.assert_allclose(here[name][row], params[there][name], rtol=1e-10, atol=1e-12)
