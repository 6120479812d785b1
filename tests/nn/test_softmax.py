"""Output layers for many classes (row T084): exact at evaluation, and in training what their papers say, by enumeration."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import rng
from jaxtricks.config import ConfigError, choices
from jaxtricks.nn.sampled_softmax import NCE, NCEScores, SampledScores, SampledSoftmax, draw_classes, log_expected_counts
from jaxtricks.nn.softmax import Deferred, FullSoftmax, Softmax, cross_entropy
from jaxtricks.nn.tree_softmax import AdaptiveSoftmax, HierarchicalSoftmax

CLASSES, FEATURES = 23, 8
H = np.random.default_rng(0).normal(size=(2, 3, FEATURES))
LABELS = np.array([[0, 22, 7], [5, 12, 0]])
PADDED = np.array([[0, 22, 7], [5, -1, CLASSES]])
WEIGHTS = np.array([[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]])
EXACT = [
    FullSoftmax(),
    HierarchicalSoftmax(),
    HierarchicalSoftmax(levels=3),
    AdaptiveSoftmax(cutoffs=(5, 11)),
    SampledSoftmax(samples=CLASSES),
]
ALL = [*EXACT, SampledSoftmax(samples=6), NCE(samples=6)]


@pytest.fixture(scope="module", autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


class Model(nn.Module):
    """An output layer alone."""

    softmax: Softmax

    @nn.compact
    def __call__(self, h, train):
        return self.softmax(h, CLASSES, jt.nn.LecunNormal(), vectors=None, train=train, name="head")


def streams(seed):
    return {name: rng.stream(rng.root(seed), name, 0) for name in ("params", "dropout")}


def plain(logits, labels):
    return jax.nn.logsumexp(logits, axis=-1) - jnp.take_along_axis(logits, jnp.asarray(labels)[..., None], -1)[..., 0]


@functools.cache
def results(softmax):
    """All that is asked of a choice, in one program: exact scores, losses with gradients, and those of two members."""
    model = Model(softmax)

    def loss(params, h, labels, train):
        scores = model.apply(params, h, train, rngs=streams(3) if train else {})
        of_labels = cross_entropy if train else plain
        losses = scores.nll(labels) if isinstance(scores, Deferred) else of_labels(scores, labels)
        return jnp.sum(WEIGHTS * losses), losses

    @functools.partial(jax.jit, static_argnames="train")
    def member(params, labels, train=True):
        return jax.value_and_grad(loss, (0, 1), has_aux=True)(params, H, labels, train)

    @jax.jit
    def start():
        params = model.init(streams(0), H, False)
        # Biases that matter, and no two alike.
        params = jax.tree.map(lambda w: w + 0.3 * jnp.cos(jnp.arange(w.size, dtype=w.dtype)).reshape(w.shape), params)
        two = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), params)
        return two, jax.vmap(lambda params: model.apply(params, H, True, rngs=streams(3)))(two)

    two, deferred = start()
    one, double = (jax.tree.map(lambda leaf, i=i: np.asarray(leaf[i]), two) for i in range(2))
    scores = jax.jit(lambda params: model.apply(params, H, False))
    return {
        "deferred": deferred,
        "scores": scores(one),
        "of zeros": scores(jax.tree.map(np.zeros_like, one)),
        "training": member(one, LABELS),
        "doubled": member(double, LABELS),
        "by scores": member(one, LABELS, train=False),
        "members": jax.jit(jax.vmap(member))(two, np.stack([LABELS, PADDED])),
    }


@functools.cache
def expected_counts(samples, classes):
    return np.exp(jax.jit(lambda: log_expected_counts(jnp.arange(classes), samples, classes))())


def close(actual, desired, rtol=1e-10):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol, atol=1e-12), actual, desired)


def test_the_family_has_six_choices():
    assert set(choices(Softmax)) == {"full", "tied", "sampled", "nce", "hierarchical", "adaptive"}


@pytest.mark.parametrize("softmax", ALL, ids=repr)
def test_evaluation_gives_every_class_and_needs_no_random_numbers(softmax):
    scores = results(softmax)["scores"]
    assert scores.shape == (2, 3, CLASSES) and np.all(np.isfinite(scores))
    if isinstance(softmax, HierarchicalSoftmax | AdaptiveSoftmax):
        close(np.exp(scores).sum(axis=-1), np.ones((2, 3)))


@pytest.mark.parametrize("softmax", EXACT, ids=repr)
def test_exact_losses_and_gradients_are_those_of_the_scores_at_evaluation(softmax):
    close(results(softmax)["training"], results(softmax)["by scores"])


@pytest.mark.parametrize("softmax", ALL, ids=repr)
def test_members_side_by_side_equal_each_alone_and_labels_of_padding_do_not_matter(softmax):
    (totals, losses), gradients = results(softmax)["members"]
    assert all(leaf.shape[0] == 2 for leaf in jax.tree.leaves(results(softmax)["deferred"]))
    assert np.all(np.isfinite(losses))
    for i, alone in enumerate(("training", "doubled")):
        (total, loss), gradient = results(softmax)[alone]
        close((totals[i], losses[i].ravel()[:4]), (total, loss.ravel()[:4]))
        close(jax.tree.map(lambda leaf, i=i: leaf[i], gradients), gradient)


# --- the sampler --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "classes"), [(1, 1), (2, 3), (49, 50), (50, 50), (500, 10_000)])
def test_classes_are_drawn_once_at_most_and_as_often_as_expected(samples, classes):
    counts = expected_counts(samples, classes)
    np.testing.assert_allclose(counts.sum(), samples)
    assert np.all(np.diff(counts) <= 0)
    draw = jax.jit(jax.vmap(lambda key: draw_classes(key, samples, classes)))
    drawn = np.asarray(draw(jax.random.split(jax.random.key(0), 200)))
    assert np.all(np.diff(drawn, axis=1) > 0) and drawn.min() >= 0 and drawn.max() < classes
    for share in (classes // 7, classes // 2, classes):  # of the most frequent classes
        found = np.sum(drawn < share, axis=1)
        assert abs(found.mean() - counts[:share].sum()) <= 5 * found.std() / np.sqrt(200) + 1e-9


def test_frequent_classes_are_sure_and_rare_ones_follow_zipfs_law():
    counts = expected_counts(500, 10_000)
    assert np.all(counts[:40] == 1)
    assert counts[1000] / counts[8000] == pytest.approx(8, rel=0.15)


# --- in expectation, by enumeration -------------------------------------------------------------------------------------


SMALL, DRAWN = 5, 3
LOGITS = np.array([1.0, 0.3, -0.2, 0.1, -1.5])


@functools.cache
def sets():
    """Every sample of 3 among 5 classes that can be drawn, all as likely as each other."""
    draw = jax.jit(jax.vmap(lambda key: draw_classes(key, DRAWN, SMALL)))
    return np.unique(np.asarray(draw(jax.random.split(jax.random.key(0), 500))), axis=0)


def test_the_samples_enumerated_are_all():
    shares = [np.mean(np.any(sets() == c, axis=1)) for c in range(SMALL)]
    np.testing.assert_allclose(shares, expected_counts(DRAWN, SMALL))


def expected_gradients(scores, *logits):
    """Of the loss, over all samples and labels of the model LOGITS; logits are the kernel's row, seen by h = 1."""

    @jax.jit
    @jax.vmap
    @jax.grad
    def gradient(logits):
        def of(drawn):
            deferred = scores(jnp.ones((SMALL, 1)), logits[None], jnp.zeros(SMALL), drawn)
            return jnp.sum(jax.nn.softmax(LOGITS) * deferred.nll(jnp.arange(SMALL)))

        return jnp.mean(jax.vmap(of)(sets()))

    return np.asarray(gradient(np.stack(logits)))


