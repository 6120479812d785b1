"""A place far away for tests that ask for it."""

from pathlib import Path

import pytest

from jaxtricks.store import lease, mirror
from tests.store.buckets import LASTS, VARIABLE


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """The folder of the objects, with copies in a folder beside it, and leases that are short."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "far"))
    monkeypatch.setattr(lease, "SECONDS", LASTS)
    monkeypatch.setattr(mirror, "PAUSE", 0.001)
    monkeypatch.setenv("JAXTRICKS_CACHE", str(tmp_path / "near"))
    for name in ("far", "near"):
        (tmp_path / name).mkdir()
    return tmp_path / "far"
