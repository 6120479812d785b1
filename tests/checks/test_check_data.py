"""`check_data` runs the checks that are asked for, measures what findings explain, and says what could not be done."""

import json

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.checks import CHECKS, DataFinding, registered


@pytest.fixture
def other_check():
    """Registers a check for the test, and takes it away."""
    names = []

    def add(name, check):
        registered(name)(check)
        names.append(name)

    yield add
    for name in names:
        del CHECKS[name]


@pytest.fixture(scope="module")
def leaky():
    """Noise, and a last number that is the class."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 200)
    return jt.Dataset.from_arrays(np.c_[generator.normal(size=(200, 3)), y], y, name="leaky")


def test_an_unknown_check_is_refused_with_the_nearest_name(leaky):
    with pytest.raises(jt.DataError, match="'constant feature' is no check; did you mean 'constant features'"):
        jt.check_data(leaky, only=["constant feature"])
    with pytest.raises(jt.DataError, match="'copy' is no check"):
        jt.check_data(leaky, without=["copy"])


def test_two_checks_have_two_names(other_check):
    other_check("one", lambda data, splits: [])
    with pytest.raises(jt.DataError, match="'one' is there already"):
        registered("one")(lambda data, splits: [])


def test_what_a_leak_explains_is_the_score_that_is_gone_without_it(leaky, other_check):
    other_check("planted", lambda data, splits: [DataFinding("planted", "leak", 1, (), "A leak.", features=(3,))])
    (finding,) = jt.check_data(leaky, only=["planted"]).findings
    assert finding.scores[0] == 1 and 0.3 < finding.scores[1] < 0.7
    assert 0.7 < finding.explained <= 1


def test_examples_are_left_out_on_both_sides(other_check):
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(100, 5)), generator.integers(0, 2, 100)
    data = jt.Dataset.from_arrays(x, y, validation=(x[:50], y[:50]), name="copied")
    other_check("planted", lambda data, splits: [DataFinding("planted", "leak", 50, (), "Copies.", examples=np.arange(50))])
    (finding,) = jt.check_data(data, only=["planted"]).findings
    assert finding.scores[0] == 1 and finding.scores[1] < 0.7


def test_a_note_is_not_measured(leaky, other_check):
    other_check("planted", lambda data, splits: [DataFinding("planted", "note", 1, (), "A fact.", features=(3,))])
    assert jt.check_data(leaky, only=["planted"]).findings[0].explained is None


def test_a_check_that_breaks_names_itself(leaky, other_check):
    other_check("broken", lambda data, splits: [][0])
    with pytest.raises(IndexError) as raised:
        jt.check_data(leaky, only=["broken"])
    assert raised.value.__notes__ == ["This was in the check 'broken' of leaky."]


def test_a_check_that_cannot_be_done_is_told_and_the_others_are_made(leaky, other_check):
    def lacking(data, splits):
        raise jt.DataError("texts: the package datasketch is missing; pip install jaxtricks[data].")

    other_check("lacking", lacking)
    report = jt.check_data(leaky, only=["lacking", "constant features"])
    assert report.checks == ("constant features",) and "datasketch" in report.undone["lacking"]
    assert "not done  lacking: texts: the package datasketch is missing" in str(report)
    assert "datasketch" in report.html()


def test_a_report_is_saved_and_overwrites_nothing(leaky, tmp_path, other_check):
    other_check("<b>", lambda data, splits: [DataFinding("<b>", "warning", 1, (4,), "5 < 6.")])
    report = jt.check_data(leaky, only=["<b>"])
    assert not report.ok and len(report.of("warning")) == 1 and not report.of("leak")
    folder = report.save(tmp_path / "checks")
    assert "&lt;b&gt;" in (folder / "report.html").read_text() and "5 &lt; 6." in report._repr_html_().replace("&amp;", "&")
    assert json.loads((folder / "checks.json").read_text()) == report.to_dict()
    with pytest.raises(jt.DataError, match="is not empty"):
        report.save(folder)


def test_the_test_split_stays_locked():
    digits = jt.load("digits")
    data = jt.Dataset.from_arrays(digits.x[:100], digits.y[:100], test=(digits.x[100:120], digits.y[100:120]))
    report = jt.check_data(data)
    assert report.sizes == (80, 20, 20) and not data.openings


def test_the_worst_is_first(leaky, other_check):
    found = [DataFinding("many", severity, 1, (), severity) for severity in ("note", "leak", "warning")]
    other_check("many", lambda data, splits: found)
    assert [each.severity for each in jt.check_data(leaky, only=["many"]).findings] == ["leak", "warning", "note"]


@pytest.mark.parametrize("labels", [1, 2])
def test_a_label_that_is_commoner_in_validation_is_told_by_its_name(labels):
    x = np.random.default_rng(0).normal(size=(200, 2))
    rare, common = np.arange(200) % 10 == 0, np.arange(200) % 10 > 0
    y, other = (np.stack([first] + [rare] * (labels - 1), axis=1).astype(np.int32) for first in (rare, common))
    data = jt.Dataset.from_arrays(x, y, validation=(x + 1, other), task="multilabel", classes=("ill", "old")[:labels])
    (found,) = jt.check_data(data, only=["class skew"]).findings
    assert found.text.endswith("90.0% are 'ill', and 10.0% to train on.")
