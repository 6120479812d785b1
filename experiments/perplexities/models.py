"""The language models, as published and small enough for two cores: Zaremba's, the variational one, and AWD without a part."""

from typing import Any, NamedTuple

import jaxtricks as jt
from experiments.recurrent.zaremba import full, zaremba
from jaxtricks.evaluate.scale import ScaleName


class Published(NamedTuple):
    """Perplexities of a paper, on the validation and on the test text; None where they were not found.

    Args:
        validation: on the validation text.
        test: on the test text.
    """

    validation: float | None
    test: float | None


NOT_FOUND = Published(None, None)


class LanguageModel(NamedTuple):
    """A language model and what was published of it.

    Args:
        name: of the row.
        length: the steps of a window.
        experiment: what is trained.
        penn: what was published on Penn Treebank.
        wikitext: what was published on WikiText-2.
    """

    name: str
    length: int
    experiment: jt.Experiment
    penn: Published = NOT_FOUND
    wikitext: Published = NOT_FOUND


class Sizes(NamedTuple):
    """How large AWD is.

    Args:
        embedding: the features of a word's vector, and the units of the last of three layers.
        units: of the two layers below.
        batch: the number of parallel tracks.
        epochs: passes over the text.
        patience: of the averaging.
        rate: of SGD.
        adam: the rate of Adam in its place.
    """

    embedding: int
    units: int
    batch: int
    epochs: int
    patience: int
    rate: float
    adam: float


# The rates of the small ones were chosen by one restart on windows of the training text that the page does not train on.
AWD = {
    "full": Sizes(400, 1150, 80, 750, 5, 30.0, 1e-3),
    "cpu": Sizes(48, 64, 20, 12, 1, 10.0, 1e-2),
    "smoke": Sizes(6, 8, 4, 2, 1, 10.0, 1e-2),
}
# Published for AWD without a part: validation and test perplexity on Penn Treebank, and on WikiText-2.
WITHOUT: dict[str, tuple[dict[str, Any], Published, Published]] = {
    "dropped recurrent weights": ({"model.drop_connect": None}, Published(71.1, 68.9), Published(78.4, 74.9)),
    "averaging": ({"optimizer.averaging": None}, Published(None, 63.7), NOT_FOUND),
    "tied vectors": ({"model.softmax": "full"}, NOT_FOUND, NOT_FOUND),
    "penalties on activations": (
        {"model.activation_penalty": None, "model.temporal_penalty": None},
        NOT_FOUND,
        NOT_FOUND,
    ),
}


def awd(sizes: Sizes) -> jt.Experiment:
    """AWD-LSTM by its authors' code for WikiText-2: tied vectors, masks held over a window, averaging once validation stalls.

    Unlike it, windows are all of one length (theirs varies about 70, and the rate with it), masks of the first layer's input
    (0.65 there) and of those between layers (0.2) have one rate, and a word is dropped from a sequence and not from a batch.
    """
    rule = jt.SGD(learning_rate=sizes.rate, weight_decay=jt.optim.L2(rate=1.2e-6))
    return jt.Experiment(
        model=jt.RNN(
            embedding=sizes.embedding,
            widths=(sizes.units, sizes.units, sizes.embedding),
            cell=jt.nn.LSTM(forget_bias=0.0),
            kernel_init=jt.nn.Uniform(scale=0.1),
            recurrent_init=jt.nn.Uniform(scale=sizes.units**-0.5),
            softmax=jt.nn.TiedSoftmax(),
            carry_state=True,
            variational=jt.nn.Variational(words=0.1, inputs=0.4, recurrent=0.0, outputs=0.4),
            drop_connect=jt.nn.Inverted(rate=0.5),
            activation_penalty=2.0,
            temporal_penalty=1.0,
        ),
        optimizer=jt.Optimizer(rule=rule, averaging=jt.optim.TriggeredAverage(patience=sizes.patience), clip_norm=0.25),
        order=jt.experiment.Contiguous(),
        batch_size=sizes.batch,
        epochs=sizes.epochs,
    )


def by_adam(experiment: jt.Experiment, rate: float) -> jt.Experiment:
    """An experiment with Adam in the place of SGD and of what averages its steps."""
    return experiment.replace({"optimizer.rule": jt.Adam(learning_rate=rate), "optimizer.averaging": None})


def language_models(scale: ScaleName) -> list[LanguageModel]:
    """The rows of a page, in order.

    Args:
        scale: "full", the papers' settings; "cpu" and "smoke", the same recipes with fewer units, steps and epochs.
    """
    sizes = AWD[scale]
    window = {"full": 70, "cpu": 20, "smoke": 5}[scale]
    whole = awd(sizes)
    rows = [LanguageModel(name, length, experiment, *ZAREMBA[name]) for name, (length, experiment) in _zaremba(scale).items()]
    rows.append(LanguageModel("AWD", window, whole, Published(60.0, 57.3), Published(68.6, 65.8)))
    for part, (changes, penn, wikitext) in WITHOUT.items():
        rows.append(LanguageModel(f"AWD without {part}", window, whole.replace(changes), penn, wikitext))
    return [*rows, LanguageModel("AWD by Adam, without averaging", window, by_adam(whole, sizes.adam))]


ZAREMBA = {
    "small": (Published(120.7, 114.5), NOT_FOUND),
    "medium": (Published(86.2, 82.7), NOT_FOUND),
    "medium without dropout": (NOT_FOUND, NOT_FOUND),
    "variational medium": (Published(None, 79.7), NOT_FOUND),
}


def _zaremba(scale: ScaleName) -> dict[str, tuple[int, jt.Experiment]]:
    """Name → steps of a window, and experiment."""
    if scale == "full":
        return full()
    sizes = AWD[scale]
    small, medium = (
        zaremba(sizes.units // 2, 0.1, sizes.epochs, 3, 0.5, 5.0),
        zaremba(sizes.units, 0.1, sizes.epochs, 3, 0.7, 5.0),
    )
    if scale == "smoke":
        small, medium = (each.replace({"batch_size": sizes.batch, "optimizer.schedule": "cosine"}) for each in (small, medium))
    dropout = medium.replace({"model.dropout": 0.2})
    variational = medium.replace({"model.variational": full()["variational medium"][1].model.variational})
    window = {"cpu": 20, "smoke": 5}[scale]
    arms = {"small": small, "medium": dropout, "medium without dropout": medium, "variational medium": variational}
    return {name: (window, experiment) for name, experiment in arms.items()}
