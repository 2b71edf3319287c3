"""Code and formulas with each symbol in the colour that it has in the picture."""

import html
import re
from collections.abc import Iterable

# The same colours as in web/shared/lab.css: symbols on a light and on a dark page.
COLOURS = {
    "mu": ("#1668c7", "#6db3ff"),
    "sigma": ("#c05a00", "#ffa552"),
    "eps": ("#b3138f", "#f284dc"),
    "zed": ("#0b7a58", "#52d3a4"),
    "knob": ("#6d4bc4", "#b9a4ff"),
}


def style(dark: bool) -> str:
    """The colours as a style sheet."""
    rules = " ".join(f".nl-{name} {{ color: {pair[dark]}; font-weight: 600; }}" for name, pair in COLOURS.items())
    return (
        f"<style>{rules} .nl-source {{ font-size: 0.95rem; line-height: 1.45; overflow-x: auto; margin: 0; }} "
        # As high as the window allows, whatever its size.
        ":has(> .st-key-rule_source) { flex-basis: max(20rem, 100vh - 16rem) !important; } "
        ".st-key-script > div { height: max(24rem, 100vh - 13.5rem) !important; "
        "flex-basis: max(24rem, 100vh - 13.5rem) !important; }</style>"
    )


def coloured_formula(formula: str, symbols: Iterable[tuple[str, str, str]], dark: bool) -> str:
    """LaTeX whose symbols, see `vae_core.teaching.scripts.symbols`, have their colours."""
    kinds = {symbol: kind for symbol, _, kind in symbols}
    if not kinds:
        return formula
    longest_first = sorted(kinds, key=len, reverse=True)
    pattern = "|".join(rf"(?<![\\A-Za-z]){re.escape(symbol)}(?![A-Za-z])" for symbol in longest_first)
    return re.sub(pattern, lambda match: rf"\textcolor{{{COLOURS[kinds[match[0]]][dark]}}}{{{match[0]}}}", formula)


def coloured_code(code: str, symbols: Iterable[tuple[str, str, str]]) -> str:
    """Python source as HTML, with the names of symbols, see `vae_core.teaching.scripts.symbols`, in their colours."""
    kinds = {name: kind for _, name, kind in symbols}
    text = html.escape(code)
    if kinds:
        knobs = [name for name, kind in kinds.items() if kind == "knob"]
        others = [name for name, kind in kinds.items() if kind != "knob"]
        parts = [rf"(?<=knobs\.)(?:{'|'.join(knobs)})\b"] * bool(knobs)
        parts += [rf"(?<![\w.])(?:{'|'.join(others)})\b"] * bool(others)
        text = re.sub("|".join(parts), lambda m: f'<span class="nl-{kinds[m[0]]}">{m[0]}</span>', text)
    return f'<pre class="nl-source">{text}</pre>'
