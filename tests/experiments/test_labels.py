"""What claims on random labels measure with: training until all labels are learnt, and descent to one level of the loss."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

import jaxtricks as jt
from experiments.measures import RATE
from experiments.why._flat import HIDDEN, Problems, Way, ends
from experiments.why._labels import Course, Dealt, courses, images, network
from jaxtricks import rng
from jaxtricks.evaluate.claim import Scale
from jaxtricks.experiment import RandomLabels

SMOKE = Scale("smoke", seeds=2)


def test_a_course_is_that_of_fit_and_ends_where_all_labels_are_learnt():
    data, base = images(SMOKE, 120, 1 / 2), network(SMOKE, epochs=200).replace({"batch_size": 20, RATE: 0.05})
    true, half = courses(base, data, [0.0, 0.5], jt.Seeds(2))
    for course, probability in ((true, 0.0), (half, 0.5)):
        seeds, most = jt.Seeds(2, labels=RandomLabels(probability)), int(course.needed.max())
        assert np.isfinite(course.loss).sum(axis=1).tolist() == [most, most] and 1 < most < base.epochs
        runs = jt.fit(base.replace({"epochs": most}), data, seeds=seeds, progress=False)
        np.testing.assert_allclose(course.loss[:, :most], runs.curves["train_loss"], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(course.accuracy[:, :most], runs.curves["accuracy"], atol=0.02)
        np.testing.assert_array_equal(course.learnt[:, most - 1] == 1, runs.evaluate("train")["accuracy"] == 1)
    assert half.needed.min() > true.needed.max()


def test_what_a_course_says_of_the_epoch_that_learnt_all():
    gap = np.nan
    course = Course(None, np.array([[0.5, 1.0, 1.0, gap], [0.5, 0.9, 0.8, gap]]), np.array([[0.1, 0.2, 0.3, gap]] * 2))
    assert course.needed.tolist() == [2, np.inf] and course.then.tolist() == [0.2, 0.3]


def test_dealt_examples_are_those_of_one_seed():
    data = dataclasses.replace(jt.load("digits"), validation=0.25)
    found = jt.Seeds((7, 8, 9), examples=Dealt(7, 3)).sampling(data)
    assert found.train.shape == (3, 359) and found.validation.shape == (3, 120)
    assert len(np.unique(np.concatenate([found.train, found.validation], axis=1))) == 3 * 479


def test_each_seed_has_images_of_its_own():
    data = jt.load("digits")
    problems = Problems.of(data, range(3), 64, 32, block=1)
    rows = np.concatenate([problems.x, problems.x_validation], axis=1).reshape(3 * 96, 64)
    assert len({row.tobytes() for row in (rows * data.scale).round().astype(np.uint8)}) == len(rows)


def test_the_top_eigenvalue_is_that_of_the_hessian():
    problems = Problems.of(jt.load("digits"), range(1), 32, 8, block=4)
    found = ends(Way(None), problems, [0.3], level=100.0, most=5)  # which the first weights are below
    x, y, model = jnp.asarray(problems.x[0], float), jnp.asarray(problems.y[0]), jt.MLP(widths=(HIDDEN,), outputs=10)

    def loss(variables):
        scores = jax.nn.log_softmax(model.apply(variables, x, train=False))
        return -jnp.mean(scores[jnp.arange(len(y)), y])

    start = model.init(rng.stream(rng.root(0), "params"), x[:1], train=False)
    assert found.steps.item() == 0 and found.length.item() == 0
    np.testing.assert_allclose(found.top.item(), jt.diagnose.hessian_eigenvalues(loss, start)[-1], rtol=1e-3)


def test_descent_ends_at_the_level():
    problems = Problems.of(jt.load("digits"), range(2), 64, 32, block=2)
    for way in (Way(None), Way(8), Way(8, noise=True)):
        found = ends(way, problems, [0.3], level=1.0, most=500)
        assert found.loss.shape == (1, 2) and (found.loss <= 1).all() and (found.loss > 0.8).all(), way
        assert (found.steps > 10).all() and (found.top > 0).all() and (found.length > 0).all()
        assert not np.isnan([found.validation, found.accuracy]).any()
    short = ends(Way(None), problems, [0.3], level=0.0, most=3)
    assert short.steps.tolist() == [[3, 3]]
