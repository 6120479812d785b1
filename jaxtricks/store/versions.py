"""The versions of what results depend on."""

import platform
from importlib import metadata

PACKAGES = ("jaxtricks", "jax", "jaxlib", "flax", "optax", "numpy")


def versions() -> dict[str, str]:
    """Gives the versions of Python and of the packages that results depend on, as they are installed.

    >>> sorted(versions())
    ['flax', 'jax', 'jaxlib', 'jaxtricks', 'numpy', 'optax', 'python']
    """
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES}
