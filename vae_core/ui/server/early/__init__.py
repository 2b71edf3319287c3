"""The early page: the run plays almost a second before Streamlit's page has loaded.

`front` rewrites Streamlit's index.html so that the browser opens the run of the page's link first (``head.js`` and
``early.js`` in `ui/web`), `runs` opens it and keeps it until the page's Streamlit session takes it over. An accelerator
that can be taken out: the app calls `routes`, the session `take`, the stage ``startEarly``; nothing else knows of it.
``NOISE_LAB_EARLY=0`` switches it off; where Streamlit's page is not as it is known, it steps aside by itself.
"""

import os
from collections.abc import Iterable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from vae_core.engine.player import LiveRun
from vae_core.ui.server.address import LAB, served
from vae_core.ui.server.early.front import INDEX, front_page, watched_page
from vae_core.ui.server.early.runs import early, early_runs
from vae_core.ui.server.visitor import Asked

SWITCH = "NOISE_LAB_EARLY"
COOKIE = "noise_lab_early"  # the token of a page's early run, see head.js


def routes(pages: Iterable[str] = ()) -> list[Route | WebSocketRoute]:
    """For `st.App`; none where it is switched off, or cannot be.

    Args:
        pages: names of the pages beside the first, which are watched alone.
    """
    try:
        index = "" if os.environ.get(SWITCH) == "0" else INDEX.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        index = ""
    page, other = front_page(index), watched_page(index)
    if page is None or other is None:
        return []

    async def front(request: Request) -> Response:
        return html(page)

    async def beside(request: Request) -> Response:
        return html(other)

    return [
        *(Route(served(name), beside) for name in pages),
        Route(served(""), front),
        WebSocketRoute(served(f"{LAB}/early/{{token}}"), early),
    ]


def html(page: str) -> Response:
    """A page that a browser asks for again each time."""
    return Response(page, media_type="text/html", headers={"Cache-Control": "no-cache"})


def take(marks: Mapping[str, str], asked: Asked) -> LiveRun | None:
    """The run that the page of a session has opened already, if it is of this link."""
    token = marks.get(COOKIE)
    return early_runs().take(token, asked) if token else None
