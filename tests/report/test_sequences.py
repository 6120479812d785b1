"""Pages of runs that predict no one class an example."""

import re
from functools import partial

import numpy as np

import jaxtricks as jt
from jaxtricks.data.vocabulary import Tokenizer
from jaxtricks.report.page import page
from jaxtricks.report.record import record_runs, record_study
from jaxtricks.report.table import table

fit = partial(jt.fit, seeds=2, progress=False, layout=jt.Layout(runs=1))


def test_a_page_of_values_tells_of_their_error():
    x = np.random.default_rng(0).normal(size=(60, 3))
    data = jt.Dataset.from_arrays(x, x[:, :1])
    experiment = jt.Experiment(model=jt.MLP(widths=(4,)), objective=jt.Objective(loss="squared"), batch_size=16, epochs=2)
    text = page(record_runs(fit(experiment, data), command="a command"))
    assert "root of the mean squared error" in text.lower() and "accuracy" not in text.replace("or an accuracy", "")


def test_a_page_of_text_tells_of_perplexity():
    tokens = np.arange(481, dtype=np.int32) % 4
    letters = jt.data.Vocabulary(tuple("abcd"), Tokenizer("char"))
    x, y = tokens[:-1].reshape(60, 8), tokens[1:].reshape(60, 8)
    data = jt.Dataset.from_arrays(x, y, classes="abcd", vocabulary=letters, stream=True)
    experiment = jt.Experiment(model=jt.RNN(embedding=3, widths=(3,)), batch_size=16, epochs=2)
    text = page(record_runs(fit(experiment, data), command="a command"))
    assert "perplexity" in text.lower() and "bits a token" in text.lower()


def test_a_page_and_a_table_of_large_values_are_read_in_whole_numbers():
    x = np.random.default_rng(0).normal(size=(60, 3))
    data = jt.Dataset.from_arrays(x, 4e5 + 1e5 * x[:, :1])
    base = jt.Experiment(model=jt.MLP(widths=(4,)), batch_size=16, epochs=2)
    study = jt.study(
        base, {"fast": base.replace({"optimizer.rule.learning_rate": 0.1})}, data, seeds=3, progress=False, tune=None
    )
    row = next(line for line in table(study.verdicts).splitlines() if line.startswith("fast"))
    numbers = r"fast +\d+,\d{3} +\d+,\d{3} +[+-]\d+,\d{3} +\[[^.]*\] +0\.\d+"
    assert re.fullmatch(numbers + r" +too few seeds +too few seeds \[[^.]*\]", row)
    lines = str(study.baseline.summary()).splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["rmse", "mae", "r2", "squared"]
    assert len({len(line) for line in lines[:5]}) == 1 and all("  " in line for line in lines[:5])
    assert re.search(r"\d{2},\d{3}", page(record_study(study, command="a command")))
