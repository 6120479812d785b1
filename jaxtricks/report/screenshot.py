"""A picture of a page, as a browser shows it."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from jaxtricks.config import ConfigError
from jaxtricks.store.folder import FolderError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NARROWEST = 500  # CSS pixels; Chromium makes no narrower window, and would cut the page off
PATIENCE = 60.0  # seconds
LIGHT, DARK = 1, 0  # as Chromium numbers what a reader prefers


def browser() -> str:
    """The program that takes pictures.

    Raises:
        FolderError: where none is installed.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise FolderError(f"a picture of a page needs a browser: {', '.join(BROWSERS)} are looked for, and none is installed.")
    return found


def picture(page: Path, target: Path, *, width: int = 1100, height: int = 1100, dark: bool = False) -> Path:
    """Takes a picture of the top of a page, with Chromium or Chrome.

    Args:
        page: an HTML file, such as the `report.html` of a run.
        target: the PNG file to write.
        width: CSS pixels, 500 or more.
        height: CSS pixels from the top.
        dark: whether the reader prefers dark pages.

    Returns:
        The target.

    Raises:
        ConfigError: for a window that is narrower than Chromium makes one.
        FolderError: where there is no such browser, or it makes no picture.
    """
    if width < NARROWEST:
        raise ConfigError(f"width = {width}: Chromium has no window so narrow; {NARROWEST} pixels or more are allowed.")
    program = browser()
    with tempfile.TemporaryDirectory(prefix="jaxtricks-") as profile:
        words = [
            *(program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"),
            *(f"--window-size={width},{height}", f"--blink-settings=preferredColorScheme={DARK if dark else LIGHT}"),
            *(f"--screenshot={target.absolute()}", page.absolute().as_uri()),
        ]
        try:
            subprocess.run(words, capture_output=True, timeout=PATIENCE, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise FolderError(f"{target} cannot be made: {Path(program).name} failed ({type(error).__name__}).") from error
    if not target.is_file():
        raise FolderError(f"{target} cannot be made: {Path(program).name} wrote no picture of {page}.")
    return target
