"""Models on the Hub: what is pushed, and what a folder laid out as the Hub's cache gives again. There is no network."""

import fnmatch
import shutil
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard, constants

import jaxtricks as jt

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Keeps what it is given as the Hub's cache does: models--user--name with refs/main and snapshots/COMMIT.

    As on the Hub, files that were there stay, unless others take their place or they match a pattern of those to delete.
    """

    def __init__(self, cache: Path) -> None:
        self.cache, self.made = cache, {}

    def create_repo(self, repo_id, *, private, exist_ok):
        assert exist_ok
        self.made[repo_id] = private

    def upload_folder(self, *, repo_id, folder_path, commit_message, delete_patterns):
        place = self.cache / f"models--{repo_id.replace('/', '--')}"
        (place / "refs").mkdir(parents=True, exist_ok=True)
        (place / "refs/main").write_text(COMMIT)
        kept = place / "snapshots" / COMMIT
        for path in [path for path in kept.rglob("*") if path.is_file()]:
            if any(fnmatch.fnmatch(path.relative_to(kept).as_posix(), pattern) for pattern in delete_patterns):
                path.unlink()
        shutil.copytree(folder_path, kept, dirs_exist_ok=True)
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
def test_nothing_of_another_model_stays_where_one_is_pushed_again(network, homes, tmp_path):
    hub = FakeHub(tmp_path)
    jt.publish.push(network, "me/model", hub=hub, ensemble=1)
    place = jt.publish.pull("me/model", cache=tmp_path).folder
    (place / "LICENSE").write_text("the user's own")
    assert (place / "numpy/model.safetensors").is_file()
    jt.publish.push(homes, "me/model", hub=hub, numpy=False)
    found = jt.publish.pull("me/model", cache=tmp_path)
    assert found.about["task"] == "values" and (found.folder / "LICENSE").is_file()
    assert not [path for path in (found.folder / "numpy").rglob("*") if path.is_file()]


def test_options_are_of_restarts_alone(network, tmp_path):
    place = jt.publish.export(network, tmp_path / "model", ensemble=1, numpy=False, license="mit")
    assert ModelCard((place / "README.md").read_text(encoding="utf-8")).data.license == "mit"
    for option in ("license", "lisense"):
        with pytest.raises(jt.ConfigError, match=f"push: {option} is an option of export, and .*model was exported already"):
            jt.publish.push(place, "me/digits", hub=FakeHub(tmp_path), **{option: "mit"})


@pytest.mark.usefixtures("offline")
def test_what_is_refused(tmp_path):
    with pytest.raises(jt.ConfigError, match=r"^me/nothing cannot be pulled: "):
        jt.publish.pull("me/nothing", cache=tmp_path)
    with pytest.raises(jt.ConfigError, match=r"'no/such/name' is no name on the Hub .*; one such as user/digits-mlp is allowed"):
        jt.publish.pull("no/such/name", cache=tmp_path)
    with pytest.raises(ValueError, match=r"model\.json is missing"):
        jt.publish.push(tmp_path, "me/digits", hub=FakeHub(tmp_path))
