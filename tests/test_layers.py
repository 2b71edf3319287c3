"""Imports only go down, and vae_core knows nothing of Streamlit."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Lowest first. A module may import from modules before it, at any depth of nesting.
LAYERS = [
    "limits",
    "uploads",
    "idx",
    "originals",
    "cache",
    "tables",
    "mirrors",
    "digits",
    "data",
    "frame",
    "thinning",
    "widths",
    "networks",
    "properties",
    "neighbours",
    "drawing",
    "walks",
    "rule",
    "normalisation",
    "rules",
    "recipe",
    "training_key",
    "scripts",
    "adam",
    "batches",
    "measures",
    "classifier",
    "trainer",
    "exact",
    "codes",
    "fields",
    "assessment",
    "run",
    "link",
    "parcel",
    "inspection",
    "export",
    "catalogue",
    "views",
    "figures",
    "claims",
    "lessons",
    "commands",
    "glimpse",
    "lane",
    "worker",
    "lane_process",
    "node",
    "bridge",
    "bridge_process",
    "cluster",
    "gauge",
    "lean",
    "turns",
    "feed",
    "live",
    "store",
    "trainings",
    "library",
    "engine",
    "contrasts",
    "lockstep",
    "sweep",
    "classroom",
    "ui",
]


def modules() -> dict[str, ast.Module]:
    """Layer -> what its files import; the package's own two entry files are above all layers."""
    return {path: ast.parse(path.read_text()) for path in (ROOT / "vae_core").rglob("*.py")}


def imports(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return names


def typing_only(tree: ast.Module) -> set[str]:
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    return set().union(*(imports(ast.Module(block.body, [])) for block in blocks))


def test_only_ui_and_pages_import_streamlit():
    for path, tree in modules().items():
        if "ui" not in path.relative_to(ROOT / "vae_core").parts:
            assert not any(name.split(".")[0] == "streamlit" for name in imports(tree)), path


def test_imports_only_go_down():
    for path, tree in modules().items():
        layer = path.relative_to(ROOT / "vae_core").parts[0].removesuffix(".py")
        if layer in ("__init__", "__main__"):
            continue
        assert layer in LAYERS, f"{path.name} is in no layer: add it to LAYERS"
        for name in imports(tree) - typing_only(tree):
            if name.startswith("vae_core."):
                below = name.split(".")[1]
                assert LAYERS.index(below) <= LAYERS.index(layer), f"{path.name} imports {below}, which lies above it"


def test_pages_compute_nothing():
    for path in (ROOT / "pages").glob("*.py"):
        names = imports(ast.parse(path.read_text()))
        assert not {n for n in names if n.split(".")[0] in ("torch", "numpy")}, path
