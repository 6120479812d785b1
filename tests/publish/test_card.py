"""The card of a model says how well and how surely it does, on which data, and what it costs."""

import re

import numpy as np
import pytest
from huggingface_hub import ModelCard

import jaxtricks as jt
from jaxtricks.report.record import BASELINE


@pytest.fixture(scope="module")
def clouds():
    """Data of its own: a test set that is opened stays open for all that share it."""
    draw, y = np.random.default_rng(0), np.repeat(np.arange(3), 20)
    x = 2 * draw.normal(size=(3, 5))[y] + draw.normal(size=(60, 5))
    return jt.Dataset.from_arrays(x, y, name="clouds", test=(x, y))


@pytest.fixture(scope="module")
def study(clouds):
    base = jt.Experiment(model=jt.MLP(widths=(4,)), epochs=2, batch_size=16)
    return jt.study(base, {"wider": base.replace({"model.widths": (8,)})}, clouds, seeds=2, tune=None, progress=False)


def test_a_comparison_s_card_has_its_verdicts(study, clouds, tmp_path):
    clouds.open_test("a final table")
    place = jt.publish.export(study.changes["wider"], tmp_path / "model", study=study, name="wide clouds", numpy=False)
    text = (place / "README.md").read_text(encoding="utf-8")
    card = ModelCard(text)
    assert card.data.pipeline_tag == "tabular-classification" and card.data.model_name == "wide clouds"
    results = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert results["accuracy"] == pytest.approx(study.changes["wider"].metrics["accuracy"].mean(), abs=1e-6)
    for said in (
        "the arm “wider” of a comparison",
        str(study.verdicts[0].decision),
        "a final table",
        "48 examples trained on, 12 validated on",
        "By JAX alone, `model.stablehlo` takes [examples, 5] of float32",
        "There is no file for NumPy: it was left out.",
        "75 parameters",
        "(ece)",
        "95% interval",
        "`model.widths` = `(8,)`",
    ):
        assert said in text
    assert "license" not in text and not re.search(r"\n\n\n|[ \t]\n", text)


def test_what_a_study_does_not_hold_is_refused(study, network, tmp_path):
    with pytest.raises(jt.ConfigError, match=r"study: the restarts are no arm of it"):
        jt.publish.export(network, tmp_path / "model", study=study)
    assert BASELINE in study.arms


def test_a_regression_s_card(homes, tmp_path):
    place = jt.publish.export(homes, tmp_path / "model", numpy=False)
    card = ModelCard((place / "README.md").read_text(encoding="utf-8"))
    assert card.data.pipeline_tag == "tabular-regression"
    assert "x may be" not in card.text and "A table becomes numbers by the rules in model.json" in card.text
    assert "There is no test split." in card.text
