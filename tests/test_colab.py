"""The notebooks are what their scripts say, and run at the size that each names for a smoke test."""

import re
from pathlib import Path

import jax
import jupytext
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from traitlets.config import Config

import jaxtricks as jt

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "colab").glob("*.py"))
named = pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda path: path.stem)
WORKS = {  # what must be among a notebook's outputs
    "doctor": "uphill",
    "ensembles": "ensemble of",
    "language_model": "perplexity",
    "lottery_tickets": "initial",
    "luck": "95% interval",
    "own_data": "455 examples",
    "quickstart": "3 restarts",
    "search": "winner",
    "tpu_restarts": "'runs': ",
}


def small(script):
    """A notebook without the cell that installs, and with its smoke sizes after those that it names."""
    notebook = jupytext.read(script)
    notebook.cells = [cell for cell in notebook.cells if "install" not in cell.metadata.get("tags", [])]
    (sizes,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    smoke = sizes.metadata["smoke"]
    assert set(smoke) <= set(re.findall(r"^(\w+) = ", sizes.source, re.MULTILINE))
    sizes.source = "\n".join([sizes.source, *(f"{name} = {value!r}" for name, value in smoke.items())])
    return notebook


def few(*words, load=jt.load, **options):
    """A data set by its name, with few of its examples."""
    data = load(*words, **options)
    return data.subset(min(300, len(data) // 2), seed=0)


@named
def test_notebook_is_its_script(script):
    notebook, text = jupytext.read(script.with_suffix(".ipynb")), jupytext.read(script)
    assert [(c.cell_type, c.source, c.metadata) for c in notebook.cells] == [
        (c.cell_type, c.source, c.metadata) for c in text.cells
    ]
    assert not any(cell.get("outputs") for cell in notebook.cells)


@named
@pytest.mark.filterwarnings("default")  # IPython's own
def test_notebook_runs_in_this_process(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jt, "load", few)
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    for cell in small(script).cells:
        if cell.cell_type == "code":
            shell.run_cell(cell.source).raise_error()
    said = capsys.readouterr()
    assert WORKS[script.stem] in said.out and "Traceback" not in said.out + said.err


@pytest.mark.filterwarnings("default")  # Jupyter's own
def test_a_notebook_runs_in_a_kernel(monkeypatch, tmp_path):
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")  # compiles in a third of the time
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", jax.config.jax_compilation_cache_dir)
    notebook = small(ROOT / "colab/tpu_restarts.py")
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("3 restarts" in str(output) for output in outputs)


def test_the_readme_links_every_notebook():
    readme = (ROOT / "README.md").read_text()
    linked = re.findall(r"colab\.research\.google\.com/github/jaxtricks/jaxtricks/blob/main/colab/(\w+)\.ipynb", readme)
    assert sorted(linked) == [script.stem for script in NOTEBOOKS]