def test_noise_contrastive_estimation_is_at_rest_at_the_normalized_truth_and_not_above():
    log_p = LOGITS - np.log(np.exp(LOGITS).sum())
    log_ratio = log_p - np.log(expected_counts(DRAWN, SMALL) / DRAWN)  # what h W + b stands for
    at_truth, above = expected_gradients(NCEScores, log_ratio, log_ratio + 0.1)
    np.testing.assert_allclose(at_truth, 0, atol=1e-12)
    assert np.all(above > 1e-3)


def test_noise_contrastive_scores_start_from_the_noise():
    start = results(NCE(samples=6))["of zeros"]
    np.testing.assert_allclose(np.exp(start).sum(axis=-1), 1)
    np.testing.assert_allclose(np.exp(start[0, 0]), expected_counts(6, CLASSES) / 6)


def test_sampled_softmax_is_nearly_at_rest_at_the_truth_however_it_is_shifted():
    truth, shifted, uniform = expected_gradients(SampledScores, LOGITS, LOGITS + 3, 0 * LOGITS)
    close(shifted, truth)
    assert np.linalg.norm(truth) < 0.04 and np.linalg.norm(uniform) > 0.2


def test_more_samples_bring_the_sampled_gradient_to_the_full_one():
    classes, draw = 60, np.random.default_rng(0)
    h, kernel = draw.normal(size=(10, FEATURES)), 0.5 * draw.normal(size=(FEATURES, classes))
    labels = (classes ** draw.uniform(size=10)).astype(int) - 1

    def error(samples):
        def gradient(key):
            drawn = draw_classes(key, samples, classes)
            return jax.grad(lambda w: jnp.mean(SampledScores(h, w, jnp.zeros(classes), drawn).nll(labels)))(kernel)

        full = jax.grad(lambda w: jnp.mean(plain(h @ w, jnp.asarray(labels))))(kernel)
        mean = jnp.mean(jax.vmap(gradient)(jax.random.split(jax.random.key(4), 100)), axis=0)
        return jnp.linalg.norm(mean - full) / jnp.linalg.norm(full)

    few, more, every = jax.jit(lambda: [error(samples) for samples in (10, 30, classes)])()
    assert 0.02 < few < 0.5 and more < few / 2 and every < 1e-12, (few, more, every)


