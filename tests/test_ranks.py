"""Imports go down the list of rooms only, and in no circle inside a room."""

import ast
import graphlib
from pathlib import Path

import pytest

import jaxtricks

RANKS = [
    {"bucket", "config", "rng", "statistics"},
    {"data"},
    {"baselines"},
    {"checks"},
    {"nn"},
    {"models", "objectives"},
    {"optim"},
    {"experiment"},
    {"restart"},
    {"engine"},
    {"store"},
    {"train"},
    {"evaluate"},
    {"search"},
    {"diagnose"},
    {"prune"},
    {"report"},
    {"publish"},
    {"cli"},
    {"estimators", "extend", "losses", "metrics", "moved", "schedules"},  # the face: nothing imports it
]
ROOT = Path(jaxtricks.__file__).parent
RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}


def _imports(path: Path) -> set[tuple[str, ...]]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "jaxtricks":
            parts = tuple(node.module.split(".")[1:])
            found |= {parts} if parts else {(alias.name,) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {tuple(a.name.split(".")[1:]) for a in node.names if a.name.startswith("jaxtricks.")}
    return found


def _file(parts: tuple[str, ...]) -> Path:
    """The file of a module, or of the module that holds the name."""
    for end in range(len(parts), 0, -1):
        for path in (ROOT.joinpath(*parts[:end]).with_suffix(".py"), ROOT.joinpath(*parts[:end], "__init__.py")):
            if path.exists():
                return path
    raise AssertionError(f"jaxtricks.{'.'.join(parts)} is in no file")


def _files(path: Path) -> set[Path]:
    """The files of the package that a file imports; imports under TYPE_CHECKING and inside functions count too."""
    nodes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom) and n.module]
    named = {(*n.module.split("."), alias.name) for n in nodes for alias in n.names}
    return {_file(parts[1:]) for parts in named if parts[0] == "jaxtricks"}


def _libraries(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {module.split(".")[0] for module in modules}


def _room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


FILES = [p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py"]


def test_every_room_has_a_rank() -> None:
    assert {_room(p) for p in FILES} <= set(RANK)


def test_imports_go_down() -> None:
    upward = [
        f"{path.relative_to(ROOT)} imports {'.'.join(parts)}"
        for path in FILES
        for parts in _imports(path)
        if parts[0] != _room(path) and RANK[parts[0]] >= RANK[_room(path)]
    ]
    assert not upward


@pytest.mark.parametrize("room", sorted({_room(p) for p in FILES}))
def test_files_of_a_room_import_in_no_circle(room: str) -> None:
    files = [p for p in FILES if _room(p) == room]
    graph = {path: {imported for imported in _files(path) if _room(imported) == room} for path in files}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" imports ".join(str(path.relative_to(ROOT)) for path in reversed(error.args[1])))


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert not {name: files for name, files in places.items() if len(files) > 1}


def test_no_room_imports_another_inside_a_function() -> None:
    hidden = [
        f"{path.relative_to(ROOT)}:{inner.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.ImportFrom) and (inner.module or "").startswith("jaxtricks") and "digits" not in inner.module
    ]
    assert not hidden


def test_heavy_libraries_have_one_room() -> None:
    rooms = {"tensorflow_datasets": {"data"}, "orbax": {"store"}, "matplotlib": {"report"}, "fsspec": {"bucket"}}
    users = {library: {_room(path) for path in FILES if library in _libraries(path)} for library in rooms}
    assert all(users[library] <= allowed for library, allowed in rooms.items()), users
    assert users["matplotlib"]
