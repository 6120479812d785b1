"""Results as a table: what pandas, polars and DuckDB read of runs and studies, and the CSV beside a page."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

import jaxtricks as jt
from jaxtricks import report
from jaxtricks.experiment.settings import settings_that_differ

BASE = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16, epochs=2)
FASTER = BASE.replace({"optimizer.rule.learning_rate": 0.01, "optimizer.schedule": "warmup_cosine"})


@pytest.fixture(scope="module")
def study(blobs):
    seeds = jt.Seeds(2, examples=jt.Folds(3))
    return jt.study(BASE, {"faster": FASTER}, blobs, seeds=seeds, progress=False, tune=None)


def test_every_value_of_every_curve_has_its_row(study):
    rows = study.frame().to_pylist()
    assert len(rows) == sum(values.size for runs in study.arms.values() for values in runs.curves.values())
    for row in rows:
        runs = study.arms[row["experiment"]]
        place = runs.names.index(row["restart"])
        assert (row["seed"], row["part"]) == (runs.seeds[place], runs.parts[place])
        assert row["value"] == runs.curves[row["metric"]][place, row["epoch"] - 1]


def test_settings_that_differ_have_columns_of_their_own(study):
    table = study.frame()
    settings = table.column_names[1:-7]
    assert settings[:2] == ["optimizer.rule.learning_rate", "optimizer.schedule"]
    found = {row["experiment"]: tuple(row[name] for name in settings[:2]) for row in table.to_pylist()}
    assert found == {"baseline": (BASE.optimizer.rule.learning_rate, "constant"), "faster": (0.01, "warmup_cosine")}
    assert table.schema.field("optimizer.rule.learning_rate").type == pa.float64()
    assert "model.widths" in study.baseline.frame().column_names  # of one experiment: what is not the default


def test_a_run_that_diverged_has_no_value_from_then_on(blobs):
    fast = BASE.replace({"optimizer.rule": jt.SGD(learning_rate=1e30)})
    runs = jt.fit(fast, blobs, seeds=2, progress=False)
    rows = [row for row in runs.frame().to_pylist() if row["metric"] == "train_loss" and row["epoch"] == 2]
    assert runs.diverged and [row["value"] for row in rows] == [None, None]


def test_pandas_polars_and_duckdb_read_it(study):
    pandas, polars, duckdb = map(pytest.importorskip, ("pandas", "polars", "duckdb"))
    rows = study.frame()
    mean = float(np.mean(study.baseline.curves["accuracy"][:, -1]))
    chosen = "experiment = 'baseline' and metric = 'accuracy' and epoch = 2"
    frame = pandas.DataFrame.from_arrow(rows) if hasattr(pandas.DataFrame, "from_arrow") else rows.to_pandas()
    assert frame.query(chosen.replace(" = ", " == "))["value"].mean() == pytest.approx(mean)
    assert polars.DataFrame(rows).filter(polars.sql_expr(chosen))["value"].mean() == pytest.approx(mean)
    assert duckdb.sql(f"select avg(value) from rows where {chosen}").fetchall()[0][0] == pytest.approx(mean)


def test_the_csv_beside_a_page_holds_the_same(study, tmp_path):
    folder = report.save(report.record_study(study, command="jaxtricks compare"), tmp_path / "a")
    assert csv.read_csv(folder / "report.csv").to_pylist() == study.frame().to_pylist()


def test_one_experiment_alone_shows_no_setting_that_it_does_not_have():
    small, other = jt.Experiment(model=jt.CNN(channels=(4,))), jt.Experiment()
    assert "model.channels" in settings_that_differ([small])[0] and "model.widths" not in settings_that_differ([small])[0]
    assert settings_that_differ([small, other])[0]["model.widths"] is None
