"""Results as files and as labelled arrays: every value where its labels say, and what it is about inside."""

import json
import math
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

import jaxtricks as jt
from jaxtricks.config import described
from jaxtricks.store.folder import FolderError
from jaxtricks.store.tables import about_of, write_table
from jaxtricks.store.versions import versions

BASE = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16, epochs=2)
FASTER = BASE.replace({"optimizer.rule.learning_rate": 0.01, "optimizer.clip_norm": 1.0})


@pytest.fixture(scope="module")
def study(blobs):
    seeds = jt.Seeds(2, examples=jt.Folds(2))
    return jt.study(BASE, {"faster": FASTER}, blobs, seeds=seeds, progress=False, tune=None)


@pytest.fixture(scope="module")
def wild(blobs):
    return jt.fit(BASE.replace({"optimizer.rule": jt.SGD(learning_rate=1e30)}), blobs, seeds=2, progress=False)


@pytest.fixture(scope="module")
def found(blobs):
    space = {"model.activation": "relu,tanh", "optimizer.rule.learning_rate": "log:1e-3:1e-1"}
    return jt.search(BASE, space, blobs, strategy="random", budget=2, seeds=2, progress=False)


def test_a_table_says_what_it_is_about(study, found):
    about = about_of(study.frame())
    assert about["experiments"] == {name: described(runs.experiment) for name, runs in study.arms.items()}
    assert jt.Experiment.from_json(about["experiments"]["faster"]) == study.changes["faster"].experiment
    assert (about["data"], about["versions"]) == ("blobs", versions())
    assert about["metrics"]["accuracy"] == {"higher_is_better": True, "unit": "share"}
    searched = about_of(found.frame())
    assert searched["experiments"] == {"best": described(found.best)} and set(searched["space"]) == set(found.space.paths)
    assert about_of(pa.table({"a": [1]})) == {}


def test_units_stand_beside_values(study):
    units = {row["metric"]: row["unit"] for row in study.frame().to_pylist()}
    assert units["accuracy"] == "share" and units["nll"] == units["train_loss"] == ""


def test_parquet_and_csv_hold_the_table(study, found, tmp_path):
    for result in (study, study.baseline, found):
        table = result.frame()
        read = pq.read_table(result.to_parquet(tmp_path / "a.parquet"))
        assert read.equals(table) and about_of(read) == about_of(table)
        assert csv.read_csv(result.to_csv(str(tmp_path / "a.csv"))).column_names == table.column_names
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.parquet"]


def test_a_file_that_cannot_be_written_is_refused_in_a_sentence(study, tmp_path):
    with pytest.raises(FolderError, match=r"nowhere/a\.csv cannot be written \(No such file or directory\)\.$"):
        study.to_csv(tmp_path / "nowhere" / "a.csv")
    with pytest.raises(jt.ConfigError, match=r"a\.xlsx does not end as a table does; \.csv and \.parquet are allowed\.$"):
        write_table(study.frame(), tmp_path / "a.xlsx")


class TestXarray:
    @pytest.fixture(autouse=True)
    def installed(self):
        pytest.importorskip("xarray", reason="xarray is an extra")

    def test_every_value_is_where_its_labels_say(self, study):
        arrays = study.to_xarray()
        assert dict(arrays.sizes) == {"experiment": 2, "restart": 4, "epoch": 2}
        for row in study.frame().to_pylist():
            place = {dim: row[dim] for dim in arrays.sizes}
            assert float(arrays[row["metric"]].sel(place)) == row["value"]
        seeds = dict(zip(arrays.restart.values.tolist(), arrays.seed.values.tolist(), strict=True))
        assert seeds == dict(zip(study.baseline.names, study.baseline.seeds.tolist(), strict=True))
        assert arrays.part.values.tolist() == study.baseline.parts.tolist()
        rates = arrays["optimizer.rule.learning_rate"]
        assert rates.dims == ("experiment",) and rates.sel(experiment="faster") == 0.01
        assert arrays.accuracy.attrs == {"units": "share", "higher_is_better": "True"}
        assert json.loads(arrays.attrs["experiments"]) == about_of(study.frame())["experiments"]
        assert arrays.attrs["data"] == "blobs"

    def test_arms_keep_their_order_and_what_is_off_is_an_empty_word(self, study):
        swapped = jt.evaluate.Study(study.changes["faster"], {"a": study.baseline}, ())
        arrays = swapped.to_xarray()
        assert arrays.experiment.values.tolist() == ["baseline", "a"]
        for label, runs in swapped.arms.items():
            np.testing.assert_array_equal(arrays.nll.sel(experiment=label), runs.curves["nll"].astype(float))
        clip = study.to_xarray()["optimizer.clip_norm"].values
        assert math.isnan(clip[0]) and clip[1] == 1.0

    def test_a_value_that_is_not_finite_is_nan(self, wild):
        loss = wild.to_xarray().train_loss.values[0]
        np.testing.assert_array_equal(np.isfinite(loss), np.isfinite(wild.curves["train_loss"]))
        assert not np.isfinite(loss[:, 1]).any()

    def test_a_search_has_a_row_for_each_restart(self, found):
        arrays, table = found.to_xarray(), found.frame().to_pydict()
        assert arrays.accuracy.dims == ("row",) and arrays.accuracy.values.tolist() == table["accuracy"]
        means = arrays.accuracy.where(arrays.stage == "exploring", drop=True).groupby("trial").mean()
        first = [
            value
            for value, trial, stage in zip(*map(table.get, ("accuracy", "trial", "stage")), strict=True)
            if (trial, stage) == (0, "exploring")
        ]
        assert float(means.sel(trial=0)) == pytest.approx(np.mean(first))


def test_without_xarray_a_sentence_names_the_extra(wild, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(jt.ConfigError, match=r"^to_xarray needs xarray; `pip install jaxtricks\[xarray\]` installs it\.$"):
        wild.to_xarray()
