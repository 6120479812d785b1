"""Tables that come with scikit-learn, as data sets: iris, wine, breast_cancer and diabetes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from jaxtricks.data.cache import Arrays
from jaxtricks.data.checks import check_images
from jaxtricks.data.embedded import embedded
from jaxtricks.data.examples import Examples
from jaxtricks.data.labels import TaskName
from jaxtricks.data.text import Text

TEST = 0.2  # the share of the rows that is locked away, the same rows for everybody


def table(name: str, examples: int, columns: int, classes: int, task: TaskName = "classes", **options: Any) -> None:
    """Registers one of scikit-learn's tables.

    Args:
        name: its name here, and after `sklearn.datasets.load_`.
        examples: the number of rows in the pool.
        columns: the number of its columns.
        classes: the number of its classes; of values 1.
        task: what is predicted.
        options: those of scikit-learn's function.
    """
    register: Callable[[Any], Any] = embedded(name, examples=examples, shape=(columns,), classes=classes, task=task)
    register(partial(_read, name, task, options))


def _read(name: str, task: TaskName, options: dict[str, Any], words: int | None, text: Text | None) -> Arrays:
    import sklearn.datasets  # a second to import
    from sklearn.model_selection import train_test_split

    check_images(name, words, text, holds="numbers")
    found = getattr(sklearn.datasets, f"load_{name}")(**options)
    x, y, names = found.data.astype(np.float32), found.target.astype(np.int32), found.get("target_names")
    if task == "values":
        y = found.target.astype(np.float32)[:, None]
    strata = None if task == "values" else y
    pool, test = train_test_split(np.arange(len(x)), test_size=TEST, stratify=strata, random_state=0)
    return Arrays(
        Examples(x[pool], y[pool]),
        Examples(x[test], y[test]),
        ("target",) if names is None else tuple(map(str, names)),
        features=tuple(map(str, found.feature_names)),
        task=task,
    )


table("iris", 120, 4, 3)
table("wine", 142, 13, 3)
table("breast_cancer", 455, 30, 2)
table("diabetes", 353, 10, 1, "values", scaled=False)
