import subprocess

import pytest

from jaxtricks.report.environment import _checkout


@pytest.fixture
def checkout(tmp_path):
    def git(*words):
        subprocess.run(
            ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.c", *words], check=True, capture_output=True
        )

    for name in ("program.py", "pyproject.toml", "result.json"):
        (tmp_path / name).write_text("1")
    (tmp_path / "room").mkdir()
    (tmp_path / "room/program.py").write_text("1")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    return tmp_path


@pytest.mark.parametrize("name", ["program.py", "pyproject.toml", "room/program.py"])
def test_a_changed_program_is_told(checkout, name):
    assert _checkout(checkout / "room")[1] is False
    (checkout / name).write_text("2")
    assert _checkout(checkout / "room")[1] is True


def test_results_are_no_part_of_the_program(checkout):
    (checkout / "result.json").write_text("2")
    commit, dirty = _checkout(checkout / "room")
    assert len(commit) == 40 and dirty is False
