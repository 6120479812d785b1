"""Imports go down the list of rooms only."""

import ast
from pathlib import Path

import jaxtricks

RANKS = [
    {"config", "rng", "statistics"},
    {"data", "nn"},
    {"models", "objectives", "optim"},
    {"experiment"},
    {"restart"},
    {"engine"},
    {"store"},
    {"train"},
    {"evaluate"},
    {"diagnose"},
    {"report"},
    {"cli"},
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
    rooms = {"tensorflow_datasets": {"data"}, "orbax": {"store"}, "matplotlib": {"report"}, "tyro": {"cli"}}
    users = {library: {_room(path) for path in FILES if library in _libraries(path)} for library in rooms}
    assert all(users[library] <= allowed for library, allowed in rooms.items()), users
    assert users["matplotlib"] and users["tyro"]
