"""Labels that data give themselves, to pretrain on: the next token, masked tokens, how far an image is turned.

Each function gives a data set with other labels. A network learns it, and `jaxtricks.Transfer` takes its layers to the labels
that are wanted. Tokens that both data sets have go to their places by name. The test split stays out: nothing is learnt from it.
"""

import numpy as np
from jaxtyping import Bool, Int

from jaxtricks import rng
from jaxtricks.data.arrays import short
from jaxtricks.data.dataset import Dataset
from jaxtricks.data.errors import DataError
from jaxtricks.data.splits import Split
from jaxtricks.data.vocabulary import MASK, Vocabulary

TURNS = 4
AS_MASK, AS_RANDOM = 0.8, 0.1  # of the chosen tokens; the others stay as they are


def next_tokens(dataset: Dataset) -> Dataset:
    """A language model's data, of the texts of a labelled data set: at each step the label is the next token.

    With steps t₁ … t_L of a text, x holds t₁ … t_{L-1} and y holds t₂ … t_L. The vocabulary is the same one, so that every layer
    but the head fits a classifier of the texts. Texts of one token are left out.

    Args:
        dataset: texts as sequences of tokens, such as `jt.load("imdb_reviews", text=…)` gives them.

    Raises:
        DataError: for data without tokens, or whose labels are tokens already.

    Dai & Le, "Semi-supervised sequence learning", NIPS 2015; Howard & Ruder (ULMFiT) 2018.

    >>> three = jt.Text("word", length=3)
    >>> texts = jt.Dataset.from_texts(["a b c", "b a", "c b a", "a c"], [0, 1, 0, 1], text=three, validation=0.5)
    >>> data = jt.data.next_tokens(texts)
    >>> data.decode(data.x[0]), data.decode(data.y[0])
    ('a b', 'b c')
    """
    vocabulary = _tokens_of(dataset)
    if dataset.stream:
        raise DataError(f"dataset: {dataset.name} has the next token for a label already; texts with labels are allowed.")
    lengths = dataset.lengths if dataset.lengths is not None else np.full(len(dataset), dataset.shape[0], np.int32)
    long = np.flatnonzero(lengths > 1)
    followed = np.arange(dataset.shape[0] - 1) < lengths[long, None] - 1
    return Dataset(
        f"{dataset.name}, next tokens",
        np.where(followed, dataset.x[long, :-1], 0),
        dataset.x[long, 1:],
        vocabulary.tokens,
        validation=_split_of(dataset, long),
        lengths=None if dataset.lengths is None else lengths[long] - 1,
        vocabulary=vocabulary,
        task="steps",
        groups=None if dataset.groups is None else dataset.groups[long],
        time=None if dataset.time is None else dataset.time[long],
    )


