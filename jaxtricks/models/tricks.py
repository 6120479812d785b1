"""The tricks that every network takes, declared once."""

from typing import Any

from jaxtricks.config import trick


def normalization() -> Any:
    """The field of a `Normalization` of each layer's pre-activations."""
    return trick(
        default=None,
        rows=["T016", "T023", "T024"],
        paper="Ioffe & Szegedy 2015",
        summary="Normalize each layer's pre-activations",
        on="batch",
    )


def input_dropout() -> Any:
    """The field of a `Dropout` of inputs."""
    return trick(
        default=None,
        rows=["T056"],
        paper="Srivastava+ 2014",
        summary="Zero input features at random in training",
        on=0.2,
        neutral=0.0,
    )


def drop_connect() -> Any:
    """The field of a `Dropout` of single weights."""
    return trick(
        default=None,
        rows=["T059"],
        paper="Wan+ 2013",
        summary="Zero single weights of hidden layers at random in training",
        on=0.5,
        neutral=0.0,
    )


def dropout() -> Any:
    """The field of a `Dropout` of hidden units."""
    return trick(
        default=None,
        rows=["T056", "T058"],
        paper="Srivastava+ 2014",
        summary="Zero hidden units at random in training",
        on=0.5,
        neutral=0.0,
    )
