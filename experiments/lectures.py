"""The site's pages on the lectures: a trick, what the lecture says, our verdict, the switch; made of catalogue and results.

Nothing here is written by hand, so that nothing can be out of date: the tricks are those of the catalogue, statements and
verdicts those of the results that are kept, and each switch is parsed by the command line before it is shown.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from experiments import record
from experiments.evidence import Runs
from experiments.record import Result, stem
from jaxtricks.cli.words import changed
from jaxtricks.config import Field, choices, fields, items, parse
from jaxtricks.config.families import name_of
from jaxtricks.evaluate.claim import LECTURES, Paper, Ruling
from jaxtricks.evaluate.compare import short
from jaxtricks.experiment.catalogue import Entry
from jaxtricks.experiment.experiment import Experiment

HOME = "lectures"  # the folder of these pages
BEYOND = "beyond"  # the page of the tricks that no claim is about
OPENING = """# What the lectures say

Four university lectures on training neural networks say what helps. Each statement is held against runs: it is *supported*,
*refuted*, or *inconclusive*, by a criterion that stands in the claim's file. Networks are small here, examples few, and runs take
minutes: a verdict is about these settings, and your own task is what `jaxtricks compare` is for.

| chapter | tricks | statements | supported | refuted | inconclusive |
|---|---:|---:|---:|---:|---:|
"""
ABOUT = """
The switch goes to `jaxtricks compare --data DATA`, with as many `--change` as you like; in Python it is
`base.replace({"path": value})`. The verdicts are of statements that name the trick, and not of your task.

"""
TABLE = "| trick | switch | verdicts |\n|---|---|---|\n"


class Switch(NamedTuple):
    """How a trick is switched on.

    Args:
        before: path → the word of what must be there for the trick to have a place, such as a model that has it.
        path: of the setting.
        word: its value, as the command line reads it.
    """

    before: Mapping[str, str]
    path: str
    word: str

    @classmethod
    def of(cls, entry: Entry) -> "Switch":
        """The switch of a trick of the catalogue, as the command line takes it.

        Raises:
            ConfigError: where it does not.
        """
        path, _, choice = entry.path.partition("=")
        before: dict[str, str] = {}
        if entry.models and name_of(type(Experiment().model)) not in entry.models:
            before["model"] = entry.models[0]
        names = path.split(".")
        for place in range(1, len(names)):
            above = ".".join(names[:place])
            if _at(before, above)[1] is None:
                before[above] = "on"
            field, value = _at(before, above)
            if names[place] not in fields(type(value)):  # the first choice that has it
                before[above] = next(name for name, cls in choices(field.type).items() if names[place] in fields(cls))
        word = choice or _worded(_set(before), path, entry)
        changed(_set(before), [f"{path}={word}"])
        return cls(before, path, word)

    def __str__(self) -> str:
        flags = [f"--{path.replace('_', '-')} {word}" for path, word in self.before.items()]
        return " ".join([*flags, f"--change {self.path}={self.word}"])


def _set(words: Mapping[str, str]) -> Experiment:
    return changed(Experiment(), [f"{path}={word}" for path, word in words.items()])


def _at(words: Mapping[str, str], path: str) -> tuple[Field, Any]:
    """A setting's declaration and its value, of the default experiment with some words."""
    return next((field, value) for each, field, value in items(_set(words)) if each == path)


def _worded(experiment: Experiment, path: str, entry: Entry) -> str:
    """The value of a first try in words, or "on" where words would not say it."""
    word = short(entry.trick.tried)
    try:
        return word if parse(experiment, path, [word]) == entry.trick.tried else "on"
    except ValueError:
        return "on"


class Told(NamedTuple):
    """A trick and the statements that name it, by common rows of the inventory."""

    entry: Entry
    claims: tuple[Result, ...]

    @property
    def chapter(self) -> str:
        """The chapter that most of these statements are in, the first one of several; that of the others without any."""
        counted = Counter(claim["chapter"] for claim in self.claims)
        return counted.most_common(1)[0][0] if counted else BEYOND


