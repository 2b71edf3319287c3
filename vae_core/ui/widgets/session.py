"""Which run a browser tab is looking at."""

import secrets
import time
from collections.abc import Mapping
from concurrent.futures import Future

import streamlit as st

from vae_core.data.datasets import ADDED, DATASETS, DataError, add_files, load_dataset
from vae_core.engine.player import LiveRun
from vae_core.run.link import from_query
from vae_core.run.recipe import Recipe
from vae_core.ui.server.state import engine
from vae_core.workers.errors import LaneError, Refused, ServerFull

RUN, OWNER = "run", "owner"  # in the session state: the run's id, and the tab's random name
COOKIE = "noise_lab_runs"  # the last runs of this browser, see live/own_runs.js
REMEMBERED = 6
EARLY = "noise_lab_early"  # the cookie with the token of a page's early run, see live/head.js

Asked = tuple[dict, list[dict], int]  # recipe, changes and points of a link


def current_run() -> tuple[LiveRun, str | None]:
    """The tab's run, and a sentence if its link could not be opened as it is.

    A new tab opens the run of its link; one that was loaded again, or whose server was started
    again, goes on where it was. What a link gets wrong is said, and the default run starts in its
    place, so that nobody meets an empty page.
    """
    run = engine().runs.get(st.session_state.get(RUN))
    if run is not None:
        return run, st.session_state.get("complaint")
    complaint, cookies = None, st.context.cookies
    try:
        asked = from_query({name: st.query_params.get_all(name) for name in st.query_params})
        run = early_runs().take(cookies.get(EARLY, ""), asked) or left_behind(cookies, *asked)
        if run is not None:
            st.session_state[OWNER] = run.owner or owner()
        else:
            recipe, pending, points = asked
            fetch(dataset_of(recipe))
            run = engine().open(recipe, pending, points, owner=owner())
    except ValueError as error:
        complaint = str(error)
    except LaneError as error:
        if not isinstance(error, Refused):
            st.error(
                str(error), title="This server is full" if isinstance(error, ServerFull) else "The engine did not start"
            )
            st.stop()
        complaint = str(error)
    if run is None:
        run, complaint = open_default(complaint)
    st.session_state[RUN], st.session_state["complaint"] = run.id, complaint
    return run, complaint


def open_default(complaint: str | None) -> tuple[LiveRun, str | None]:
    """The run of an empty link, on the embedded digits if MNIST cannot be read."""
    try:
        return engine().open({}, owner=owner()), complaint
    except LaneError as error:
        return engine().open({"dataset": "digits"}, owner=owner()), str(error)


def owner() -> str:
    """Whose share of the workers this tab uses: a random name."""
    return st.session_state.setdefault(OWNER, secrets.token_hex(8))


def left_behind(cookies: Mapping[str, str], recipe: dict, pending: list[dict], points: int) -> LiveRun | None:
    """The run that this browser showed under this link when its page was left, if nobody shows it now."""
    for id in cookies.get(COOKIE, "").split(".")[:REMEMBERED]:
        try:
            run = engine().recall(id)
        except LaneError:
            continue
        left = run is not None and not run.autoplay and not run.viewers
        if left and run.trains(recipe, pending, points):
            return run
    return None


class EarlyRuns:
    """Runs of pages whose Streamlit session has not begun. A page names its run by a token that it made up: to its
    socket in the path, to the session in a cookie, which other tabs may have written over."""

    def __init__(self) -> None:
        self._runs: dict[str, tuple[Asked, Future[LiveRun | None]]] = {}

    def open(self, token: str, query: Mapping[str, list[str]], cookies: Mapping[str, str]) -> LiveRun | None:
        """The run of a link, as the session would open it; None if there is anything to say or to wait for first."""
        try:
            asked = recipe, pending, points = from_query(query)
        except ValueError:
            return None
        if not token or token in self._runs or not at_hand(dataset_of(recipe)):
            return None
        run, opening = None, Future()
        self._runs[token] = asked, opening
        try:
            run = left_behind(cookies, *asked)
            run = run or engine().open(recipe, pending, points, owner=secrets.token_hex(8))
        except (LaneError, ValueError):
            pass  # the session will meet it too, and say it
        finally:
            opening.set_result(run)
        return run

    def take(self, token: str, asked: Asked) -> LiveRun | None:
        """The run of a token, once, if it is of this link; waits while it opens."""
        known, opening = self._runs.get(token, (None, None))
        if known != asked or self._runs.pop(token, None) is None:
            return None
        return opening.result()

    def forget(self, token: str) -> None:
        """Its page is gone."""
        self._runs.pop(token, None)


@st.cache_resource(show_spinner=False)
def early_runs() -> EarlyRuns:
    return EarlyRuns()


def dataset_of(recipe: dict) -> str:
    return recipe.get("dataset", Recipe.model_fields["dataset"].default)


def at_hand(dataset: str) -> bool:
    """Whether there is such a data set here, and nothing stands in for it."""
    try:
        return load_dataset(dataset, download=False).banner is None
    except (DataError, ValueError):
        return False


def fetch(dataset: str) -> None:
    """Make sure that a data set is at hand, with a progress bar where it must be downloaded."""
    place = st.empty()
    if dataset in DATASETS:  # another name is refused where the recipe is checked
        load_dataset(dataset, progress=lambda done, words: place.progress(done, words))
    place.empty()


def start(recipe: dict, points: int) -> None:
    """Give the tab a new run, or say why it cannot be; the old one then stays."""
    try:
        open_run(recipe, points)
    except (LaneError, DataError) as error:
        st.error(str(error))
        return
    st.rerun()


def open_run(recipe: dict, points: int) -> None:
    """Give the tab a new run.

    Raises:
        LaneError, DataError: it cannot be; the tab keeps the run that it has.
    """
    fetch(recipe["dataset"])
    run = engine().open(recipe, points=points, owner=owner())
    st.session_state[RUN], st.session_state["complaint"] = run.id, None


def moved_to(socket: str) -> None:
    """The browser has moved to another run by itself, after a reset or a fork."""
    if (run := engine().runs.get(socket.rsplit("/", 1)[-1])) is not None:
        st.session_state[RUN] = run.id


def stay_with(run: LiveRun, seconds: float) -> None:
    """Let a run train on for some seconds: a page beside the stage has no stream that watches it."""
    if run.autoplay:
        run.autoplay = False
        run.play()
    run.watch(lambda what: None)()  # a run that rested goes on
    run.left_at = time.monotonic() + seconds


def offer_mnist(run: LiveRun) -> None:
    """Say which data stands in, and take MNIST's files if they are dropped here."""
    say, take = st.columns([5, 1], vertical_alignment="center")
    say.info(run.info["dataset"]["banner"], icon=":material/database:")
    with take.popover("Add MNIST", icon=":material/upload:", width="stretch"):
        st.caption(run.info["dataset"]["source"])
        files = st.file_uploader(ADDED, accept_multiple_files=True)
    if files:
        try:
            add_files({file.name: file.getvalue() for file in files})
        except DataError as error:
            st.error(str(error))
        else:
            start(run.record.recipe.model_dump(), run.points)
