"""Which run a browser tab is looking at."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from vae_core.data import DATASETS, DataError, load_dataset
from vae_core.engine.player import LiveRun
from vae_core.engine.rooms import Room
from vae_core.run.link import from_query
from vae_core.ui.server import early
from vae_core.ui.server.state import engine
from vae_core.ui.server.visitor import OWNER, RUN, dataset_of, left_behind, marks_of, owner
from vae_core.workers.errors import LaneError, Refused, ServerFull

COMPLAINT = "complaint"  # in the session state: what the tab's link gets wrong
REST_HOLDS = "The rest of the link holds."


def current_run() -> tuple[LiveRun, str | None]:
    """The tab's run, and a sentence if its link could not be opened as it is.

    A new tab opens the run of its link; one that was loaded again, or whose server was started
    again, goes on where it was. What a link gets wrong is said, and the default run starts in its
    place, so that nobody meets an empty page.
    """
    run = engine().runs.get(st.session_state.get(RUN, ""))
    if run is not None:
        return run, st.session_state.get(COMPLAINT)
    complaint = None
    query: dict[str, Sequence[str]] = {name: st.query_params.get_all(name) for name in st.query_params}
    for attempt in (query, *without_one(query)):
        try:
            run = open_link(attempt)
        except ValueError as error:
            complaint = complaint or str(error)
        except LaneError as error:
            if not isinstance(error, Refused):
                title = "This server is full" if isinstance(error, ServerFull) else "The engine did not start"
                st.error(str(error), title=title)
                st.stop()
            complaint = complaint or str(error)
        else:
            complaint = complaint and f"{complaint} {REST_HOLDS}"
            break
    if run is None:
        run, complaint = open_default(complaint)
    st.session_state[RUN], st.session_state[COMPLAINT] = run.id, complaint
    return run, complaint


def open_link(query: Mapping[str, Sequence[str]]) -> LiveRun:
    """The run of a link: the one that opened before the page's session had begun, the one that this browser left, or
    a new one.

    Raises:
        ValueError, LaneError: it cannot be.
    """
    asked, marks = from_query(query), marks_of(query, st.context.cookies)
    run = early.take(marks, asked) or left_behind(marks, asked)
    if run is not None:
        st.session_state[OWNER] = run.owner or owner()
        return run
    recipe, pending, points = asked
    fetch(dataset_of(recipe))
    return engine().open(recipe, pending, points, owner=owner())


def without_one(query: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Sequence[str]]]:
    """A query without one of its settings, in turn, where there are others: one of them may be wrong."""
    if len(query) > 1:
        for left_out in query:
            yield {name: values for name, values in query.items() if name != left_out}


def open_default(complaint: str | None) -> tuple[LiveRun, str | None]:
    """The run of an empty link, on the embedded digits if MNIST cannot be read."""
    try:
        return engine().open({}, owner=owner()), complaint
    except LaneError as error:
        return engine().open({"dataset": "digits"}, owner=owner()), str(error)


def fetch(dataset: str) -> None:
    """Make sure that a data set is at hand, with a progress bar where it must be downloaded."""
    place = st.empty()
    if dataset in DATASETS:  # another name is refused where the recipe is checked
        load_dataset(dataset, progress=lambda done, words: place.progress(done, words))
    place.empty()


def start(recipe: dict[str, Any], points: int) -> None:
    """Give the tab a new run, or say why it cannot be; the old one then stays."""
    try:
        open_run(recipe, points)
    except (LaneError, DataError) as error:
        st.error(str(error))
        return
    st.rerun()


def open_run(recipe: dict[str, Any], points: int) -> None:
    """Give the tab a new run.

    Raises:
        LaneError, DataError: it cannot be; the tab keeps the run that it has.
    """
    fetch(recipe["dataset"])
    run = engine().open(recipe, points=points, owner=owner())
    st.session_state[RUN], st.session_state[COMPLAINT] = run.id, None


def fork_for_tab(room: Room, step: int) -> None:
    """Give the tab a run of its own, from a frame of the run on show in a room; that one trains on.

    Raises:
        LaneError: the worker is lost.
    """
    st.session_state[RUN], st.session_state[COMPLAINT] = engine().fork(room.run, step, owner=owner()).id, None


def moved_to(socket: str) -> None:
    """The browser has moved to another run by itself, after a reset, a fork or its button Back."""
    with suppress(LaneError):
        run = engine().recall(socket.rsplit("/", 1)[-1])  # Back may lead to one that rests on the disk
        if run is not None:
            st.session_state[RUN] = run.id


def stay_with(run: LiveRun, seconds: float) -> None:
    """Let a run train on for some seconds: a page beside the stage has no stream that watches it."""
    if run.autoplay:
        run.autoplay = False
        run.play()
    run.watch(lambda what: None)()  # a run that rested goes on
    run.left_at = time.monotonic() + seconds