def masked_tokens(dataset: Dataset, share: float = 0.15, copies: int = 10, seed: int = 0) -> Dataset:
    """Texts with some tokens hidden, to be told from the tokens on both sides; the labels are the hidden tokens.

    Each token is chosen with probability `share`. Of the chosen ones 80% become "<mask>", which is added to the vocabulary, 10% a
    random token, and 10% stay as they are, so that a network cannot know which tokens count. The loss counts at the chosen tokens
    alone. Each text comes several times, with other tokens hidden (BERT's data have 10 copies), and all copies of a text are on
    one side of each split. The model must see both sides: `jt.Transformer(causal=False)`.

    Args:
        dataset: texts as sequences of tokens, or windows of one text; labels do not matter.
        share: the probability, in (0, 1).
        copies: how often each text comes, at least 1.
        seed: the seed of the draw.

    Raises:
        DataError: for data without tokens, or a number that is not allowed.

    Devlin et al., "BERT: pre-training of deep bidirectional transformers", NAACL 2019.

    >>> texts = jt.Dataset.from_texts(["a b c d"] * 5, [0, 1, 0, 1, 0], text=jt.Text("word", length=4))
    >>> data = jt.data.masked_tokens(texts, share=0.5, copies=1)
    >>> data.vocabulary.tokens
    ('<pad>', 'a', 'b', 'c', 'd', '<mask>')
    >>> bool((data.y[data.counted] == texts.x[data.counted]).all())
    True
    """
    vocabulary = _tokens_of(dataset)
    if not 0 < share < 1:
        raise DataError(f"share: {share} of the tokens is hidden; a number in (0, 1) is allowed.")
    if isinstance(copies, bool) or not isinstance(copies, int) or copies < 1:
        raise DataError(f"copies: {short(copies)} is not allowed; a whole number of 1 or more is.")
    ordinary = np.flatnonzero([token != MASK and place != vocabulary.padding for place, token in enumerate(vocabulary.tokens)])
    if MASK not in vocabulary.tokens:
        vocabulary = Vocabulary((*vocabulary.tokens, MASK), vocabulary.tokenizer)
    places, generator = np.tile(np.arange(len(dataset)), copies), rng.host(seed, "masked tokens")
    x = dataset.x[places]
    true = np.ones(x.shape, bool) if dataset.lengths is None else np.arange(x.shape[1]) < dataset.lengths[places, None]
    chosen = _chosen(true, share, generator)
    fate = generator.random(x.shape)
    hidden = np.where(chosen & (fate < AS_MASK), vocabulary.tokens.index(MASK), x)
    swapped = chosen & (fate >= AS_MASK) & (fate < AS_MASK + AS_RANDOM)
    return Dataset(
        f"{dataset.name}, masked tokens",
        np.where(swapped, generator.choice(ordinary, x.shape), hidden).astype(np.int32),
        np.where(chosen, x, 0),
        vocabulary.tokens,
        validation=_split_of(dataset, places),
        lengths=None if dataset.lengths is None else dataset.lengths[places],
        counted=chosen,
        vocabulary=vocabulary,
        task="steps",
        groups=_groups_of(dataset)[places],
        time=None if dataset.time is None else dataset.time[places],
    )


def rotations(dataset: Dataset) -> Dataset:
    """Images turned by 0, 90, 180 and 270 degrees; the label says by how much, so a network has to learn what is upright.

    There are four examples for each image, all on one side of each split.

    Args:
        dataset: square images, [side, side, channels]; labels do not matter.

    Raises:
        DataError: for inputs that are no square images.

    Gidaris et al., "Unsupervised representation learning by predicting image rotations", ICLR 2018.

    >>> data = jt.data.rotations(jt.load("digits"))
    >>> len(data), data.classes
    (5748, ('0°', '90°', '180°', '270°'))
    """
    if len(dataset.shape) != 3 or dataset.shape[0] != dataset.shape[1]:
        raise DataError(
            f"dataset: {dataset.name} has inputs of shape {dataset.shape}; square images, [side, side, channels], are allowed."
        )
    places = np.tile(np.arange(len(dataset)), TURNS)
    turned = np.concatenate([np.rot90(dataset.x, turns, axes=(1, 2)) for turns in range(TURNS)])
    return Dataset(
        f"{dataset.name}, rotations",
        turned,
        np.repeat(np.arange(TURNS, dtype=np.int32), len(dataset)),
        tuple(f"{turns * 360 // TURNS}°" for turns in range(TURNS)),
        validation=_split_of(dataset, places),
        scale=dataset.scale,
        task="classes",
        groups=_groups_of(dataset)[places],
        time=None if dataset.time is None else dataset.time[places],
    )


def _tokens_of(dataset: Dataset) -> Vocabulary:
    if dataset.vocabulary is None:
        raise DataError(f"dataset: {dataset.name} holds no tokens; texts are allowed, loaded with text=Text(…).")
    return dataset.vocabulary


def _chosen(
    true: Bool[np.ndarray, "examples time"], share: float, generator: np.random.Generator
) -> Bool[np.ndarray, "examples time"]:
    """Which steps are chosen: each true one with a probability, and at least one in each example."""
    luck = np.where(true, generator.random(true.shape), np.inf)
    return (luck < share) | (luck == luck.min(axis=1, keepdims=True))


def _groups_of(dataset: Dataset) -> Int[np.ndarray, " examples"]:
    """The group of each example: its own number where the data have none."""
    return np.arange(len(dataset)) if dataset.groups is None else dataset.groups


def _split_of(dataset: Dataset, places: Int[np.ndarray, " n"]) -> float | Split:
    """How examples made of those at `places` are split: as these are, where their split is fixed."""
    if not isinstance(dataset.validation, Split):
        return dataset.validation
    return Split(*(np.flatnonzero(np.isin(places, part)) for part in dataset.validation))
