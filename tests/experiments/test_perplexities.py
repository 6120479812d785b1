"""The page of perplexities: its rows, what AWD is made of, and a folder of text in Penn Treebank's layout."""

import json

import numpy as np
import pytest

import jaxtricks as jt
from experiments.perplexities import __main__ as script
from experiments.perplexities.models import AWD, NOT_FOUND, Published, awd, language_models


@pytest.fixture
def folder(tmp_path):
    """Three texts of ten words, in lines."""
    draw = np.random.default_rng(0)
    for name, lines in (("train", 60), ("valid", 12), ("test", 12)):
        text = "\n".join(" ".join(f"w{number}" for number in draw.integers(0, 10, 9)) for _ in range(lines))
        (tmp_path / f"{name}.txt").write_text(text + "\n")
    return tmp_path


@pytest.mark.parametrize("scale", ["smoke", "cpu", "full"])
def test_every_scale_has_the_same_rows_and_awd_s_lack_one_part_each(scale):
    rows = {row.name: row for row in language_models(scale)}
    assert list(rows) == [row.name for row in language_models("full")] and len(rows) == 10
    whole = rows["AWD"].experiment
    parts = [whole.diff(row.experiment) for name, row in rows.items() if name.startswith("AWD without")]
    assert [sorted(part) for part in parts] == [
        ["model.drop_connect"],
        ["optimizer.averaging"],
        ["model.softmax"],
        ["model.activation_penalty", "model.temporal_penalty"],
    ]


def test_awd_at_full_scale_is_as_published():
    model, optimizer = awd(AWD["full"]).model, awd(AWD["full"]).optimizer
    assert (model.embedding, model.widths, model.drop_connect.rate) == (400, (1150, 1150, 400), 0.5)
    assert optimizer.averaging == jt.optim.TriggeredAverage(patience=5) and optimizer.clip_norm == 0.25
    assert (model.activation_penalty, model.temporal_penalty) == (2.0, 1.0)


def test_a_row_is_trained_and_printed_beside_what_was_published(folder, capsys):
    words = [str(folder), "--scale", "smoke", "--only", "AWD without penalties on activations", "--test"]
    assert script.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["name"] == "AWD without penalties on activations" and told["wikitext"] == {"validation": None, "test": None}
    assert all(1 < perplexity < 1e4 for part in ("validation", "test") for perplexity in told[part])


def test_the_page_says_what_is_not_known():
    row = language_models("smoke")[0]._replace(name="a", penn=Published(None, 63.7), wikitext=NOT_FOUND)
    assert script.line(script.Measured(row, [10.0, 12.0], None, 3.2)) == "| a | 11.0 (10.0 to 12.0) |  | ? / 63.7 |  | 3 |"
    assert {text.count("|") for text in script.HEAD.splitlines()} == {7}


def test_a_row_that_there_is_not_and_a_folder_without_validation_are_refused(folder, capsys):
    assert script.main([str(folder), "--scale", "smoke", "--only", "smal"]) == 2
    assert "only = 'smal' is none of the rows; did you mean 'small'?" in capsys.readouterr().err
    (folder / "valid.txt").unlink()
    assert script.main([str(folder), "--scale", "smoke", "--only", "small"]) == 2
    assert "has no valid.txt or no test.txt" in capsys.readouterr().err
