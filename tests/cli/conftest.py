"""What tests of the command line share."""

import pytest

from jaxtricks.cli import flags


@pytest.fixture(autouse=True)
def as_set_up(monkeypatch):
    """A test session's devices are there already."""
    monkeypatch.setattr(flags, "set_up", lambda members: None)
