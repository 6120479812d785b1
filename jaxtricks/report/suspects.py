"""The page of likely label errors: a small grid of pictures, or texts and rows."""

import html
from dataclasses import dataclass
from pathlib import Path

from jaxtricks.data import Dataset
from jaxtricks.evaluate.label_errors import LabelErrors, Suspect
from jaxtricks.report.document import Rows, document, save_document
from jaxtricks.report.example import example, is_picture
from jaxtricks.train.shown import Paged, paged

MOST = 100  # examples on the page
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(8rem,1fr));gap:1rem}.wide{grid-template-columns:1fr}"
    "figure{margin:0}figcaption{font-size:.85rem;line-height:1.3}img{image-rendering:pixelated;border:1px solid #ccc}"
    "blockquote{margin:0;font-size:.9rem}small{color:#555}"
)


@dataclass(frozen=True, eq=False)
class SuspectsPage:
    """Likely label errors as a page and as a folder.

    Args:
        found: what was found.

    >>> digits = jt.load("digits").subset(200, seed=0)
    >>> p = np.full((200, 10), 0.1)
    >>> SuspectsPage(jt.evaluate.LabelErrors.of(digits, p, members=1)).name
    'digits-label-errors'
    """

    found: LabelErrors

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"{self.found.data.name.replace('/', '-')}-label-errors"

    def html(self) -> str:
        """The page, one HTML file that loads no other file."""
        found, data = self.found, self.found.data
        suspects = found.first(min(MOST, int(found.flagged.sum())))
        pictures = is_picture(data)
        figures = "".join(_figure(data, suspect) for suspect in suspects)
        grid = f'<div class="grid{"" if pictures else " wide"}">{figures}</div>'
        title = html.escape(f"Likely label errors of {data.name}")
        shown = f" The first {len(suspects)} are shown, the likeliest first." if len(suspects) < found.flagged.sum() else ""
        said = f"<p>{html.escape(found.summary)}{shown} A label that is flagged may be right, and the example hard.</p>"
        note = (
            "Confident learning (Northcutt+ 2021): pruned by noise rate, ordered by the probability of the given label minus "
            "that of the best other class."
        )
        return document(title, STYLE, f"{said}{grid}<p><small>{note}</small></p>")

    def save(self, folder: Path | str) -> Path:
        """Writes the page, and all flagged labels as label_errors.csv and label_errors.json; gives the folder.

        Raises:
            FolderError: if there is something in it already, since nothing is overwritten, or if it cannot be written.
        """
        content, columns = self.found.to_dict(), list(Suspect.__dataclass_fields__)
        rows: Rows = [columns, *([suspect[column] for column in columns] for suspect in content["suspects"])]
        return save_document(folder, self.html(), {"label_errors": content}, {"label_errors": rows})


@paged.register
def _suspects(found: LabelErrors) -> Paged:
    return SuspectsPage(found)


def _figure(data: Dataset, suspect: Suspect) -> str:
    """One example, with its given and its suggested label."""
    label = f"<b>{html.escape(suspect.given)}</b> → {html.escape(suspect.suggested)}?"
    caption = f"<figcaption>{label}<br><small>{suspect.place}; margin {suspect.margin:+.2f}</small></figcaption>"
    return f"<figure>{example(data, suspect.place)}{caption}</figure>"
