"""A rule that has no script yet: its file as it is, for the PyTorch script."""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vae_core.teaching.scripts.template import Code, ScriptError, taken_apart

RULES = Path(__file__).parents[2] / "rules"
KNOWN = {
    "Batch",
    "Knobs",
    "Latent",
    "Rule",
    "beta_knob",
    "knob",
    "kl_to_prior",
    "LATENT",
}  # of vae_core.rule: torch/own_rule.py has them


def read_rule(rule: str, knobs: Mapping[str, Any]) -> dict[str, Any]:
    """What torch/own_rule.py is filled with, read from the rule's file without running it.

    Raises:
        ScriptError: there is no such file, or the rule needs more of ours than a script holds.
    """
    path = RULES / f"{rule}.py"
    hint = f"add vae_core/teaching/scripts/torch/rules/{rule}.py"
    if not str(rule).isidentifier() or not path.exists():
        raise ScriptError(f"No script yet for the rule {rule!r}: {hint}.")
    source = path.read_text(encoding="utf-8")
    title, imports, body = taken_apart(source)
    ours = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vae_core")
        for alias in node.names
    }
    names = {name.removeprefix("vae_core.rule.") for name in ours}
    more = sorted(names - KNOWN) or (["its setting"] if "setting." in source else [])
    kinds = [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and "Rule" in map(ast.unparse, node.bases)
    ]
    if more or len(kinds) != 1:
        why = f"it needs {', '.join(more)} of ours" if more else f"its file has {len(kinds)} rules"
        raise ScriptError(f"No script yet for the rule {rule!r}, as {why}: {hint}.")
    return {
        "own_title": title.rstrip(".") or kinds[0],
        "own_class": Code(kinds[0]),
        "own_knobs": dict(knobs),
        "own_names": names,
        "own_imports": [line for line in imports if not line.startswith(("from vae_core", "import vae_core"))],
        "own_body": body,
    }
