"""Results that show themselves as a page, from Python and in notebooks."""

import functools
import html
import importlib
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any, Protocol

from jaxtricks.store.folder import PAGE, fresh

HEIGHT = 640  # of a page inside a notebook, in CSS pixels; the rest is scrolled


class Paged(Protocol):
    """A result as a page and as a folder.

    Attributes:
        name: what its folder is called, such as "digits-compare".

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> paged(jt.fit(base, digits, seeds=4, progress=False)).html().startswith("<!DOCTYPE html>")
    True
    """

    @property
    def name(self) -> str: ...

    def html(self) -> str:
        """The page, one HTML file that loads no other file."""

    def save(self, folder: Path | str) -> Path:
        """Writes the run's folder; gives its path."""


@functools.singledispatch
def paged(result: Any) -> Paged:
    """Gives a result as a page; `jaxtricks.report` registers the kinds of results that it can draw.

    Raises:
        TypeError: for another kind.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> "4 restarts" in paged(jt.fit(base, digits, seeds=4, progress=False)).html()
    True
    """
    importlib.import_module("jaxtricks.report")  # registers the kinds; drawing is the last that a program needs
    draw = paged.dispatch(type(result))
    if draw is paged.dispatch(object):
        raise TypeError(f"{type(result).__name__} is no result that has a page.")
    return draw(result)


class Shown:
    """A result with a page: `save` writes it, `show` opens it, and a notebook displays it.

    >>> issubclass(jt.Runs, Shown) and issubclass(jt.evaluate.Study, Shown)
    True
    """

    def save(self, folder: Path | str | None = None) -> Path:
        """Writes a run's folder: the page, `report.html`, and the numbers as files; `jaxtricks list runs` finds it.

        Args:
            folder: absent or empty, or a URL such as gs://bucket/runs/a; by default the next free one, such as
                runs/digits-compare-1.

        Returns:
            The folder.

        Raises:
            FolderError: if there is something already, since nothing is overwritten, or if it cannot be written.
        """
        result = paged(self)
        return result.save(fresh("runs", result.name) if folder is None else folder)

    def show(self) -> Path:
        """Opens the page in a browser, or in the notebook; gives the file, which lies in a temporary folder."""
        target = Path(tempfile.mkdtemp(prefix="jaxtricks-")) / PAGE
        target.write_text(paged(self).html(), encoding="utf-8")
        if "ipykernel" in sys.modules:
            from IPython.display import display

            display(self)  # type: ignore[no-untyped-call]
        else:
            webbrowser.open(target.as_uri())
        return target

    def _repr_html_(self) -> str:
        shown = paged(self)
        page, title = html.escape(shown.html()), html.escape(shown.name)
        return f'<iframe srcdoc="{page}" title="{title}" style="width: 100%; height: {HEIGHT}px; border: 0"></iframe>'
