"""Makes the pictures of the README and the site: what commands give, in a browser without a window.

`python docs/screenshots.py` makes all of them, in some minutes; names make those, such as `page`. It needs Chromium or Chrome.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from jaxtricks.report import FolderError, picture
from jaxtricks.report.screenshot import browser

FOLDER = Path(__file__).parent
PAGES = {  # the picture's name → the command that writes the page
    "page": "demo",
    "doctor": "doctor --data digits --seeds 8 --optimizer.rule sgd --learning-rate 1e-4",
    "search": "search --data digits --trials 64 --space learning_rate=log:1e-4:1e-1 model.dropout=0:0.5",
}


def main(names: list[str]) -> None:
    """Makes pictures.

    Args:
        names: which; none for all.
    """
    if unknown := sorted(set(names) - set(PAGES)):
        sys.exit(f"screenshots: there is no picture {unknown[0]!r}; there are: {', '.join(PAGES)}.")
    try:
        browser()  # before the commands, which take minutes
        for name in names or PAGES:
            with tempfile.TemporaryDirectory() as place:
                command = [sys.executable, "-m", "jaxtricks.cli", *PAGES[name].split(), "--out", f"{place}/run"]
                subprocess.run(command, check=True)
                print(picture(Path(place) / "run/report.html", FOLDER / f"{name}.png"), flush=True)
    except FolderError as error:
        sys.exit(f"screenshots: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
