"""What mkdocs builds beside the files of this folder: made of the library, the README, the claims and their results."""

import inspect
import re
import types
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import jaxtricks as jt
from experiments import lectures, record
from experiments.claims import ROOT
from jaxtricks.cli.entry import COMMANDS, found
from jaxtricks.cli.parser import Parser
from jaxtricks.experiment.catalogue import catalogue

REPOSITORY = ROOT.parent
BLOB = "https://github.com/jaxtricks/jaxtricks/blob/main/"
OVERVIEWS = {"verdicts.md": ("What a verdict means", "The one rule"), "speed.md": ("Speed",)}  # page → chapters of the README


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The order of the pages; chapters and namespaces are those that there are."""
    chapters = [path for path in lectures.pages(catalogue(), record.load(ROOT)) if path != "lectures/index.md"]
    config.nav = [
        {"jaxtricks": "index.md"},
        {"Ten minutes": "tutorial.md"},
        {"Which question?": "questions.md"},
        {"What a verdict means": "verdicts.md"},
        {"The lectures": ["lectures/index.md", *chapters]},
        {"Commands": "commands.md"},
        {"Reference": ["reference/index.md", *(f"reference/{name}.md" for name in namespaces())]},
        {"Speed": "speed.md"},
        {"Design": "design.md"},
        {"Contributing": "contributing.md"},
        {"Changes": "changelog.md"},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made, and the figures of the claims."""
    for path, text in made().items():
        files.append(File.generated(config, path, content=text))
    for name in lectures.figures(record.load(ROOT)):
        picture = ROOT / "results" / f"{name}.svg"
        files.append(File.generated(config, f"lectures/figures/{name}.svg", abs_src_path=str(picture)))
    return files


def made() -> dict[str, str]:
    """Path → text of each page that is not a file of this folder."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    head = readme.partition("\n## From Python")[0].replace("](docs/", "](")
    ways = (
        "\n[Ten minutes](tutorial.md) from an experiment to a verdict. [Which question do I ask?](questions.md) "
        "[What the lectures say](lectures/index.md), and what came of it. The [commands](commands.md), and the "
        "[reference](reference/index.md).\n"
    )
    pages = {"index.md": linked(head + ways)}
    pages |= {
        path: linked("\n".join(chapter(readme, title, level) for level, title in enumerate(titles, 1)))
        for path, titles in OVERVIEWS.items()
    }
    pages["contributing.md"] = linked((REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    pages["changelog.md"] = linked((REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"))
    pages["commands.md"] = commands()
    return pages | lectures.pages(catalogue(), record.load(ROOT)) | reference()


def chapter(text: str, title: str, level: int) -> str:
    """A chapter of the README: the first one of a page is its title."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"the README has no chapter {title!r}.")
    return f"{'#' * min(level, 2)} {title}\n{found[1]}"


def linked(text: str) -> str:
    """A file of the repository's top, whose links to other files lead into the repository."""
    return re.sub(r"(?<!!)\]\((?!https?:|#)([\w./-]+\.(?!md\))\w+|(?:[\w.-]+/)+[\w.-]*|[A-Z]+\.md)\)", _blob, text)


def _blob(found: re.Match[str]) -> str:
    return f"]({BLOB}{found[1]})" if (REPOSITORY / found[1]).exists() else found[0]


def commands() -> str:
    """The page of the command line: what `--help` says of each command."""
    parts = [
        f"## jaxtricks {name}\n\n{sentence}\n\n```text\n{Parser(found(name), name).format_help()}```\n"
        for name, (_, sentence) in COMMANDS.items()
    ]
    return "# Commands\n\n" + "\n".join(parts)


def namespaces() -> dict[str, types.ModuleType]:
    """Name → namespace of the first page."""
    return {name: value for name in jt.__all__ if isinstance(value := getattr(jt, name), types.ModuleType)}


def reference() -> dict[str, str]:
    """The pages of the reference: the names of the first page, and one page for each namespace."""
    spaces = namespaces()
    listed = "".join(
        f"- [`jt.{name}`]({name}.md): {inspect.cleandoc(module.__doc__ or '').partition(chr(10))[0]}\n"
        for name, module in spaces.items()
    )
    shown: dict[str, str] = {}  # each is documented once: in its namespace, or on the first page
    pages = {
        f"reference/{name}.md": f"# jt.{name}\n\n{inspect.cleandoc(module.__doc__ or '')}\n\n{_names(module, shown)}"
        for name, module in spaces.items()
    }
    return pages | {"reference/index.md": f"# Reference\n\n{listed}\n{_names(jt, shown)}"}


def _names(module: types.ModuleType, shown: dict[str, str]) -> str:
    """What mkdocstrings renders of a module: its public classes and functions that no page has shown yet."""
    values: list[Any] = [getattr(module, name) for name in module.__all__]
    paths = [f"{v.__module__}.{v.__qualname__}" for v in values if inspect.isclass(v) or inspect.isroutine(v)]
    new = {path: module.__name__ for path in paths if path not in shown}
    shown.update(new)
    return "".join(f"::: {path}\n\n" for path in new)
