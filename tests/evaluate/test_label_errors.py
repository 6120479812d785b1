"""Wrong labels are found where they were planted, by members that did not train on them; the page shows them."""

import csv
import json

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.data import DataError
from jaxtricks.evaluate import LabelErrors
from jaxtricks.evaluate.confident import confident_joint, flagged, margins
from jaxtricks.evaluate.label_errors import out_of_sample
from jaxtricks.store.folder import FolderError

EXPERIMENT = jt.Experiment(model=jt.MLP(widths=(32,)), optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.01)), epochs=8)
WRONG = 15


def planted():
    """Digits, some of whose labels are another digit, and the places of those."""
    digits = jt.load("digits").subset(600, seed=0)
    generator = np.random.default_rng(0)
    places = np.sort(generator.choice(len(digits), WRONG, replace=False))
    y = digits.y.copy()
    y[places] = (y[places] + generator.integers(1, 10, WRONG)) % 10
    return jt.Dataset.from_arrays(digits.x, y, name="planted"), places


@pytest.fixture(scope="module")
def found():
    data, places = planted()
    return jt.label_errors(data, EXPERIMENT, seeds=1, progress=False), places


def test_planted_errors_come_first(found):
    errors, places = found
    first = errors.order[: 2 * WRONG]
    assert np.isin(places, first).mean() >= 0.8
    assert errors.flagged[places].mean() >= 0.8
    assert errors.flagged.sum() <= 4 * WRONG


def test_suspects_say_what_they_are(found):
    errors, _ = found
    suspect = errors.first(1)[0]
    p = errors.probabilities[suspect.place]
    assert suspect.flagged and suspect.given == str(errors.data.y[suspect.place])
    assert suspect.suggested == str(p.argmax()) != suspect.given
    assert suspect.margin == pytest.approx(suspect.probability - p.max())
    assert str(errors).startswith(f"planted: {errors.flagged.sum()} of 600 labels are likely wrong, by 5 networks")
    assert len(errors.to_dict()["suspects"]) == errors.flagged.sum()


def test_members_predict_what_they_held_out_only():
    data = jt.Dataset.from_arrays(np.random.default_rng(0).normal(size=(80, 40)), np.arange(80) % 2)
    long = EXPERIMENT.replace({"batch_size": 8, "epochs": 30})  # labels are noise: what is trained on is known by heart
    runs = jt.fit(long, data, seeds=jt.Seeds(1, examples=jt.Folds(4)), progress=False)
    own = runs.probabilities(data.x)[np.arange(80), data.y]
    held = out_of_sample(runs)[np.arange(80), data.y]
    assert own.mean() > 0.75 and held.mean() < 0.6
    one = runs.at([2])
    mine = runs.sampling.validation[runs.sampling.split[2]]
    np.testing.assert_allclose(one.probabilities(data.x[mine]), out_of_sample(runs)[mine], atol=1e-6)


def test_examples_that_are_left_over_are_not_judged():
    data = jt.load("digits").subset(203, seed=0)
    found = jt.label_errors(data, jt.Experiment(model=jt.MLP(widths=(8,)), epochs=1), seeds=1, progress=False)
    assert found.judged == len(found.order) == len(found.first(500)) == 200
    assert "3 more were held out by no network" in found.summary
    assert not found.flagged[np.isnan(found.probabilities[:, 0])].any()


def test_a_fixed_validation_set_is_looked_at_too():
    digits = jt.load("digits").subset(300, seed=0)
    fixed = jt.Dataset.from_arrays(digits.x[:200], digits.y[:200], validation=(digits.x[200:], digits.y[200:]))
    assert jt.label_errors(fixed, EXPERIMENT.replace({"epochs": 1}), seeds=1, progress=False).probabilities.shape == (300, 10)


def test_the_joint_has_what_was_given_in_its_rows_and_knows_the_noise():
    generator = np.random.default_rng(0)
    true = generator.integers(0, 3, 6000)
    noise = np.array([[0.9, 0.1, 0.0], [0.0, 0.8, 0.2], [0.05, 0.0, 0.95]])  # P(given | true)
    y = np.array([generator.choice(3, p=noise[label]) for label in true])
    sure = np.eye(3)[true] * 0.8 + 0.2 / 3
    p = sure * generator.uniform(0.7, 1.3, sure.shape)
    p /= p.sum(axis=1, keepdims=True)
    joint = confident_joint(p, y)
    np.testing.assert_allclose(joint.sum(axis=1), np.bincount(y))
    np.testing.assert_allclose(
        joint / 6000, np.array([[(y == i) & (true == j) for j in range(3)] for i in range(3)]).mean(axis=2), atol=0.003
    )
    wrong = flagged(p, y, joint)
    assert (wrong == (y != true)).mean() > 0.995
    assert (margins(p, y)[wrong] < 0).all()


def test_the_page_has_pictures_and_the_tables_all_that_is_flagged(found, tmp_path):
    errors, _ = found
    folder = errors.save(tmp_path / "page")
    page = (folder / "report.html").read_text()
    count = int(errors.flagged.sum())
    assert page.count('src="data:image/png;base64,') == count and "http" not in page
    with (folder / "label_errors.csv").open() as file:
        assert [int(row["place"]) for row in csv.DictReader(file)] == errors.order[:count].tolist()
    assert json.loads((folder / "label_errors.json").read_text())["flagged"] == count
    with pytest.raises(FolderError):
        errors.save(tmp_path / "page")


def test_the_page_of_texts_shows_them_and_that_of_rows_their_largest_numbers(tmp_path):
    texts = ["good <b>film</b>", "bad film"] * 3
    data = jt.Dataset.from_texts(texts, list("ab" * 3), text=jt.Text("word", length=8))
    wrong = np.tile([[0.1, 0.9], [0.1, 0.9]], (3, 1))
    page = (LabelErrors.of(data, wrong, 1).save(tmp_path / "texts") / "report.html").read_text()
    assert "good &lt; b &gt; film" in page and "<b>a</b> → b?" in page
    counts = jt.Dataset.from_texts(texts, list("ab" * 3), words=2)
    page = (LabelErrors.of(counts, wrong, 1).save(tmp_path / "counts") / "report.html").read_text()
    assert "film 1" in page


def test_bad_input_ends_in_a_sentence():
    digits = jt.load("digits").subset(100, seed=0)
    with pytest.raises(
        jt.ConfigError, match=r"^seeds.examples = All leaves examples that no member holds out; Folds are allowed\.$"
    ):
        jt.label_errors(digits, EXPERIMENT, seeds=jt.Seeds(2))
    values = jt.Dataset.from_arrays(np.random.default_rng(0).normal(size=(20, 3)), np.linspace(0, 1, 20))
    with pytest.raises(DataError, match=r"errors are looked for in labels of one class an example\.$"):
        jt.label_errors(values, EXPERIMENT)
    with pytest.raises(DataError, match=r"^probabilities: shape \(3, 10\) for 100 examples of 10 classes"):
        LabelErrors.of(digits, np.full((3, 10), 0.1), 1)
    with pytest.raises(jt.ConfigError, match=r"all members on digits diverged; a smaller learning rate is allowed"):
        jt.label_errors(digits, EXPERIMENT.replace({"optimizer.rule.learning_rate": 1e30}), seeds=1, progress=False)
