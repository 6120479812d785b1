"""The wheel holds the whole package, and what it unpacks to starts without the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from jaxtricks.cli.entry import COMMANDS

building = pytest.importorskip("hatchling.builders.wheel")
pytest.importorskip("hatch_vcs")

pytestmark = pytest.mark.filterwarnings("default")  # a copy without git's history is warned of
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built by the libraries that are installed: pip would fetch its own."""
    folder = tmp_path_factory.mktemp("dist")
    (built,) = building.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return Path(built)


def test_it_holds_every_file_of_the_package_and_no_other(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
    package = (path for path in (ROOT / "jaxtricks").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert names == {path.relative_to(ROOT).as_posix() for path in package}
    assert {Path(name).suffix for name in names} == {".py", ".pyi", ".jinja", ".typed"}
    assert wheel.stat().st_size < 1_500_000


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory):
    """A folder in which Python finds what pip would install."""
    place = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(place)
    return place


def said(place, code):
    environment = os.environ | {"PYTHONPATH": str(place)}
    ended = subprocess.run([sys.executable, "-c", code], cwd=place, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_its_version_is_the_one_that_it_was_built_with(unpacked, wheel):
    code = "import jaxtricks; print(jaxtricks.__file__); print(jaxtricks.__version__)"
    file, version = said(unpacked, code).splitlines()
    assert Path(file).is_relative_to(unpacked) and wheel.name == f"jaxtricks-{version}-py3-none-any.whl"


def test_its_command_is_found_and_knows_all_commands(unpacked):
    code = """
        from importlib.metadata import entry_points
        (main,) = (script.load() for script in entry_points(group="console_scripts", name="jaxtricks"))
        main(["--help"])
    """
    told = said(unpacked, "\n".join(line.strip() for line in code.splitlines()))
    assert all(f"\n  {name} " in told for name in COMMANDS)
