"""The page of an examination: causes in the order of their certainty, cures with their verdicts, and the first examples."""

import html
from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from jaxtricks.diagnose.examination import Diagnosis, Examination
from jaxtricks.report.document import Rows, document, save_document
from jaxtricks.report.example import example, is_picture
from jaxtricks.report.plots import forest
from jaxtricks.report.text import setting, units_of
from jaxtricks.train.shown import Paged, paged

EXAMPLES = 16
STYLE = (
    ":root{color-scheme:light dark;--blue:#0065a0;--vermilion:#b04a00}"
    "@media(prefers-color-scheme:dark){:root{--blue:#62b5e8;--vermilion:#ff9657}}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "figure{margin:0}svg{max-width:36rem;width:100%;height:auto}img{image-rendering:pixelated;max-width:100%}"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(6rem,1fr));gap:.8rem}.wide{grid-template-columns:1fr}"
    "figcaption,blockquote{font-size:.85rem;line-height:1.3}blockquote{margin:0}"
    "table{border-collapse:collapse}th,td{padding:.3rem 1rem .3rem 0;text-align:left;vertical-align:top}"
    "thead th{border-bottom:1px solid}.scroll{overflow-x:auto}small{opacity:.75}code{overflow-wrap:anywhere}"
)
NOTE = (
    "A certainty is the sum of what symptoms and cures say for a cause, in log-odds that were fixed beforehand: it orders causes "
    "and is no frequency that was measured. Each cure has the learning rate that suits it, found on restarts not judged. "
    "A cause gets credit only for what its cure gains beyond another learning rate alone."
)


@dataclass(frozen=True, eq=False)
class ExaminationPage:
    """An examination as a page and as a folder.

    Args:
        found: what was found.

    >>> accuracy = jt.metrics.METRICS["accuracy"].declared
    >>> found = Examination(jt.Experiment(), jt.load("digits"), accuracy, 0.9, 16, (), (), ("inputs",), {})
    >>> ExaminationPage(found).name
    'digits-doctor'
    """

    found: Examination

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"{self.found.data.name.replace('/', '-')}-doctor"

    def html(self) -> str:
        """The page, one HTML file that loads no other file."""
        found = self.found
        headline = html.escape(str(found).splitlines()[0])
        parts = [f"<p><b>{headline}</b></p>"]
        if not found.ok:
            parts += [_cause(place, each) for place, each in enumerate(found.likely, 1)]
        if found.cure is not None and not found.ok:
            changes = found.cure.experiment.diff(found.experiment)
            cells = ((html.escape(path), setting(old), setting(new)) for path, (new, old) in changes.items())
            rows = "".join(f"<tr><td><code>{path}</code></td><td>{old}</td><td>{new}</td></tr>" for path, old, new in cells)
            head = "<thead><tr><th>setting</th><th>given</th><th>cured</th></tr></thead>"
            table = f'<div class="scroll"><table>{head}{rows}</table></div>'
            parts.append(f"<h2>The cure that helps most: {html.escape(found.cure.name)}</h2>{table}")
        if found.treated:
            judged = [replace(each.verdict, label=each.name) for each in found.treated]
            parts.append(f"<h2>Cures</h2><figure>{forest(judged, units_of(judged)).svg}</figure>")
        parts.append(f"<h2>The first examples</h2>{_examples(found)}")
        looked = f"Signs that were looked for: {html.escape(', '.join(found.signs))}."
        undone = "".join(f"<p>Not looked for: {html.escape(name)}: {html.escape(why)}</p>" for name, why in found.undone.items())
        parts.append(f"<p>{looked}</p>{undone}<p><small>{NOTE}</small></p>")
        return document(html.escape(f"Examination of a training on {found.data.name}"), STYLE, "".join(parts))

    def save(self, folder: Path | str) -> Path:
        """Writes the page, doctor.json, config.json of the experiment with the cure, if one helps, and cures.csv.

        Raises:
            FolderError: if there is something in it already, since nothing is overwritten, or if it cannot be written.
        """
        found = self.found
        rows: Rows = [
            ("cure", "cause", "decision", "difference", "p", "gained"),
            *(
                (each.name, each.cause, each.verdict.decision, each.verdict.difference, each.verdict.p, each.gained)
                for each in found.treated
            ),
        ]
        cured = {} if found.cure is None else {"config": found.cure.experiment.to_json()}
        return save_document(folder, self.html(), {"doctor": found.to_dict(), **cured}, {"cures": rows})


@paged.register
def _examination(found: Examination) -> Paged:
    return ExaminationPage(found)


def _cause(place: int, each: Diagnosis) -> str:
    """A cause with what speaks for it."""
    evidence = [symptom.text for symptom in each.evidence]
    cure = [] if each.treated is None else [f"Cure: {each.treated}"]
    said = "".join(f"<li>{html.escape(text)}</li>" for text in evidence + cure)
    return f"<h2>{place}. {html.escape(each.cause)} <small>certainty {each.certainty:.0%}</small></h2><ul>{said}</ul>"


def _examples(found: Examination) -> Markup:
    """The first inputs with their labels."""
    data = found.data
    places = range(min(EXAMPLES if is_picture(data) else 3, len(data)))
    figures = "".join(
        f"<figure>{example(data, place)}<figcaption>{html.escape(_label(found, place))}</figcaption></figure>" for place in places
    )
    return Markup(f'<div class="grid{"" if is_picture(data) else " wide"}">{figures}</div>')


def _label(found: Examination, place: int) -> str:
    """The label of an example, in the data's words."""
    data, y = found.data, found.data.y[place]
    if data.kind.per_step:
        return f"{len(y)} steps"
    if data.kind.one_class:
        return data.classes[int(y)]
    return ", ".join(f"{name} {value:g}" for name, value in zip(data.classes, y.reshape(-1).tolist(), strict=False))
