"""What newcomers bring comes to a verdict and a page."""

import pytest

from experiments.first_hour.__main__ import Arguments, main
from experiments.first_hour.walks import WALKS


@pytest.mark.parametrize("walk", WALKS)
def test_a_newcomer_comes_to_a_verdict_and_a_page(walk, tmp_path, capsys):
    if walk == "equinox":
        pytest.importorskip("equinox")
    main(Arguments((walk,), scale="smoke", out=tmp_path))
    assert (tmp_path / walk / "report.html").is_file() and (tmp_path / walk / "report.csv").is_file()
    assert "2 paired seeds" in capsys.readouterr().out
