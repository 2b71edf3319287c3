"""Whose runs are where: each visitor's own shelf, and the shared one, which is of who runs the server.

A visitor is known by a cookie that the browser keeps. Whoever runs the server keeps runs on the shared shelf.
"""

import secrets
from dataclasses import dataclass

import streamlit as st

from vae_core.storage.library import SECRET, Library, LibraryError, library_folder, shelf_folder, sweep_passing
from vae_core.ui.server.files import loader
from vae_core.ui.server.visitor import SHELF
from vae_core.ui.widgets.admin_form import owns_the_server

# In the session state: what the browser says, and said; a name for this tab alone.
TOLD, NAME, PASSING = "library_shelf", "library_shelf_name", "library_shelf_passing"
REFUSED = "refused"  # told where the browser keeps no cookies

_component = st.components.v2.component("noise_lab_shelf", js=loader("library/main.js"))


@dataclass(frozen=True)
class Shelf:
    """Runs that are kept together.

    Attributes:
        shared: all see them.
        lasting: they are found again in another tab, and tomorrow.
    """

    library: Library
    shared: bool
    lasting: bool = True

    @property
    def changeable(self) -> bool:
        """Whether this visitor may change what lies there."""
        return not self.shared or owns_the_server()

    def for_changes(self) -> Library:
        """The runs, for who may change them.

        Raises:
            LibraryError: that is somebody else.
        """
        if not self.changeable:
            raise LibraryError(
                "The shared shelf is changed by who runs this server alone. Save a run to your own shelf."
            )
        return self.library


def shelves() -> list[Shelf]:
    """Those that this visitor sees: the one that takes what is saved first."""
    shared = Shelf(Library(library_folder()), shared=True)
    own = own_shelf()
    if owns_the_server():
        return [shared, own] if own.library.entries() else [shared]
    return [own, shared]


def own_shelf() -> Shelf:
    """That of this browser; of this tab alone, where the browser keeps no cookies."""
    secret = kept_name()
    if secret:
        return Shelf(Library(shelf_folder(secret)), shared=False)
    sweep_passing()
    name: str = st.session_state.setdefault(PASSING, secrets.token_hex(16))
    return Shelf(Library(shelf_folder(name, passing=True)), shared=False, lasting=False)


def kept_name() -> str:
    """The name of this browser's shelf, or "" while there is none."""
    told = (st.session_state.get(TOLD) or {}).get("shelf")
    if told:  # the component's own state ends with its page
        st.session_state[NAME] = told
    for name in (st.context.cookies.get(SHELF), st.session_state.get(NAME)):
        if isinstance(name, str) and SECRET.fullmatch(name):
            return name
    return ""


def meet_the_browser() -> None:
    """At a browser's first visit, let it name its shelf; the page runs again then."""
    if not (st.context.cookies.get(SHELF) or owns_the_server()):
        _component(key=TOLD, on_shelf_change=lambda: None)


def refused() -> bool:
    """Whether the browser keeps no cookies."""
    return not kept_name() and st.session_state.get(NAME) == REFUSED
