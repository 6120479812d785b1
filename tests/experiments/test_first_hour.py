"""What newcomers bring comes to a verdict and a page."""

import pytest

import jaxtricks as jt
from experiments.first_hour.__main__ import Arguments, main
from experiments.first_hour.cases import CASES


@pytest.mark.parametrize("case", CASES)
def test_a_newcomer_comes_to_a_verdict_and_a_page(case, tmp_path, capsys):
    if case == "equinox":
        pytest.importorskip("equinox")
    main(Arguments((case,), scale="smoke", out=tmp_path))
    assert (tmp_path / case / "report.html").is_file() and (tmp_path / case / "report.csv").is_file()
    assert "2 paired seeds" in capsys.readouterr().out


def test_an_unknown_case_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(jt.ConfigError, match="'picture' is no case; did you mean 'pictures'"):
        main(Arguments(("picture",), out=tmp_path / "none"))
    assert not (tmp_path / "none").exists()
