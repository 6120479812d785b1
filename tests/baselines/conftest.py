import pytest


@pytest.fixture
def only_constants() -> None:
    """Here all of them are tried."""
