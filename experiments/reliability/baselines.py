"""Published numbers of simple models, reached by the baselines that stand beside every run."""

import dataclasses

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from jaxtricks import rng, statistics
from jaxtricks.baselines import BASELINES, Baseline, Boosting, LinearModel, Nearest
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle
from jaxtricks.train.beside import fitted

WORDS = 1000  # of a review; 1 in 100 is longer, and is cut
SIMPLE: dict[str, Baseline] = {name: BASELINES[name] for name in ("random", "majority", "linear", "nearest", "boosting")}


def random_texts() -> jt.Dataset:
    """Texts of random words, for the machinery only."""
    words = rng.host(0, "texts").integers(0, 50, (200, 20))
    texts = [" ".join(f"w{word}" for word in row) for row in words]
    return jt.Dataset.from_texts(texts, (words[:, 0] > 25).astype(int), text=jt.Text("word", length=20))


def accuracies(data: jt.Dataset, baseline: Baseline, seeds: range) -> Float[np.ndarray, " seeds"]:
    """The validation accuracy on the split of each seed."""
    jobs = [(baseline, data.split(seed), None) for seed in seeds]
    found = fitted(data, jobs, {"accuracy": jt.metrics.METRICS["accuracy"]}, progress=False)
    return np.array([each.metrics["accuracy"] for each in found], np.float64)


def estimate(data: jt.Dataset, values: Float[np.ndarray, " seeds"]) -> Estimate:
    """The mean over splits, with an interval about new data (Nadeau and Bengio's correction: splits of one pool overlap)."""
    train, validation = data.split(0)
    found = statistics.corrected(values, len(validation) / len(train))
    return Estimate(found.mean, *found.interval(), tuple(values.tolist()), found.freedom, "new data")


def measure(scale: Scale) -> Outcome:
    """The training sets as they are published, MNIST's 60,000 images and 25,000 film reviews of at most 1,000 words; each restart
    validates on a fifth of them and learns from the rest, so from fewer examples than the papers' models, and on another set
    than theirs: no test set is opened. Logistic regression on pixels minus their means and divided by one number; on whether
    each word occurs, of length 1; on that and pairs of neighbouring words that occur in the training texts. The penalty is
    chosen on held-out training examples. Beside it, the five baselines as every run shows them (at most 10,000 examples) on
    Fashion-MNIST and the digits that come with the package, on three splits.
    """
    smoke = scale.name == "smoke"
    digits = jt.load("digits")
    mnist = digits.subset(300, seed=0) if smoke else jt.load("mnist")
    reviews = random_texts() if smoke else jt.load("imdb_reviews", text=jt.Text("word", length=WORDS))
    every = LinearModel(most=None, work=None)
    alone, pairs = (dataclasses.replace(every, ngrams=ngrams) for ngrams in (1, 2))
    images = estimate(mnist, accuracies(mnist, every, scale.restarts))
    by_word, by_pair = (accuracies(reviews, each, scale.restarts) for each in (alone, pairs))
    words, bigrams, gain = (estimate(reviews, values) for values in (by_word, by_pair, by_pair - by_word))
    quick = SIMPLE if not smoke else {"linear": LinearModel(), "nearest": Nearest(), "boosting": Boosting(trees=2)}
    others = {"digits": digits} if smoke else {"digits": digits, "fashion_mnist": jt.load("fashion_mnist")}
    reference = {
        f"{name}_{key}": Estimate.of(accuracies(data, each, scale.restarts[:3]), "these examples")
        for name, data in others.items()
        for key, each in quick.items()
    }
    numbers = {"mnist_linear": images, "imdb_words": words, "imdb_pairs": bigrams, "imdb_gain_of_pairs": gain, **reference}
    shown = {"MNIST, pixels": images, "reviews, words": words, "reviews, pairs too": bigrams}
    return Outcome(
        parts=[
            settle("a linear model on MNIST's pixels", images, above=0.91, below=0.93, kind="paper"),
            settle("a linear model on the words of reviews", words, above=0.86, below=0.90, kind="paper"),
            settle("pairs of words add to that", gain, above=0.0, kind="paper"),
        ],
        effect=f"accuracy of linear models: MNIST {images:.1%}, reviews by words {words:.1%}, by words and pairs {bigrams:.1%}",
        numbers=numbers,
        series=tuple(
            Curve(name, (place,), (100 * each.mean,), (100 * each.low,), (100 * each.high,))
            for place, (name, each) in enumerate(shown.items(), start=1)
        ),
        axes=Axes("linear model", "validation accuracy, %", places=tuple(shown)),
        sizes={
            "training images": len(mnist.split(0).train),
            "validation images": len(mnist.split(0).validation),
            "training texts": len(reviews.split(0).train),
            "validation texts": len(reviews.split(0).validation),
        },
    )


CLAIM = Claim(
    rows=("T112",),
    lecture=3,
    statement="Baselines, baselines, baselines. Competing models, linear models, majority class, random class",
    papers=(
        Paper("LeCun+ 1998: a linear classifier errs on 12.0% of MNIST's test images, on 8.4% of deskewed ones", "R"),
        Paper("Maas+ 2011: bags of words of IMDB, 87.80% and 88.23% of the test texts", "V2"),
        Paper("Wang and Manning 2012: SVM on IMDB's words 86.95%, with pairs of words 89.16%", "V2"),
    ),
    refuted_by="The 95% interval of the mean validation accuracy of logistic regression on MNIST's pixels lies outside of 91 to "
    "93%, or that on the words of IMDB's reviews outside of 86 to 90%; or the interval of the paired difference, words and pairs "
    "of words minus words alone, lies at or below 0.",
    measure=measure,
    kind="paper",
    trains=False,
)
