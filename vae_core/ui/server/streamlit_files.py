"""Streamlit's own scripts and style sheets, compressed once for all visitors."""

import asyncio
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vae_core.ui.server.address import served
from vae_core.ui.server.files import FOR_EVER, accepts_gzip, compressed

FOLDER = Path(st.__file__).parent / "static" / "static"
TYPES = {"js": "text/javascript", "css": "text/css"}


class StreamlitFiles:
    """Streamlit's scripts and style sheets, compressed once and kept: 0.6 MB for a first visit instead of 2.2, of
    which a class on one network feels each. Streamlit leaves that to a proxy, and reads each file for each visitor."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._paths = {
            served(f"static/{kind}/{path.name}"): path for kind in TYPES for path in (FOLDER / kind).glob("*")
        }
        self._kept: dict[str, Response] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is kept; all else is Streamlit's."""
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in self._paths:
            request = Request(scope)
            if accepts_gzip(request.headers):
                if scope["path"] not in self._kept:
                    self._kept[scope["path"]] = await asyncio.to_thread(self._pack, request)
                await self._kept[scope["path"]](scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _pack(self, request: Request) -> Response:
        path = self._paths[request.scope["path"]]
        return compressed(request, path.read_bytes(), TYPES[path.parent.name], FOR_EVER)


def middleware() -> list[Middleware]:
    """For `st.App`."""
    return [Middleware(StreamlitFiles)]
