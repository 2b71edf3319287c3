"""The first page: Streamlit's own, with a script that opens the run, and the lab, before Streamlit has loaded."""

import json
import re
from pathlib import Path

import streamlit as st

from vae_core.ui.server.files import FILES, assets

HEAD, WATCH = FILES / "early" / "head.js", FILES / "early" / "watch.js"
INDEX = Path(st.__file__).parent / "static" / "index.html"
MODULE = '<script type="module"'
STREAMLIT = re.compile(rf'{MODULE} crossorigin src="([\w./-]+)"></script>')
PRELOAD = re.compile(r'<link rel="modulepreload" crossorigin href="([\w./-]+)">\s*')
# Streamlit starts when the lab has drawn its first frame: it would keep the browser busy for a third of a second.
# Without a lab it waits for the last of these moments.
AFTER = """<script type="module">
      await new Promise((go) => {{
        addEventListener("noise-lab-drawn", go, {{ once: true }});
        setTimeout(go, {patience});
      }});
      import("{script}");
    </script>"""
PATIENCE = 600  # ms


def watched_page(index: str) -> str | None:
    """Any page but the first: Streamlit's, with what says why it does not come where it does not.

    Args:
        index: Streamlit's page.

    Returns:
        None where that is not as it is known: with one head.
    """
    return index.replace("<head>", f"<head>{watch()}") if index.count("<head>") == 1 else None


def watch() -> str:
    """The script that says why nothing comes."""
    script = json.dumps(f"{assets()}/shared/silence.js")
    return f"<script>{{\nconst silenceScript = {script};\n{WATCH.read_text(encoding='utf-8')}}}</script>"


def front_page(index: str) -> str | None:
    """Ahead of all else: what opens the run, then the lab's script, and what that needs.

    Args:
        index: Streamlit's page.

    Returns:
        None where that is not as it is known: one head, and one script that starts Streamlit.
    """
    if not (index.count("<head>") == index.count(MODULE) == len(STREAMLIT.findall(index)) == 1):
        return None
    head = HEAD.read_text(encoding="utf-8")
    first = f"<script>{{\nconst hrefs = {json.dumps(PRELOAD.findall(index))};\n{head}}}</script>"
    sheets = "".join(
        f'<link rel="preload" as="style" href="{assets()}/{name}">' for name in ("shared/lab.css", "room/room.css")
    )
    script = f'<script type="module" async src="{assets()}/playground/main.js"></script>'
    index = PRELOAD.sub("", index).replace("<head>", f"<head>{first}{watch()}{script}{sheets}")
    return STREAMLIT.sub(lambda found: AFTER.format(script=found[1], patience=PATIENCE), index)