# --- refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("softmax", "words"),
    [
        (SampledSoftmax(samples=24), "SampledSoftmax.samples = 24 is not an integer up to the 23 classes"),
        (NCE(samples=24), "NCE.samples = 24"),
        (AdaptiveSoftmax(cutoffs=(5, 5)), "AdaptiveSoftmax.cutoffs = \\(5, 5\\)"),
        (AdaptiveSoftmax(cutoffs=(23,)), "23 classes"),
        (AdaptiveSoftmax(cutoffs=()), "cutoffs = \\(\\)"),
    ],
)
def test_what_cannot_be_is_refused(softmax, words):
    with pytest.raises(ConfigError, match=words):
        softmax.check(CLASSES)
    with pytest.raises(ConfigError, match=words):
        Model(softmax).apply({}, H, False)


# --- cross entropy of labels --------------------------------------------------------------------------------------------


def test_cross_entropy_its_gradient_and_the_gradients_own_derivatives_equal_the_plain_formula():
    logits, direction = 5 * np.random.default_rng(0).normal(size=(2, 2, 3, CLASSES))

    @functools.partial(jax.jit, static_argnums=0)
    def all_of(loss, labels):
        gradient = jax.grad(lambda logits: jnp.sum(WEIGHTS * loss(logits, labels)))
        curvature = jax.jvp(gradient, (logits,), (direction,))
        backwards = jax.grad(lambda logits: jnp.sum(direction * gradient(logits)))(logits)
        return loss(logits, labels), curvature, backwards, jax.vmap(jax.vmap(jax.grad(loss)))(logits, labels)

    close(all_of(cross_entropy, LABELS), all_of(plain, LABELS))


def test_cross_entropy_stands_classes_that_cannot_be_and_large_scores():
    logits = np.array([[-np.inf, 1e4, 1e4], [-1e4, 0.0, 3.0]])
    loss, gradient = jax.jit(jax.value_and_grad(lambda s: jnp.sum(cross_entropy(s, jnp.array([1, 0])))))(logits)
    np.testing.assert_allclose(loss, np.log(2) + 1e4 + 3 + np.log1p(np.exp(-3)), rtol=1e-12)
    assert np.all(np.isfinite(gradient)) and gradient[0, 0] == 0
