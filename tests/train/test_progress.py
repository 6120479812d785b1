"""What a user reads while training goes on: few lines in a log, and a time left that compiling is not part of."""

import sys
import types
import warnings

import pytest

from jaxtricks.train import progress
from jaxtricks.train.progress import Lines


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_log_gets_a_line_at_start_and_end_and_every_ten_seconds_at_most(capsys):
    clock = Clock()
    lines = Lines(total=1000, initial=0, clock=clock)
    lines.compiling("program 1 of 1")
    clock.now = 90.0  # compiled for a minute and a half
    lines.training()
    for _ in range(100):
        clock.now += 0.5
        lines.update(10)
    lines.trained()
    printed = capsys.readouterr().err.splitlines()
    assert printed[0] == "jaxtricks: compiling program 1 of 1, 0 of 1000 restart-epochs done"
    assert printed[-1] == "jaxtricks: 1000 of 1000 restart-epochs, 50 s of training"
    assert len(printed) == 2 + 5
    assert printed[2] == "jaxtricks: 210 of 1000 restart-epochs, 10 s of training, about 40 s to go"  # 90 s play no part in it


def test_a_bar_stands_still_while_a_program_compiles(monkeypatch):
    monkeypatch.setattr(sys, "stderr", types.SimpleNamespace(isatty=lambda: True, write=lambda text: None, flush=lambda: None))
    clock = Clock()
    with progress.progress(total=100, initial=0, shown=True) as bar:
        bar._bar._time = clock
        bar._bar.start_t = bar._bar.last_print_t = 0.0
        bar.compiling("program 1 of 1")
        clock.now = 200.0
        bar.training()
        clock.now = 210.0
        bar.update(50)
        shown = bar._bar.format_dict
        assert (shown["n"], shown["elapsed"]) == (50, 10.0)


@pytest.mark.parametrize("widgets", [None, object()])
def test_a_notebook_has_a_bar_without_a_warning(monkeypatch, widgets):
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: object()))
    monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: widgets)
    if widgets is not None:
        pytest.importorskip("ipywidgets")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with progress.progress(total=1, initial=0, shown=True) as bar:
            bar.update(1)
