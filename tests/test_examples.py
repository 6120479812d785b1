"""The examples in docstrings run."""

import doctest
import importlib
import io
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt

NAMES = {"jt": jt, "jax": jax, "jnp": jnp, "np": np, "__name__": "example"}  # what an example defines is none of the package
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = [
    importlib.import_module(info.name)
    for info in pkgutil.walk_packages(jt.__path__, "jaxtricks.")
    if not info.name.endswith("__main__")
]
EXAMPLES = [found for module in MODULES for found in doctest.DocTestFinder().find(module, extraglobs=NAMES) if found.examples]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_gives_what_it_says(example):
    said = io.StringIO()
    result = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.write, clear_globs=False)
    assert not result.failed, said.getvalue()
