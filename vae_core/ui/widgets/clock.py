"""Pages beside the stage: no stream brings them frames, so they ask for their pictures again while a run trains."""

from collections.abc import Callable

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.ui.widgets.session import current_run, stay_with
from vae_core.workers.errors import LaneError


def run_beside_stage(every: float) -> LiveRun:
    """The tab's run, which trains on until the page's next picture, ``every`` seconds later."""
    run, _ = current_run()
    stay_with(run, 2 * every + 1)
    return run


def follow(going: Callable[[], bool], every: float, picture: Callable[[], None], once_more: bool = True) -> None:
    """Show a picture, again every few seconds while something goes on; then the page once more, without the clock,
    unless it has something that must not be made anew.

    A `LaneError` of the picture is said in its place.
    """
    started = going()

    def pictures() -> None:
        try:
            picture()
        except LaneError as error:
            st.error(str(error))
        if once_more and started and not going():
            st.rerun()

    st.fragment(pictures, run_every=every if started else None)()


def follow_run(run: LiveRun, every: float, picture: Callable[[], None], once_more: bool = True) -> None:
    """Show a picture of `run_beside_stage`, again while the run plays."""

    def pictures() -> None:
        stay_with(run, 2 * every + 1)
        picture()

    follow(lambda: run.playing, every, pictures, once_more)


def play_button(run: LiveRun, width: int | None = None) -> bool:
    """Play, or pause where the run plays; whether it was clicked."""
    label, icon = ("Pause", ":material/pause:") if run.playing else ("Play", ":material/play_arrow:")
    click = run.pause if run.playing else run.play
    return st.button(label, icon=icon, on_click=click, disabled=run.status == "diverged", width=width or "content")
