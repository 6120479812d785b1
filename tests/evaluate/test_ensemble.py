import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.objectives.metrics import BINS

pytestmark = pytest.mark.usefixtures("unoptimized")


@pytest.fixture(scope="module")
def data() -> jt.Dataset:
    """Three clouds of 40 points each, with a test split."""
    y = np.repeat(np.arange(3), 40)
    draw = np.random.default_rng(0)
    x = draw.normal(size=(3, 5))[y] + draw.normal(size=(120, 5))
    return jt.Dataset.from_arrays(x, y, name="clouds", test=(x, y), validation=0.25)


BASE = jt.Experiment(model=jt.MLP(widths=(8,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.05)), batch_size=30, epochs=3)


def fit(data, **options):
    return jt.fit(BASE, data, seeds=5, layout=jt.Layout(runs=2), progress=False, **options)


@pytest.fixture(scope="module")
def shared(data):
    return fit(data, split=0)


@pytest.fixture(scope="module")
def own(data):
    return fit(data)


def metrics(probabilities, labels):
    """Accuracy, nll and calibration error, with loops."""
    right = probabilities.argmax(axis=1) == labels
    confidence = probabilities.max(axis=1)
    bins = np.minimum(np.ceil(confidence * BINS) - 1, BINS - 1)
    gaps = [abs(np.mean(right[bins == b]) - np.mean(confidence[bins == b])) * np.mean(bins == b) for b in np.unique(bins)]
    return {"accuracy": right.mean(), "nll": -np.log(probabilities[np.arange(labels.size), labels]).mean(), "ece": sum(gaps)}


def assert_close(report, expected):
    assert report.keys() == expected.keys()
    for name in expected:
        assert report[name] == pytest.approx(expected[name], rel=1e-4, abs=1e-6)


def test_predictions_are_averaged_probabilities(shared, data):
    probabilities = jt.ensemble(shared).predict(data.x)
    np.testing.assert_allclose(probabilities, np.mean([np.exp(p) for p in shared.log_probs(data.x)], axis=0), rtol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_members_of_one_split_are_averaged_over_it(shared, data):
    report = jt.ensemble(shared).evaluate(data)
    validation = data.split(0).validation
    assert (report.members, report.members_an_example, report.examples) == (5, 5.0, 30)
    assert_close(report.ensemble, metrics(jt.ensemble(shared).predict(data.x[validation]), data.y[validation]))
    assert_close(report.mean_member, {name: values.mean() for name, values in shared.metrics.items()})
    best = {"accuracy": shared.metrics["accuracy"].max(), "nll": shared.metrics["nll"].min(), "ece": shared.metrics["ece"].min()}
    assert_close(report.best_member, best)
    # The average of probabilities loses no more than the members do on average (Jensen).
    assert report.gain["nll"] == pytest.approx(report.ensemble["nll"] - report.mean_member["nll"]) and report.gain["nll"] <= 0


def test_with_splits_of_their_own_only_members_that_held_an_example_out_predict_it(own, data):
    report = jt.ensemble(own).evaluate(data)
    probabilities = np.exp(own.log_probs(data.x))
    rows, counts = {}, []
    for i in range(len(data)):
        held_out = [m for m in range(5) if i not in own.members.train[m]]
        if held_out:
            rows[i] = probabilities[held_out, i].mean(axis=0)
            counts.append(len(held_out))
    assert report.examples == len(rows) < len(data)
    assert report.members_an_example == pytest.approx(np.mean(counts)) and 1 < np.mean(counts) < 5
    assert_close(report.ensemble, metrics(np.stack(list(rows.values())), data.y[list(rows)]))


def test_a_class_that_all_members_exclude_keeps_a_finite_loss(shared, data, monkeypatch):
    wrong = np.full((5, 30, 3), -500.0)  # e⁻⁵⁰⁰ is no float32
    wrong[np.arange(5)[:, None], np.arange(30), (data.y[data.split(0).validation] + 1) % 3] = 0.0
    monkeypatch.setattr(type(shared), "log_probs", lambda runs, x, lengths: wrong)
    assert jt.ensemble(shared).evaluate(data).ensemble["nll"] == pytest.approx(500, rel=1e-3)


def test_another_data_set_is_refused(shared, data):
    with pytest.raises(jt.DataError, match=r"^Dataset\(clouds: .*\) is not the data set that the members were trained on, "):
        jt.ensemble(shared).evaluate(data.subset(100, 0))


def test_the_report_in_words(shared, data):
    report = jt.ensemble(shared).evaluate(data)
    assert str(report).startswith("ensemble of 5 restarts (5.0 an example, 30 examples): accuracy ")
    assert f"{100 * report.ensemble['accuracy']:.2f}% against {100 * report.mean_member['accuracy']:.2f}%" in str(report)
    assert f"nll {report.ensemble['nll']:.4f} against {report.mean_member['nll']:.4f}" in str(report)


def test_the_test_split_stays_locked(own, shared, data):
    jt.ensemble(own).evaluate(data)
    assert data.has_test and not data.openings
