"""The live component: the pipeline, the plane, the strips, the curves and the timeline of a run."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.engine.rooms import Room
from vae_core.ui.server import room_socket
from vae_core.ui.server.files import loader
from vae_core.ui.server.run_socket import images_of, socket_of

_component = st.components.v2.component(
    "noise_lab_stage",
    html="<div class='lab'></div>\n<!-- filled by playground/main.js -->",
    js=loader("playground/main.js"),
)


def stage(
    run: LiveRun,
    *,
    key: str,
    on_move: Callable[[str], None],
    guide: dict[str, Any] | None = None,
    on_used: Callable[[dict[str, Any]], None] = lambda used: None,
    projector: bool = False,
) -> None:
    """Show a run.

    Args:
        on_move: gets the socket address that the browser moves to at a reset or a fork.
        guide: of a lesson: id, hide (names of controls), press (control, after, value of each to be used), done, how
            many of these have been, and whether the next one is lit.
        on_used: gets id and done of the guide after a lit control was used.
        projector: large type and thick points.
    """
    data = {"socket": socket_of(run), "images": images_of(run), "projector": projector}
    _component(
        key=key,
        data=data | ({"guide": guide} if guide else {}),
        on_socket_change=lambda: on_move(st.session_state[key]["socket"]),
        on_used_change=lambda: on_used(st.session_state[key]["used"]),
        on_gone_change=lambda: None,  # the script runs again, and finds another run
    )


def stage_of_room(room: Room, *, key: str) -> int | None:
    """Show what a room shows, to look at and not to steer.

    Returns:
        the step from which the viewer wants a run of its own, once, after it has asked for one.
    """
    data = {"socket": room_socket.socket_of(room), "watching": True}
    wish = _component(key=key, data=data, on_fork_change=lambda: None).fork
    return int(wish["step"]) if wish else None
