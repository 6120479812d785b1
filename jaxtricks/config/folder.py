"""What a file of a folder declares is known by its name, since every file of the folder is imported."""

import importlib
import pkgutil
from collections.abc import Iterable


def import_files(package: str, path: Iterable[str]) -> None:
    """Imports all files of a package, so that the members of families and the data sets in them are registered.

    A file is added without being named anywhere else. Files whose names begin with an underscore are not imported.

    Args:
        package: the package's `__name__`.
        path: its `__path__`.

    >>> import jaxtricks.optim
    >>> import_files("jaxtricks.optim", jaxtricks.optim.__path__)
    """
    for file in pkgutil.iter_modules(path):
        if not file.name.startswith("_"):
            importlib.import_module(f"{package}.{file.name}")
