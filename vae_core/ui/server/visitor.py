"""Who asks: the tab, by a random name in its session; the browser, by cookies with its last runs and its shelf."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.run.recipe import Recipe
from vae_core.ui.server.state import engine
from vae_core.workers.errors import LaneError

RUN, OWNER = "run", "owner"  # in the session state: the run's id, and the tab's random name
COOKIE = "noise_lab_runs"  # the last runs of this browser, see ui/web, own_runs.js
REMEMBERED = 6
SHELF = "noise_lab_shelf"  # the secret name of this browser's shelf in the library, see there too

Asked = tuple[dict[str, Any], list[dict[str, Any]], int]  # recipe, changes and points of a link


def owner() -> str:
    """Whose share of the workers this tab uses: a random name."""
    name: str = st.session_state.setdefault(OWNER, secrets.token_hex(8))
    return name


def marks_of(query: Mapping[str, Sequence[str]], cookies: Mapping[str, str]) -> dict[str, str]:
    """What a browser has kept for us: in cookies; where they are refused, in another site's frame, in the address."""
    return {name: values[-1] for name, values in query.items() if values} | dict(cookies)


def left_behind(marks: Mapping[str, str], asked: Asked) -> LiveRun | None:
    """The run that this browser showed under this link when its page was left, if nobody shows it now."""
    for id in marks.get(COOKIE, "").split(".")[:REMEMBERED]:
        try:
            run = engine().recall(id)
        except LaneError:
            continue
        if run is not None and not run.autoplay and not run.viewers and run.trains(*asked):
            return run
    return None


def dataset_of(recipe: Mapping[str, Any]) -> str:
    """The data set of a recipe as a link gives it."""
    name: str = recipe.get("dataset", Recipe.model_fields["dataset"].default)
    return name
