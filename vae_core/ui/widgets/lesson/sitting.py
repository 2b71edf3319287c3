"""A lesson's prepared run on the stage, which is not the tab's own run."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.teaching.lessons import Lesson
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.lesson.lecture import PARTS
from vae_core.ui.widgets.session import fetch, owner
from vae_core.ui.widgets.stage import stage
from vae_core.workers.errors import LaneError

SITTINGS = "lesson_sittings"  # in the session state: name -> Sitting
OWN = ("lesson", "step", "hide")  # names in the address; others are fields of the recipe


@dataclass
class Sitting:
    """A tab's prepared run of a lesson.

    Attributes:
        id: of the run that it began with.
        run: id of the run that is shown: another one after a reset.
        done: how many of the lesson's controls were used.
    """

    id: str
    run: str
    done: int = 0


def sitting(lesson: Lesson) -> Sitting:
    """The tab's prepared run of a lesson, opened if there is none yet. The tab's own run is left alone.

    Raises:
        RecipeError, LaneError, DataError: it cannot be opened.
    """
    known: dict[str, Sitting] = st.session_state.setdefault(SITTINGS, {})
    kept = known.get(lesson.name)
    if kept is None or kept.run not in engine().runs:
        given = {name: st.query_params.get_all(name) for name in st.query_params if name not in OWN}
        recipe, pending, points = lesson.opening(given)
        fetch(recipe.get("dataset", "mnist"))
        try:
            run = engine().open(recipe, pending, points, owner=owner())
        except LaneError:
            if "dataset" in recipe:
                raise
            run = engine().open({**recipe, "dataset": "digits"}, pending, points, owner=owner())
        run.set_speed(lesson.speed)
        kept = known[lesson.name] = Sitting(run.id, run.id)
    return kept


def start_again(lesson: Lesson) -> None:
    """Let the next visit open the prepared run anew."""
    st.session_state.get(SITTINGS, {}).pop(lesson.name, None)


def lesson_stage(lesson: Lesson, kept: Sitting, hidden: Collection[str], lit: bool, large: bool) -> None:
    """The Playground's stage with the lesson's run; ``lit``, the next control to use is."""

    def moved(socket: str) -> None:
        if (run := socket.rsplit("/", 1)[-1]) in engine().runs:
            kept.run = run

    def used(now: dict[str, Any]) -> None:
        if now["id"] == kept.id:
            kept.done = now["done"]

    guide = {
        "id": kept.id,
        "done": kept.done,
        "lit": lit,
        "press": [press.model_dump(exclude={"words"}) for press in lesson.press],
        "hide": [*lesson.hide, *(name for name in hidden if name not in PARTS)],
    }
    stage(run_of(kept), key="lesson_stage", on_move=moved, guide=guide, on_used=used, projector=large)


def run_of(kept: Sitting) -> LiveRun:
    """The run that is shown."""
    return engine().runs[kept.run]
