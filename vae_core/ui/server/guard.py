"""Whose page may open a socket: the server's own, by what the browser and a proxy say, or one that it is told of."""

from functools import lru_cache
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from streamlit import net_util
from streamlit.logger import get_logger
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

LOCAL = {"localhost", "127.0.0.1", "0.0.0.0", "::1"}  # as Streamlit: a proxy on this machine names it so


def objection(headers: Headers, by_proxy: bool = True) -> str | None:
    """Why the page that opens a socket may not, and what to set; None if it may.

    Browsers name the page in ``Origin``, which no page can change. It may if that is the host that was asked, by a
    proxy's word too, or one that Streamlit's own socket accepts, but for the address that it asks other servers for.

    Args:
        by_proxy: whether a proxy's word counts; for Streamlit's own socket it does not.
    """
    origin, host = headers.get("origin"), headers.get("host", "")
    if not is_host_allowed(host):
        return told(f"This server does not answer for {host!r:.80}: see its setting server.allowedHosts.")
    if origin is None or not st.get_option("server.enableCORS"):
        return None
    page = urlsplit(origin)
    forwarded = headers.get("x-forwarded-host", "") if by_proxy else ""
    if page.netloc and page.netloc in [host, *(name.strip() for name in forwarded.split(","))]:
        return None
    allowed = st.get_option("server.corsAllowedOrigins")
    if page.hostname and page.hostname in LOCAL | {
        urlsplit(each if "//" in each else f"//{each}").hostname for each in allowed
    }:
        return None
    if page.hostname and page.hostname == net_util.get_internal_ip():  # which sends nothing
        return None
    return told(
        f"The page is at {origin:.80}, and the server was asked for {host:.80}: a proxy between them hides the name. "
        "Let it hand on the Host header (nginx: proxy_set_header Host $http_host;), or start the server with "
        f"--server.corsAllowedOrigins {origin:.80}."
    )


@lru_cache(maxsize=64)
def told(text: str) -> str:
    """A sentence that the log has too, once."""
    get_logger("noise_lab").warning(text)
    return text
