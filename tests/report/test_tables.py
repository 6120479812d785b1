"""The table of a folder is the one that the result had, whoever asks for it and however."""

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

import jaxtricks as jt
from jaxtricks import cli, report
from jaxtricks.report.tables import table_of
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError
from jaxtricks.store.tables import about_of

BASE = jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16, epochs=2)


@pytest.fixture(scope="module")
def study(blobs):
    changes = {"faster": BASE.replace({"optimizer.rule.learning_rate": 0.01})}
    return jt.study(BASE, changes, blobs, seeds=2, progress=False, tune=None)


def test_of_a_study_and_of_a_run(study, tmp_path):
    for name, result in {"a": study, "b": study.baseline}.items():
        table, had = table_of(result.save(tmp_path / name)), result.frame()
        assert table.to_pylist() == had.to_pylist()
        assert about_of(table).items() >= about_of(had).items()  # the folder knows the command, too


def test_of_a_search(blobs, tmp_path):
    space = {"model.activation": "relu,tanh", "model.dropout": "0.1,none"}
    found = jt.search(BASE, space, blobs, strategy="grid", budget=4, seeds=2, progress=False)
    table, had = table_of(found.save(tmp_path / "a")), found.frame()
    assert table.to_pylist() == had.to_pylist() and about_of(table) == about_of(had)


def test_the_command_writes_what_the_ending_says(study, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report.save(report.record_study(study, command="jaxtricks compare"), tmp_path / "runs" / "a")
    for file, read in (("out.parquet", pq.read_table), ("OUT.CSV", csv.read_csv)):
        cli.main(["table", "a", file])
        assert capsys.readouterr().out == f"{file}\n"
        assert read(file).to_pylist() == study.frame().to_pylist()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a", "out.xlsx"], "out.xlsx does not end as a table does; .csv and .parquet are allowed."),
        (["nowhere", "out.csv"], "nowhere is not a run's folder: config.json is missing."),
        (["a"], "FILE is missing; see `jaxtricks table --help`."),
    ],
)
def test_refused(words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        cli.main(["table", *words])
    assert stop.value.code == 2 and capsys.readouterr().err == f"jaxtricks: {says}\n"
    assert not list(tmp_path.iterdir())


def test_a_damaged_search_is_refused(tmp_path):
    (tmp_path / "search.json").write_text("{}")
    with pytest.raises(FolderError, match="is a search that is not finished"):
        table_of(tmp_path)
    (tmp_path / folders.CONFIG).write_text("{}")
    with pytest.raises(FolderError, match="cannot be read"):
        table_of(tmp_path)
    (tmp_path / "search.csv").write_text("trial,accuracy\n0,0.5\n")
    with pytest.raises(FolderError, match="is not a search's folder as this version writes it"):
        table_of(tmp_path)
