"""The first page: Streamlit's own, with a line that starts the lab while Streamlit still loads."""

from functools import cache
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vae_core.ui.files import assets

INDEX = Path(st.__file__).parent / "static" / "index.html"


@cache
def page() -> bytes:
    """Ahead of all else that the page asks for, so that it comes first: the lab's script, and what that needs."""
    sheets = "".join(f'<link rel="preload" as="style" href="{assets()}/{name}.css">' for name in ("style", "classroom"))
    script = f'<script type="module" async data-early src="{assets()}/main.js"></script>'
    return INDEX.read_text().replace("<head>", f"<head>{script}{sheets}", 1).encode()


async def front(request: Request) -> Response:
    return Response(page(), media_type="text/html", headers={"Cache-Control": "no-cache"})


def routes() -> list[Route]:
    """For `st.App`."""
    return [Route("/", front)]