def pages(entries: Sequence[Entry], results: Sequence[Result]) -> dict[str, str]:
    """Path of a page → its text in Markdown; figures are linked as `figures/CLAIM-SCALE.svg`.

    Args:
        entries: the catalogue.
        results: all that are kept, as `record.load` gives them.
    """
    largest = record.largest(results)
    told = [Told(entry, tuple(r for r in largest.values() if set(r["rows"]) & set(entry.trick.rows))) for entry in entries]
    chapters = sorted({result["chapter"] for result in largest.values()})
    by_chapter = {name: [runs for runs in largest.values() if runs["chapter"] == name] for name in chapters}
    tricks = {name: [each for each in told if each.chapter == name] for name in [*chapters, BEYOND]}
    found = {f"{HOME}/index.md": OPENING + "".join(_counted(name, tricks[name], by_chapter[name]) for name in chapters)}
    for name in chapters:
        claims = "".join(_section(Runs.of(claim, results)) for claim in by_chapter[name])
        table = TABLE + "".join(map(_row, tricks[name])) if tricks[name] else "No switch of the library belongs to it.\n"
        found[f"{HOME}/{name}.md"] = f"# {title(name)}\n{ABOUT}{table}\n## Statement by statement\n{claims}"
    found[f"{HOME}/index.md"] += f"\n[Tricks that the lectures do not name]({BEYOND}.md): {len(tricks[BEYOND])}.\n"
    head = f"# Beyond the lectures\n{ABOUT}| trick | switch |\n|---|---|\n"
    found[f"{HOME}/{BEYOND}.md"] = head + "".join(f"| {_named(each.entry)} | {_code(each.entry)} |\n" for each in tricks[BEYOND])
    return found


def figures(results: Iterable[Result]) -> list[str]:
    """The stems of the figures that the pages show.

    Args:
        results: all that are kept.
    """
    return [stem(result) for result in record.largest(results).values()]


def title(name: str) -> str:
    """A chapter's title.

    Args:
        name: of its folder.
    """
    return name.replace("_", " ").capitalize()


def _counted(name: str, tricks: Sequence[Told], claims: Sequence[Result]) -> str:
    counted = Counter(claim["verdict"] for claim in claims)
    numbers = [counted[ruling] for ruling in (Ruling.SUPPORTED, Ruling.REFUTED, Ruling.INCONCLUSIVE)]
    return f"| [{title(name)}]({name}.md) | {len(tricks)} | {len(claims)} | {' | '.join(map(str, numbers))} |\n"


def _named(entry: Entry) -> str:
    name = re.split("[.=]", entry.path)[-1].replace("_", " ")
    return f"**{name}**: {plain(entry.trick.summary)} ({plain(entry.trick.paper)})"


def _code(entry: Entry) -> str:
    return f"`{str(Switch.of(entry)).replace('|', chr(92) + '|')}`"


def _row(told: Told) -> str:
    links = [
        f"[{claim['verdict']}]({'' if claim['chapter'] == told.chapter else claim['chapter'] + '.md'}#{claim['claim']})"
        for claim in told.claims
    ]
    return f"| {_named(told.entry)} | {_code(told.entry)} | {', '.join(links)} |\n"


def _section(runs: Runs) -> str:
    result, again, twice = runs
    papers = "; ".join(str(Paper(each["text"], each["source"])) for each in result["papers"])  # type: ignore[arg-type]
    more = [
        f" {words}: **{run['verdict']}**."
        for words, run in (("Run again, on other restarts", again), ("Trained twice as long", twice))
        if run is not None
    ]
    parts = "".join(f"    - {plain(part['name'])}: **{part['ruling']}**, {plain(part['text'])}\n" for part in result["parts"])
    return f"""
### {title(result["claim"])} {{ #{result["claim"]} }}

> {plain(result["statement"])}
>
> — {plain(LECTURES[result["lecture"]])}

**{result["verdict"].capitalize()}**: {plain(result["effect"])}.{"".join(more)}

??? note "How it was measured"

    {plain(result["method"])} Refuted by: {plain(result["refuted_by"])} To hold it against: {plain(papers)}.

{parts}
    ![Figure of {title(result["claim"])}](figures/{stem(result)}.svg){{ loading=lazy }}
"""


def plain(text: str) -> str:
    """Words in which Markdown finds nothing to format but code between backticks.

    >>> print(plain("f_1(x) < *g* in `f_1`"))
    f\\_1(x) &lt; \\*g\\* in `f_1`

    Args:
        text: the words.
    """
    parts = re.split(r"(`[^`|]+`)", " ".join(text.split()))  # every other one is code
    return "".join(part if place % 2 else _escaped(part) for place, part in enumerate(parts))


def _escaped(text: str) -> str:
    escaped = re.sub(r"([\\`*_{}\[\]#|])", r"\\\1", text)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
