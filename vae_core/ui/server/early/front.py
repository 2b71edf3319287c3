"""The first page: Streamlit's own, with a script that opens the run, and the lab, before Streamlit has loaded."""

import asyncio
import json
import re
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from vae_core.ui.server.files import FILES, FOR_EVER, accepts_gzip, assets, compressed

HEAD = FILES / "head.js"
INDEX = Path(st.__file__).parent / "static" / "index.html"
STREAMLIT = re.compile(r'<script type="module" crossorigin src="([\w./-]+)"></script>')
PRELOAD = re.compile(r'<link rel="modulepreload" crossorigin href="([\w./-]+)">\s*')
# Streamlit starts when the lab has drawn its first frame: it would keep the browser busy for a third of a second. Without
# a lab it waits for the last of these moments.
AFTER = """<script type="module">
      await new Promise((go) => {{
        addEventListener("noise-lab-drawn", go, {{ once: true }});
        setTimeout(go, {patience});
      }});
      import("{script}");
    </script>"""
PATIENCE = 600  # ms


@cache
def page() -> bytes:
    """Ahead of all else: what opens the run, then the lab's script, and what that needs."""
    index, head = INDEX.read_text(encoding="utf-8"), HEAD.read_text(encoding="utf-8")
    first = f"<script>{{\nconst hrefs = {json.dumps(PRELOAD.findall(index))};\n{head}}}</script>"
    sheets = "".join(f'<link rel="preload" as="style" href="{assets()}/{name}.css">' for name in ("style", "classroom"))
    script = f'<script type="module" async src="{assets()}/main.js"></script>'
    index = PRELOAD.sub("", index).replace("<head>", f"<head>{first}{script}{sheets}", 1)
    return STREAMLIT.sub(lambda found: AFTER.format(script=found[1], patience=PATIENCE), index, count=1).encode()


async def front(request: Request) -> Response:
    return Response(page(), media_type="text/html", headers={"Cache-Control": "no-cache"})


class Shelf:
    """Streamlit's scripts and style sheets, compressed once and kept: 0.6 MB for a first visit instead of 2.2, of
    which a class on one network feels each. Streamlit leaves that to a proxy, and reads each file for each visitor."""

    TYPES = {"js": "text/javascript", "css": "text/css"}

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        folder = INDEX.parent / "static"
        self._paths = {f"/static/{kind}/{path.name}": path for kind in self.TYPES for path in (folder / kind).glob("*")}
        self._kept: dict[str, Response] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in self._paths:
            request = Request(scope)
            if accepts_gzip(request.headers):
                app = self._kept.get(scope["path"]) or await asyncio.to_thread(self._pack, request)
        await app(scope, receive, send)

    def _pack(self, request: Request) -> Response:
        path = self._paths[request.scope["path"]]
        response = compressed(request, path.read_bytes(), self.TYPES[path.parent.name], FOR_EVER)
        self._kept[request.scope["path"]] = response
        return response


def middleware() -> list[Middleware]:
    """For `st.App`."""
    return [Middleware(Shelf)]


def routes() -> list[Route]:
    """For `st.App`."""
    return [Route("/", front)]
