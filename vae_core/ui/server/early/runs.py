"""Runs of pages whose Streamlit session has not begun, and the socket at which they come to the page."""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

import streamlit as st
from starlette.websockets import WebSocket

from vae_core.data import DataError, load_dataset
from vae_core.engine.player import LiveRun
from vae_core.run.link import from_query
from vae_core.ui.server.replies import Gone, Opened
from vae_core.ui.server.run_socket import RunSocket, images_of, socket_of
from vae_core.ui.server.socket import is_barred, turn_away
from vae_core.ui.server.state import engine
from vae_core.ui.server.visitor import Asked, dataset_of, left_behind, marks_of
from vae_core.workers.errors import LaneError


class EarlyRuns:
    """Runs of pages whose Streamlit session has not begun. A page names its run by a token that it made up: to its
    socket in the path, to the session in a cookie, which other tabs may have written over."""

    def __init__(self) -> None:
        self._runs: dict[str, tuple[Asked, Future[LiveRun | None]]] = {}

    def open(self, token: str, query: Mapping[str, Sequence[str]], cookies: Mapping[str, str]) -> LiveRun | None:
        """The run of a link, as the session would open it; None if there is anything to say or to wait for first."""
        try:
            asked = recipe, pending, points = from_query(query)
        except ValueError:
            return None
        if not token or token in self._runs or not at_hand(dataset_of(recipe)):
            return None
        run: LiveRun | None = None
        opening: Future[LiveRun | None] = Future()
        self._runs[token] = asked, opening
        try:
            run = left_behind(marks_of(query, cookies), asked)
            run = run or engine().open(recipe, pending, points, owner=secrets.token_hex(8))
        except (LaneError, ValueError):
            pass  # the session will meet it too, and say it
        finally:
            opening.set_result(run)
        return run

    def take(self, token: str, asked: Asked) -> LiveRun | None:
        """The run of a token, once, if it is of this link; waits while it opens."""
        known, opening = self._runs.get(token, (None, None))
        if opening is None or known != asked or self._runs.pop(token, None) is None:
            return None
        return opening.result()

    def forget(self, token: str) -> None:
        """Its page is gone."""
        self._runs.pop(token, None)


@st.cache_resource(show_spinner=False)
def early_runs() -> EarlyRuns:
    """Those of this server."""
    return EarlyRuns()


def at_hand(dataset: str) -> bool:
    """Whether there is such a data set here, and nothing stands in for it."""
    try:
        return load_dataset(dataset, download=False).banner is None
    except (DataError, ValueError):
        return False


async def early(socket: WebSocket) -> None:
    """The run of a page's link, before the page's session has begun. If there is anything to say about the link, that
    is left to the session."""
    if await is_barred(socket):
        return
    token, query = socket.path_params["token"], socket.query_params
    asked = {name: query.getlist(name) for name in query}
    try:
        run = await asyncio.to_thread(early_runs().open, token, asked, socket.cookies)
        if run is None:
            await turn_away(socket, Gone(type="gone"))
            return
        await socket.accept()
        await socket.send_text(json.dumps(Opened(type="opened", socket=socket_of(run), images=images_of(run))))
        await RunSocket(socket, run).serve()
    finally:
        early_runs().forget(token)
