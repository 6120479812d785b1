"""Examples of docstrings, as code: griffe, which reads them for the site, takes the prompts of examples for quotations."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)  # up to the next empty line


class Examples(griffe.Extension):
    """Puts examples into blocks of code, and leaves out what is meant for the test that runs them."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """A docstring with its examples as blocks of code."""
    text = re.sub(r" *# doctest: .*$", "", text, flags=re.MULTILINE)
    return EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", text)
