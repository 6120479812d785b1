"""Models on the Hub: what is pushed, and what a folder laid out as the Hub's cache gives again. There is no network."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard, constants

import jaxtricks as jt

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Keeps what it is given as the Hub's cache does: models--user--name with refs/main and snapshots/COMMIT."""

    def __init__(self, cache: Path) -> None:
        self.cache, self.made = cache, {}

    def create_repo(self, repo_id, *, private, exist_ok):
        assert exist_ok
        self.made[repo_id] = private

    def upload_folder(self, *, repo_id, folder_path, commit_message):
        place = self.cache / f"models--{repo_id.replace('/', '--')}"
        (place / "refs").mkdir(parents=True)
        (place / "refs/main").write_text(COMMIT)
        shutil.copytree(folder_path, place / "snapshots" / COMMIT)
        return f"{repo_id}: {commit_message}"


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # what HF_HUB_OFFLINE=1 sets where a process starts


@pytest.mark.usefixtures("offline")
def test_what_is_pushed_is_pulled_by_name(network, digits, tmp_path):
    hub = FakeHub(tmp_path)
    where = jt.publish.push(network, "me/digits", private=True, hub=hub, ensemble=2, license="mit")
    assert where == "me/digits: digits-mlp: 2 members"
    assert hub.made == {"me/digits": True}
    model, whole = jt.publish.pull("me/digits", cache=tmp_path), network.at([0, 1])
    np.testing.assert_array_equal(model.probabilities(digits.x), whole.probabilities(digits.x))
    assert model.record.baseline.metrics["accuracy"] == tuple(network.metrics["accuracy"].tolist())
    assert jt.publish.pull("me/digits", revision=COMMIT, cache=tmp_path).folder == model.folder
    card = ModelCard(model.card)
    assert card.data.license == "mit" and card.data.library_name == "jaxtricks"
    assert {result.metric_type for result in card.data.eval_results} == {"accuracy", "nll", "ece"}
    again = jt.publish.push(model.folder, "you/digits", message="again", hub=hub)
    assert again == "you/digits: again" and hub.made["you/digits"] is False
    assert jt.Transfer(model).source.weights.names == ("seed 0", "seed 1")


@pytest.mark.usefixtures("offline")
def test_what_is_refused(tmp_path):
    with pytest.raises(jt.ConfigError, match=r"^me/nothing cannot be pulled: "):
        jt.publish.pull("me/nothing", cache=tmp_path)
    with pytest.raises(jt.ConfigError, match=r"'no/such/name' is no name on the Hub .*; one such as user/digits-mlp is allowed"):
        jt.publish.pull("no/such/name", cache=tmp_path)
    with pytest.raises(ValueError, match=r"model\.json is missing"):
        jt.publish.push(tmp_path, "me/digits", hub=FakeHub(tmp_path))
