"""The tasks: data, a model, a rule and a length of training; those to judge on share no models or seeds with the others."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_diabetes, load_wine

import jaxtricks as jt

EXAMPLES = 2_000  # examples of most judged data sets


@dataclass(frozen=True)
class Task:
    """What a learning rate is sought for.

    Args:
        name: of the task.
        test: of its range test, which tasks share that differ in the length of training only.
        experiment: what is trained.
        data: loads the data set.
    """

    name: str
    test: str
    experiment: jt.Experiment
    data: Callable[[], jt.Dataset]


def tuning() -> list[Task]:
    """The 30 tasks that the rule and its spread are of: 14 range tests on digits, each for a short and a longer training, and two
    of values, which were to be judged on until the first of them was far off (SGD, +3.2 octaves): a kind that digits are not.
    """
    digits = functools.partial(jt.load, "digits")
    fully, convolved = jt.MLP(widths=(64, 64)), jt.CNN(channels=(8, 16))
    usual = (jt.SGD(), jt.Momentum(), jt.Adam())
    steep, smooth = (jt.SGD(), jt.AdamW()), (jt.optim.Nesterov(), jt.optim.RMSProp())
    small = functools.partial(part, "digits", 400, 0)
    some = functools.partial(part, "digits", 800, 1)
    return [
        *_tasks("mlp", fully, usual, digits, 64, (5, 20)),
        *_tasks("cnn", convolved, usual, digits, 64, (4, 12)),
        *_tasks("batch norm", jt.MLP(widths=(64,) * 3, normalization=jt.nn.BatchNorm()), steep, digits, 64, (5, 20)),
        *_tasks("linear", jt.MLP(widths=()), smooth, digits, 32, (5, 20)),
        *_tasks("tanh", jt.MLP(widths=(32,), activation=jt.nn.Tanh()), steep, small, 16, (5, 20)),
        *_tasks("dropout", jt.MLP(widths=(128,), dropout=jt.nn.Inverted(rate=0.5)), smooth, some, 64, (5, 20)),
        *_tasks("values", jt.MLP(widths=(48, 48)), (jt.SGD(), jt.Adam()), friedman_1, 32, (10,)),
    ]


def judged() -> list[Task]:
    """20 tasks that the first interval was judged on, and the second took its width from: other data, models and seeds, and some
    rules that no tuning task has.
    """
    fashion, mnist = (functools.partial(part, name, EXAMPLES, 0) for name in ("fashion_mnist", "mnist"))
    wide, tanh = jt.MLP(widths=(128,), kernel_init=jt.nn.HeNormal()), jt.MLP(widths=(100, 50), activation=jt.nn.Tanh())
    gelu = jt.MLP(widths=(32,), activation=jt.nn.GELU())
    recurrent = jt.RNN(widths=(32,), embedding=16)
    momentum, nesterov = jt.Momentum(), jt.optim.Nesterov()
    decayed = jt.AdamW(weight_decay=jt.optim.Decoupled(rate=0.1))
    return [
        *_tasks("fashion mlp", wide, (jt.SGD(), momentum, jt.Adam(), decayed), fashion, 32, (8,)),
        *_tasks("fashion cnn", jt.CNN(channels=(8,)), (nesterov, jt.optim.RMSProp()), fashion, 64, (6,)),
        *_tasks("mnist tanh", tanh, (jt.SGD(), jt.Adam(), jt.optim.Lion()), mnist, 50, (10,)),
        *_tasks("mnist cnn", jt.CNN(channels=(4, 8), head="average"), (momentum, jt.optim.AMSGrad()), mnist, 64, (6,)),
        *_tasks("reviews mlp", gelu, (jt.SGD(), jt.Adam(), jt.optim.AdaGrad()), reviews, 64, (6,)),
        *_tasks("reviews linear", jt.MLP(widths=()), (momentum, jt.AdamW()), reviews, 64, (12,)),
        *_tasks("angles", jt.MLP(widths=(64,), activation=jt.nn.Tanh()), (nesterov, jt.Adam()), friedman_3, 50, (12,)),
        *_tasks("letters", recurrent, (momentum, jt.Adam()), letters, 16, (4,)),
    ]


def judged_second() -> list[Task]:
    """20 tasks more, chosen before any of them was run, for the interval that the others gave its width: other networks, batches
    and rules, and four data sets that no other task has.
    """
    fashion, mnist = (functools.partial(part, name, EXAMPLES, 1) for name in ("fashion_mnist", "mnist"))
    deep = jt.MLP(widths=(64,) * 4, activation=jt.nn.Swish())
    normed = jt.MLP(widths=(96,), normalization=jt.nn.LayerNorm())
    momentum, nesterov, rmsprop = jt.Momentum(), jt.optim.Nesterov(), jt.optim.RMSProp()
    return [
        *_tasks("fashion deep", deep, (jt.SGD(), nesterov, jt.Adam()), fashion, 16, (5,)),
        *_tasks("fashion linear", jt.MLP(widths=()), (momentum, jt.AdamW()), fashion, 100, (15,)),
        *_tasks("mnist layer norm", normed, (jt.SGD(), rmsprop, jt.optim.RAdam()), mnist, 32, (6,)),
        *_tasks("mnist small cnn", jt.CNN(channels=(6,)), (jt.SGD(), jt.Adam()), mnist, 40, (5,)),
        *_tasks("reviews many words", jt.MLP(widths=(16,)), (momentum, jt.AdamW(), jt.optim.Lion()), more_words, 50, (8,)),
        *_tasks("wine", jt.MLP(widths=(24,)), (jt.SGD(), jt.Adam()), wine, 16, (30,)),
        *_tasks("diabetes", jt.MLP(widths=(32,), activation=jt.nn.GELU()), (momentum, jt.Adam()), diabetes, 32, (20,)),
        *_tasks("friedman 2", jt.MLP(widths=(40, 40)), (nesterov, jt.AdamW()), friedman_2, 64, (15,)),
        *_tasks("letters tcn", jt.TCN(channels=(16,), kernel_size=3, embedding=16), (jt.Adam(),), letters, 32, (6,)),
    ]


def more_words() -> jt.Dataset:
    """Reviews of films, good or bad, by the counts of 2,000 words."""
    return jt.load("imdb_reviews", words=2_000).subset(EXAMPLES, seed=1)


def wine() -> jt.Dataset:
    """Thirteen measurements of wines, and which of three growers made them (scikit-learn's)."""
    x, y = load_wine(return_X_y=True)
    return jt.Dataset.from_arrays(x, y, name="wine")


def diabetes() -> jt.Dataset:
    """Ten measurements of patients, and how their diabetes went on (scikit-learn's)."""
    x, y = load_diabetes(return_X_y=True, scaled=False)
    return jt.Dataset.from_arrays(x, y, name="diabetes")


def friedman_2() -> jt.Dataset:
    """Friedman's second function, the impedance of a circuit, with a standard deviation of noise of 125."""
    draw = np.random.default_rng(2)
    x = draw.uniform(size=(1_500, 4)) * (100, 520 * np.pi, 1, 10) + (1, 40 * np.pi, 0, 1)
    y = np.sqrt(x[:, 0] ** 2 + (x[:, 1] * x[:, 2] - 1 / (x[:, 1] * x[:, 3])) ** 2)
    return jt.Dataset.from_arrays(x, y + draw.normal(0, 125, size=len(x)), name="friedman 2")


def part(name: str, examples: int, seed: int) -> jt.Dataset:
    """So many examples of a data set."""
    return jt.load(name).subset(examples, seed=seed)


def reviews() -> jt.Dataset:
    """Reviews of films, good or bad, by the counts of 500 words."""
    return jt.load("imdb_reviews", words=500).subset(EXAMPLES, seed=0)


def letters() -> jt.Dataset:
    """Sequences of 32 characters, of which each next one is to be predicted."""
    return jt.load("tiny_shakespeare", text=jt.Text("char", length=32)).subset(1_000, seed=0)


def friedman_1() -> jt.Dataset:
    """Friedman's first function of five of ten uniform inputs, with a standard deviation of noise of 1."""
    draw = np.random.default_rng(0)
    x = draw.uniform(size=(1_000, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return jt.Dataset.from_arrays(x, y + draw.normal(size=len(x)), name="friedman 1")


def friedman_3() -> jt.Dataset:
    """Friedman's third function, the phase of a circuit, in radians, with a standard deviation of noise of 0.1."""
    draw = np.random.default_rng(1)
    x = draw.uniform(size=(1_500, 4)) * (100, 520 * np.pi, 1, 10) + (1, 40 * np.pi, 0, 1)
    y = np.arctan((x[:, 1] * x[:, 2] - 1 / (x[:, 1] * x[:, 3])) / x[:, 0])
    return jt.Dataset.from_arrays(x, y + draw.normal(0, 0.1, size=len(x)), name="friedman 3")


def _tasks(
    name: str,
    model: object,
    rules: tuple[jt.optim.Rule, ...],
    data: Callable[[], jt.Dataset],
    batch: int,
    lengths: tuple[int, ...],
) -> list[Task]:
    found = []
    for rule in rules:
        test = f"{name}, {type(rule).__name__}"
        base = jt.Experiment(model=model, optimizer=jt.Optimizer(rule=rule), batch_size=batch)
        found += [Task(f"{test}, {epochs} epochs", test, base.replace({"epochs": epochs}), data) for epochs in lengths]
    return found


TASKS: dict[str, Callable[[], list[Task]]] = {"chosen": tuning, "first": judged, "second": judged_second}
