"""Test texts among the training texts, which a filter was to remove, and a bug in it left."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float, Int32

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.checks.passages import Words
from jaxtricks.checks.shared_passages import MOST, length, shared
from jaxtricks.data import Split
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle
from jaxtricks.experiment.resampling import Resampling

BASE, JUDGED, COPIES = 600, 300, 75  # texts of each restart: trained on, judged on, and judged ones that pages quote
ROWS = BASE + JUDGED + 2 * COPIES  # with as many other texts in place of the pages
AROUND = 40  # words of another text before and after what a page quotes
CHANGED = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2)  # shares of a quotation's words that are replaced
LONGEST = 200  # words of a text

Text = Int32[np.ndarray, " words"]


@dataclass(frozen=True, eq=False)
class Filtered(Resampling):
    """Two members of each seed that are judged on the same texts: by a filter that removes all pages, and by one that does not.

    Args:
        first: the first seed.
    """

    NAME: ClassVar[str] = "filtered"
    first: int

    @property
    def parts(self) -> tuple[str, ...]:
        return ("filtered", "with a bug")

    def splits(self, data: jt.Dataset, seed: int) -> list[Split]:
        rows = ROWS * (seed - self.first) + np.arange(ROWS)
        base, judged, others, pages = np.split(rows, np.cumsum([BASE, JUDGED, COPIES]))
        return [Split(np.concatenate([base, more]), judged) for more in (others, pages)]


class Drawn(NamedTuple):
    """The texts of one restart, in the order of its rows, and their labels."""

    texts: list[Text]
    labels: Int32[np.ndarray, " rows"]


def random_texts() -> jt.Dataset:
    """Texts of random words, for the machinery only."""
    words = rng.host(0, "texts").integers(0, 2000, (2 * (ROWS - COPIES), 60))
    return jt.Dataset.from_texts(
        [" ".join(f"w{word}" for word in row) for row in words],
        [str(int(row[0] > 1000)) for row in words],
        text=jt.Text("word", length=60),
    )


def page(quoted: Text, other: Text, changed: float, vocabulary: int, draw: np.random.Generator) -> Text:
    """A page that quotes a text between the words of another one; some words of the quotation are replaced at random."""
    replaced = draw.random(len(quoted)) < changed
    middle = np.where(replaced, draw.integers(1, vocabulary, len(quoted)), quoted)
    return np.concatenate([other[:AROUND], middle, other[AROUND : 2 * AROUND]]).astype(np.int32)


def drawn(texts: list[Text], labels: Int32[np.ndarray, " texts"], vocabulary: int, draw: np.random.Generator) -> Drawn:
    """The rows of one restart: texts to train on, to judge on, others, and pages that quote the first of those to judge on."""
    judged = slice(BASE, BASE + COPIES)
    pages = [page(quoted, other, 0.0, vocabulary, draw) for quoted, other in zip(texts[judged], texts[-COPIES:], strict=True)]
    return Drawn([*texts, *pages], np.concatenate([labels, labels[judged]]))


def overlaps(mine: Drawn, pages: list[Text]) -> Float[np.ndarray, " judged"]:
    """The share of the words of each text to judge on that stand in a passage of the texts to train on, with those pages."""
    base, judged = mine.texts[:BASE], mine.texts[BASE : BASE + JUDGED]
    every = [*base, *pages, *judged]
    words = Words(np.concatenate(every).astype(np.int64), np.cumsum([0, *map(len, every)]))
    trained = np.arange(len(every)) < len(every) - JUDGED
    return shared(words, trained, length(words))[-JUDGED:]


def counted(texts: list[Text], words: int) -> np.ndarray:
    """How often each text has each of the commonest words, whose numbers are the smallest."""
    rows = np.repeat(np.arange(len(texts)), list(map(len, texts)))
    numbers = np.concatenate(texts)
    kept = numbers < words
    counts = np.bincount(rows[kept] * words + numbers[kept], minlength=len(texts) * words).reshape(len(texts), words)
    return np.minimum(counts, 255).astype(np.uint8)


def measure(scale: Scale) -> Outcome:
    """Film reviews of at most 200 words; each restart has texts of its own: 600 to train on and 300 to judge on. 75 of the latter
    also stand, with 40 words of another text before and after, in pages of which a filter was to remove all: by its bug it left
    these. Beside it, a filter without a bug, with 75 other texts in place of the pages. A ReLU network with one hidden layer of
    64 on counts of 2 000 words, by Adam at 1e-3, 30 epochs, batches of 25, the same in both arms. The overlap is that of the
    check "shared passages": any passage of 13 words (8 to 13, by the length of the texts), which 10 texts to train on at most
    have. GPT-3 is a language model, and its pages are from the web; nobody knows which of its test texts were learned by heart.
    """
    smoke = scale.name == "smoke"
    reviews = random_texts() if smoke else jt.load("imdb_reviews", text=jt.Text("word", length=LONGEST))
    assert reviews.vocabulary is not None and reviews.lengths is not None
    size, vocabulary = ROWS - COPIES, len(reviews.vocabulary)
    order = rng.host(scale.replication, "contamination").permutation(len(reviews))[: scale.seeds * size].reshape(-1, size)
    every = []
    for places in order:
        texts = [reviews.x[place, : reviews.lengths[place]] for place in places]
        every.append(drawn(texts, reviews.y[places], vocabulary, rng.host(int(places[0]), "pages")))
    rows = [text for mine in every for text in mine.texts]
    labels = np.concatenate([mine.labels for mine in every])
    data = jt.Dataset.from_arrays(counted(rows, 50 if smoke else 2000), labels, classes=reviews.classes, name="pages")
    experiment = jt.Experiment(
        model=jt.MLP(widths=(64,)),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=1e-3)),
        batch_size=25,
        epochs=scale.pick(smoke=2, cpu=30, full=30),
    )
    runs = jt.fit(experiment, data, seeds=jt.Seeds(scale.restarts, examples=Filtered(scale.restarts[0])))
    right = np.stack([_right(runs, row) for row in range(len(runs))]).reshape(scale.seeds, 2, JUDGED)
    gain = right[:, 1] - right[:, 0]
    copied = np.arange(JUDGED) < COPIES
    found = np.stack([np.stack([_overlap(mine, share, vocabulary) for share in CHANGED]) for mine in every])
    recall, alarms = (found[:, :, chosen] > 0 for chosen in (copied, ~copied))
    numbers = {
        "false_gain": Estimate.of(gain.mean(axis=1)),
        "false_gain_of_copied": Estimate.of(gain[:, copied].mean(axis=1)),
        "gain_of_others": Estimate.of(gain[:, ~copied].mean(axis=1)),
        "accuracy_filtered": Estimate.of(right[:, 0].mean(axis=1)),
        "recall": Estimate.of(recall[:, 0].mean(axis=1)),
        "others_that_share_a_passage": Estimate.of(alarms[:, 0].mean(axis=1)),
        "recall_of_most_words": Estimate.of((found[:, 0, copied] >= MOST).mean(axis=1)),
        "others_that_share_most_words": Estimate.of((found[:, 0, ~copied] >= MOST).mean(axis=1)),
    }
    return Outcome(
        parts=[
            settle("what the bug left raises the score", numbers["false_gain"], above=0.0),
            settle("overlap finds what it left", numbers["recall"], above=0.95),
        ],
        effect=f"accuracy {numbers['false_gain']:+.1%} with a quarter of the texts left in by the bug: "
        f"{numbers['false_gain_of_copied']:+.1%} on these, {numbers['gain_of_others']:+.1%} on the others; overlap finds "
        f"{numbers['recall']:.1%} of them, and {numbers['others_that_share_a_passage']:.1%} of the others share a passage",
        numbers=numbers,
        series=(
            Curve.over_seeds("a passage of 13 words", [100 * share for share in CHANGED], recall.mean(axis=2)),
            Curve.over_seeds("70% of the words", [100 * share for share in CHANGED], (found[:, :, copied] >= MOST).mean(axis=2)),
        ),
        axes=Axes("words of the copy that were replaced, %", "copies found, share"),
        sizes={"training": BASE + COPIES, "validation": JUDGED},
    )


def _right(runs: jt.Runs, row: int) -> Float[np.ndarray, " judged"]:
    """Which texts a member judges rightly, 1 or 0."""
    places = runs.sampling.validation[runs.sampling.split[row]]
    scores = runs.at([row]).log_probs(runs.data.x[places])[0]
    return (scores.argmax(axis=1) == runs.data.y[places]).astype(np.float64)


def _overlap(mine: Drawn, changed: float, vocabulary: int) -> Float[np.ndarray, " judged"]:
    """The shares of `overlaps` where the pages quote with some words replaced."""
    draw = rng.host(round(1000 * changed), "changed")
    quoted, others = mine.texts[BASE : BASE + COPIES], mine.texts[BASE + JUDGED : BASE + JUDGED + COPIES]
    return overlaps(mine, [page(*pair, changed, vocabulary, draw) for pair in zip(quoted, others, strict=True)])


CLAIM = Claim(
    rows=("T099",),
    lecture=3,
    statement="A major methodological concern with language models … is potential contamination of downstream tasks … To reduce "
    "such contamination, we searched for and attempted to remove any overlaps … Unfortunately, a bug in the filtering caused us "
    "to ignore some overlaps …",
    papers=(Paper("Brown+ 2020 (GPT-3), section 4: overlap of 13-grams; what it changed was small for most sets", "V"),),
    refuted_by="The 95% interval of the paired difference in accuracy, from the filter without a bug to the one with it, lies at "
    "or below 0; or the interval of the share of the texts left in that overlap finds lies at or below 95%.",
    measure=measure,
    kind="effect",
    trains=False,
)
