"""Publishing a trained model: files that JAX alone and NumPy alone read, a model card, and the Hugging Face Hub."""

from jaxtricks.publish.exported import export
from jaxtricks.publish.hub import pull, push
from jaxtricks.publish.published import Published

__all__ = [
    "Published",
    "export",
    "pull",
    "push",
]


def __dir__() -> list[str]:
    return __all__
