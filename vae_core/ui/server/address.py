"""The lab's addresses: from the root of the app, which only the browser knows, as a proxy may put it below any path."""

import streamlit as st

LAB = "noise-lab"  # the lab's own addresses; in what a browser is sent they have no slash before, see ui/web, root.js
LONGEST_ROOT = 200  # characters


def served(path: str) -> str:
    """The path of a route, below what the server itself is told to live under (``server.baseUrlPath``).

    Args:
        path: from the root of the app, without a slash before; "" is the first page.
    """
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{base}/{path}" if base else f"/{path}"


def is_root(path: str) -> bool:
    """Whether a browser's word of the app's root can be one: a path that begins and ends with a slash."""
    plain = path.isascii() and path.isprintable() and not set(path) & set(' ?#\\"<>')
    return plain and len(path) <= LONGEST_ROOT and path[:1] == path[-1:] == "/" and "//" not in path
