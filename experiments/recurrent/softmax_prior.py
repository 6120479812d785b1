"""Approximate output layers against the exact one where all start from the same prior."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import RATE, climbed, estimates
from experiments.recurrent.approximate_softmax import perplexity
from jaxtricks.evaluate.claim import Axes, Chosen, Claim, Estimate, Outcome, Paper, Scale, curves, either, settle, sizes
from jaxtricks.nn.sampled_softmax import NCE, SampledSoftmax, log_expected_counts
from jaxtricks.nn.softmax import FullSoftmax, Softmax
from jaxtricks.nn.tree_softmax import AdaptiveSoftmax, HierarchicalSoftmax

WORSE, BETTER = 1.1, 0.98


def priors(
    softmaxes: dict[str, Softmax], shares: Float[np.ndarray, " classes"], samples: int, branches: int
) -> dict[str, dict[str, Any]]:
    """Biases with which each output layer starts, so that it gives each class its share where the weights give nothing.

    Args:
        softmaxes: the layers by name.
        shares: of the classes, by falling frequency; they add up to one.
        samples: of the noise that NCE's scores are relative to.
        branches: of a node of the tree.
    """
    logs = np.log(shares)
    noise = np.asarray(log_expected_counts(jnp.arange(len(shares)), samples, len(shares))) - np.log(samples)
    nodes = -(-len(shares) // branches)
    leaves = np.append(shares, np.full(nodes * branches - len(shares), 1e-9))  # children that there are not
    of_nodes = np.append(leaves.reshape(nodes, branches).sum(axis=1), np.full(branches - nodes, 1e-9))
    found: dict[str, dict[str, Any]] = {}
    for name, softmax in softmaxes.items():
        match softmax:
            case NCE():
                found[name] = {"bias": logs - noise}
            case HierarchicalSoftmax():
                found[name] = {"level_0": {"bias": np.log(of_nodes)}, "level_1": {"bias": np.log(leaves)}}
            case AdaptiveSoftmax(cutoffs=(frequent,)):
                rest = np.log(shares[frequent:].sum())
                found[name] = {"head": {"bias": np.append(logs[:frequent], rest)}, "tail_1": {"bias": logs[frequent:]}}
            case _:
                found[name] = {"bias": logs}
    return found


def measure(scale: Scale) -> Outcome:
    """A word model of Tiny Shakespeare's 2 000 commonest words, embeddings and an LSTM of 32 units, 700 windows of 35 words,
    batches of 20, 4 epochs of Adam, with the exact softmax and four approximations of it: 100 shared samples (sampled, NCE),
    two levels, a head of 400 classes. The biases of every one are set so that it starts at the words' shares in windows that
    nothing is judged on, one more of each; before, NCE alone started near such a prior. Each has its best learning rate by
    perplexity, on a ladder from 0.01 to 0.03 that goes on while the best lies at its edge, on four restarts and on those
    windows. Validation perplexity is always that of the exact softmax over the same classes; its ratio to the exact softmax's
    is paired by seed. Speed is judged elsewhere.
    """
    words, windows, length = scale.pick(smoke=(40, 30, 4), cpu=(2_000, 700, 35), full=(10_000, 5_000, 35))
    text = jt.Text("word", length=length, vocabulary=words)
    pool = jt.load(scale.pick(smoke="python_topics", cpu="tiny_shakespeare", full="tiny_shakespeare"), text=text)
    data, others = scale.examples(pool, windows), scale.tuning_examples(pool, windows)
    units, samples, cutoff = scale.pick(smoke=(4, 5, 10), cpu=(32, 100, 400), full=(256, 500, 2_000))
    softmaxes: dict[str, Softmax] = {
        "full": FullSoftmax(),
        "sampled": SampledSoftmax(samples=samples),
        "nce": NCE(samples=samples),
        "hierarchical": HierarchicalSoftmax(),
        "adaptive": AdaptiveSoftmax(cutoffs=(cutoff,)),
    }
    kept = scale.pick(smoke=("full", "hierarchical"), cpu=tuple(softmaxes), full=tuple(softmaxes))
    softmaxes = {name: softmaxes[name] for name in kept}
    classes = len(pool.classes)
    counts = np.bincount(np.asarray(others.pool.y).ravel(), minlength=classes) + 1.0
    biases = priors(softmaxes, counts / counts.sum(), samples, int(np.ceil(np.sqrt(classes))))
    ladder = scale.pick(smoke=(1e-2,), cpu=(1e-2, 3e-2), full=(1e-3, 3e-3, 1e-2))
    runs: dict[str, jt.Runs] = {}
    chosen: dict[str, Chosen] = {}
    starts = {}
    for name, softmax in softmaxes.items():
        arm = jt.Experiment(
            model=jt.RNN(embedding=units, widths=(units,), softmax=softmax),
            optimizer=jt.Optimizer(rule=jt.Adam(), clip_norm=1.0),
            batch_size=scale.pick(smoke=4, cpu=20, full=20),
            epochs=scale.budget(smoke=1, cpu=4, full=10),
        )
        start = jt.Transfer.of(jax.tree.map(np.float32, {"head": biases[name]}), by_place=True)

        def gain(rate: float, arm: jt.Experiment = arm, start: jt.Transfer = start) -> float:
            fitted = jt.fit(arm.replace({RATE: rate}), others, seeds=jt.Seeds(scale.tuning, transfer=start), progress=False)
            return -float(perplexity(fitted).mean())

        chosen[name] = climbed(gain, ladder)
        best = arm.replace({RATE: chosen[name].value})
        runs[name] = jt.fit(best, data, seeds=jt.Seeds(scale.restarts, transfer=start))
        starts[name] = jt.fit(
            best.replace({RATE: 1e-12, "epochs": 1}), data, seeds=jt.Seeds(scale.restarts[:2], transfer=start), progress=False
        )
    reached = {name: perplexity(each) for name, each in runs.items()}
    ratio = {name: Estimate.over(runs["full"], values / reached["full"]) for name, values in reached.items() if name != "full"}
    before = {name: float(perplexity(each).mean()) for name, each in starts.items()}
    return Outcome(
        parts=[
            either("an approximation is not much worse", [settle(name, each, below=WORSE) for name, each in ratio.items()]),
            *(
                settle(f"{name} is not better than exact", each, above=BETTER, kind="paper", spec=".3f")
                for name, each in ratio.items()
            ),
        ],
        effect=f"perplexity {reached['full'].mean():.0f} with the exact softmax, from {before['full']:.0f} at the start; times "
        + ", ".join(f"{each:.3f} ({name}, from {before[name]:.0f})" for name, each in ratio.items()),
        numbers={"perplexity": estimates(reached), "ratio": ratio, "at_the_start": before},
        series=curves(runs, "perplexity"),
        axes=Axes("epoch", "validation perplexity", log="y"),
        chosen=chosen,
        sizes=sizes(runs["full"]),
    )


CLAIM = Claim(
    rows=("T084",),
    lecture=2,
    statement="Big operations, especially for softmaxes over large vocabularies … Approximate operations",
    papers=(
        Paper("Mnih & Teh 2012: noise-contrastive estimation trains an order of magnitude faster, with the same quality", "R"),
        Paper("the exact softmax minimizes what perplexity is made of, and the approximations something else", "M"),
    ),
    refuted_by="For each of the four approximations, the 95% interval of its validation perplexity over the exact softmax's "
    "lies at or above 1.1. Beside it, of our own: for one of them it lies at or below 0.98, so that it is better than exact "
    "though both start alike.",
    measure=measure,
    kind="effect",
)
