import subprocess

import pytest

from jaxtricks.report.environment import _checkout

FILES = ("program.py", "pyproject.toml", "room/program.py", "result.json")


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "room").mkdir()
    for name in FILES:
        (tmp_path / name).write_text("1")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_no_checkout_and_one_without_a_commit_have_neither(tmp_path):
    assert _checkout(tmp_path) == (None, None)
    git(tmp_path, "init")
    assert _checkout(tmp_path) == (None, None)


@pytest.mark.parametrize("name", FILES[:3])
def test_a_changed_program_is_told(checkout, name):
    assert _checkout(checkout / "room") == (git(checkout, "rev-parse", "HEAD").strip(), False)
    (checkout / name).write_text("2")
    assert _checkout(checkout / "room")[1] is True


def test_results_and_folders_of_runs_are_no_part_of_the_program(checkout):
    (checkout / "result.json").write_text("2")
    (checkout / "new").write_text("a run's folder, say")
    assert _checkout(checkout)[1] is False
