"""Code and formulas with each symbol in the colour that it has in the picture."""

import html
import re
from collections.abc import Iterable

# The same colours as in live/style.css: symbols on a light and on a dark page.
COLOURS = {
    "mu": ("#1668c7", "#6db3ff"),
    "sigma": ("#c05a00", "#ffa552"),
    "eps": ("#b3138f", "#f284dc"),
    "zed": ("#0b7a58", "#52d3a4"),
    "knob": ("#6d4bc4", "#b9a4ff"),
}
LETTERS = {"μ": "mu", "σ": "sigma", "ρ": "sigma", "ε": "eps", "z": "zed", "β": "knob", "λ": "knob"}


def style(dark: bool) -> str:
    """The colours as a style sheet."""
    rules = " ".join(f".nl-{name} {{ color: {pair[dark]}; font-weight: 600; }}" for name, pair in COLOURS.items())
    return (
        f"<style>{rules} .nl-source {{ font-size: 0.95rem; line-height: 1.45; overflow-x: auto; margin: 0; }} "
        ".nl-formula { font-size: 1.6rem; text-align: center; padding: 0.3rem 0; }</style>"
    )


def coloured_formula(mathml: str) -> str:
    """MathML whose letters μ, σ, ε, z … have their colours."""

    def paint(match: re.Match) -> str:
        return f'<mi class="nl-{LETTERS[match[1]]}">{match[1]}</mi>'

    letters = "".join(LETTERS)
    plain = re.sub(r"&#x([0-9A-Fa-f]+);", lambda m: html.escape(chr(int(m[1], 16))), mathml)
    painted = re.sub(f"<mi>([{letters}])</mi>", paint, plain)
    return f'<div class="nl-formula">{painted}</div>'


def coloured_code(code: str, symbols: Iterable[tuple[str, str, str]]) -> str:
    """Python source as HTML, with the names of symbols, see `vae_core.scripts.symbols`, in their colours."""
    kinds = {name: kind for _, name, kind in symbols}
    text = html.escape(code)
    if kinds:
        knobs = [name for name, kind in kinds.items() if kind == "knob"]
        others = [name for name, kind in kinds.items() if kind != "knob"]
        parts = [rf"(?<=knobs\.)(?:{'|'.join(knobs)})\b"] * bool(knobs)
        parts += [rf"(?<![\w.])(?:{'|'.join(others)})\b"] * bool(others)
        text = re.sub("|".join(parts), lambda m: f'<span class="nl-{kinds[m[0]]}">{m[0]}</span>', text)
    return f'<pre class="nl-source">{text}</pre>'
