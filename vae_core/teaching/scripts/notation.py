"""The symbols of the formulas, their names in the code, and the class that gives both one colour."""

import re
from pathlib import Path

RULES = Path(__file__).parents[2] / "rules"
SYMBOLS = {  # name in the code -> LaTeX, class
    "mean": (r"\mu", "mu"),
    "scale": (r"\sigma", "sigma"),
    "log_scale": (r"\log\sigma", "sigma"),
    "log_variance": (r"\log\sigma^2", "sigma"),
    "lower": ("L", "sigma"),
    "rho": (r"\rho", "sigma"),
    "sigma0": (r"\sigma_0", "sigma"),
    "noise_std": (r"\sigma_n", "sigma"),
    "eps": (r"\varepsilon", "eps"),
    "z": ("z", "zed"),
    "beta": (r"\beta", "knob"),
    "lam": (r"\lambda", "knob"),
    "s": ("s", "knob"),
    "a": ("a", "knob"),
    "n": ("n", "knob"),
}


def symbols(rule: str) -> list[tuple[str, str, str]]:
    """(LaTeX, name in the code, class) of each symbol that the forward pass of a rule names.

    The classes mu, sigma, eps and zed are the colours of the picture; knob is what a slider moves.

    Raises:
        ValueError: there is no such rule.
    """
    path = RULES / f"{rule}.py"
    if not path.is_file():
        raise ValueError(f"There is no rule {rule!r}: vae_core/rules/{rule}.py is missing.")
    forward = path.read_text(encoding="utf-8").partition("def forward(")[2].partition("\n")[2]
    # A knob is read as knobs.a: a bare "a" may be any variable.
    seen = {name: rf"\bknobs\.{name}\b" if kind == "knob" else rf"\b{name}\b" for name, (_, kind) in SYMBOLS.items()}
    return [(pair[0], name, pair[1]) for name, pair in SYMBOLS.items() if re.search(seen[name], forward)]
