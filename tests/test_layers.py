"""Imports between rooms only go down, also those in functions and for type checkers; only `ui` knows Streamlit."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Lowest first. A room may import from the rooms before it, at any depth of nesting.
ROOMS = [
    "rule",
    "data",
    "rules",
    "run",
    "figures",
    "trainer",
    "storage",
    "exact",
    "analysis",
    "teaching",
    "workers",
    "commands",
    "engine",
    "ui",
]
LIGHT = ("run", "storage", "engine", "ui")  # the server's: no torch is loaded with them


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Modules that a file imports anywhere in it; ``from a import b`` counts as a.b too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def room(path: Path) -> str:
    return path.relative_to(ROOT / "vae_core").parts[0]


def inside() -> list[Path]:
    """The files of rooms; the package's own two entry files are above all of them."""
    return [path for path in files("vae_core") if path.parent != ROOT / "vae_core"]


def test_there_are_no_files_beside_the_rooms():
    assert {path.name for path in (ROOT / "vae_core").glob("*.py")} == {"__init__.py", "__main__.py"}
    assert {room(path) for path in inside()} == set(ROOMS)


def test_imports_only_go_down():
    for path in inside():
        for name in imports(path):
            if name.startswith("vae_core.") and (other := name.split(".")[1]) in ROOMS:
                assert ROOMS.index(other) <= ROOMS.index(room(path)), f"{path} imports {name}, which lies above it"


def test_widgets_import_the_server_and_nothing_runs_back():
    for path in files("vae_core/ui/server"):
        assert not [name for name in imports(path) if name.startswith("vae_core.ui.widgets")], path


def test_only_ui_and_pages_import_streamlit():
    for path in files("vae_core"):
        if "ui" not in path.relative_to(ROOT / "vae_core").parts:
            assert not any(name.split(".")[0] == "streamlit" for name in imports(path)), path


def test_pages_compute_nothing():
    for path in files("pages"):
        assert not {name for name in imports(path) if name.split(".")[0] in ("torch", "numpy")}, path
