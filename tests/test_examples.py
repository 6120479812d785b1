"""The examples in docstrings run, and every public name has one."""

import doctest
import importlib
import inspect
import io
import pkgutil
import pydoc
import re
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt

# Public names whose example takes longer than a second: it stands there, and is not run.
LONG = {"jaxtricks.diagnose.noise.gradient_noise_scale", "jaxtricks.diagnose.examine.examine"}

NAMES = {"jt": jt, "jax": jax, "jnp": jnp, "np": np, "__name__": "example"}  # what an example defines is none of the package
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Finder(doctest.DocTestFinder):
    """Finds the examples of decorated functions, too."""

    def _from_module(self, module, object):
        return super()._from_module(module, inspect.unwrap(object))


MODULES = [
    importlib.import_module(info.name)
    for info in pkgutil.walk_packages(jt.__path__, "jaxtricks.")
    if not info.name.endswith("__main__")
]
EXAMPLES = [found for module in MODULES for found in Finder().find(module, extraglobs=NAMES) if found.examples]


@pytest.fixture
def only_constants():
    """Examples show all baselines."""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_gives_what_it_says(example):
    said = io.StringIO()
    result = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.write, clear_globs=False)
    assert not result.failed, said.getvalue()


def public():
    """The public classes and functions, by the module that each stands in and its name there."""
    modules = [jt, *(value for name in jt.__all__ if isinstance(value := getattr(jt, name), types.ModuleType))]
    values = [getattr(module, name) for module in modules for name in module.__all__]
    values = [value for value in values if inspect.isclass(value) or inspect.isroutine(value)]
    return {f"{value.__module__}.{value.__qualname__}" for value in values}


def test_every_public_name_has_an_example():
    assert not public() - {example.name for example in EXAMPLES}


def test_every_public_example_is_run_but_for_the_long_ones():
    skipped = {found.name for found in EXAMPLES if any(example.options.get(doctest.SKIP) for example in found.examples)}
    assert skipped == LONG


def test_what_docstrings_refer_to_is_there():
    """Every `jaxtricks.room.file.name` in the sources."""
    sources = "\n".join(path.read_text() for path in Path(jt.__file__).parent.rglob("*.py"))
    named = set(re.findall(r"`(jaxtricks\.[a-z_]+(?:\.\w+)+)`", sources))
    assert len(named) > 10
    assert not [name for name in named if pydoc.locate(name) is None]
