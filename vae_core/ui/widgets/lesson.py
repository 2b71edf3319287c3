"""A lesson on a page: its text with what was measured, its prepared run, and what was predicted."""

import html
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.run.catalogue import default_knobs
from vae_core.run.recipe import unknown
from vae_core.teaching.claims.ledger import MEASURED
from vae_core.teaching.claims.table import rows
from vae_core.teaching.lessons import CLAIM, Lesson, Sketch
from vae_core.teaching.lessons.loss_lines import with_code
from vae_core.ui.server.files import assets
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.session import fetch, owner
from vae_core.ui.widgets.stage import BOOT, stage
from vae_core.workers.errors import LaneError

STEPS = {"predict": "Predict", "observe": "Observe", "explain": "Explain", "go_on": "Go on"}
PARTS = {
    "text": "The whole text",
    "predict": "Predict",
    "explain": "Explain",
    "go_on": "Go on",
    "sidebar": "Menu and sidebar",
}
CONTROLS = {  # data-testid, data-name or data-part on the stage
    "noise": "Noise switch",
    "scale": "Noise slider",
    "rule": "Rule picker",
    "formula": "Formula",
    "charged": "What is charged",
    "knobs": "Knobs",
    "play": "Play",
    "step": "Step",
    "epoch": "Epoch",
    "reset": "Reset",
    "speed": "Speed",
    "repeats": "Encode 50 times",
    "coordinate": "z or μ",
    "marks": "Dots or digits",
    "ellipses": "Ellipses",
    "posterior": "True posterior",
    "strips": "Test digits and samples",
    "curves": "All curves",
    "curve-reconstruction": "Reconstruction",
    "curve-kl": "KL",
    "curve-elbo": "ELBO",
    "exact": "Exact measures",
    "timeline": "Timeline",
    "fork": "Fork",
}
SITTINGS = "lesson_sittings"  # in the session state: name -> Sitting
OWN = ("lesson", "step", "hide")  # names in the address; others are fields of the recipe
VERDICTS = {"holds": "holds", "mixed": "mixed", "does not hold": "fails"}

_sketch = st.components.v2.component(
    "noise_lab_sketch",
    html="<div class='sketch'></div>\n<!-- filled by sketch.js -->",
    css="""
.sketch { position: relative; color: var(--st-text-color); font: 400 15px/1.3 var(--st-font, system-ui), sans-serif; touch-action: none; }
.sketch svg { width: 100%; display: block; background: var(--st-secondary-background-color); border-radius: 8px; }
.sketch:not(.still) svg { cursor: crosshair; }
.sketch svg:focus-visible { outline: 3px solid var(--st-primary-color); }
.sketch text { fill: currentColor; font-size: 16px; }
.sketch.still text { font-size: 20px; }
.sketch .hint { opacity: .6; }
.sketch path { fill: none; stroke-width: 4; stroke-linecap: round; stroke-linejoin: round; pointer-events: none; }
.sketch .grid { stroke: currentColor; opacity: .16; stroke-width: 1; }
.sketch .hand { stroke: var(--st-primary-color); stroke-dasharray: 2 9; stroke-width: 5; }
.sketch .truth { stroke: #c05a00; }
.sketch button { position: absolute; top: 10px; right: 14px; padding: .3em .9em; font: inherit; color: inherit; cursor: pointer;
  background: var(--st-background-color); border: 1px solid color-mix(in srgb, currentColor 30%, transparent); border-radius: 7px; }
@media print { .sketch button { display: none; } }
""",
    js=BOOT.replace("/main.js", "/sketch.js"),
)


# -- the text ------------------------------------------------------------------------------------


def ledger() -> dict[str, dict[str, Any]]:
    """Claim -> its row of the measured ledger; empty as long as nothing was measured."""
    return {row["name"]: row for row in rows()} if MEASURED.exists() else {}


def with_chips(text: str, measured: Mapping[str, Mapping[str, Any]]) -> str:
    """Lesson text as Markdown with HTML: each claim as a chip with its measured words and verdict."""

    def chip(found) -> str:
        row = measured.get(found[1])
        if row is None:
            return f'<span class="claim" title="{found[1]}">not measured yet</span>'
        said = row["sentence"] + (f" Often said: {row['folklore']}" if row["folklore"] else "")
        words = html.escape(f"measured: {row['measured']} · {row['verdict']}")
        return f'<span class="claim {VERDICTS[row["verdict"]]}" title="{html.escape(said)}">{words}</span>'

    return CLAIM.sub(chip, text)


def write(text: str) -> None:
    """Show lesson text."""
    knobs = default_knobs(engine().rules())
    st.markdown(with_chips(with_code(text, knobs), ledger()), unsafe_allow_html=True)


def tasks(lesson: Lesson, done: int) -> str:
    """The controls to use as a list: those that were used, the next one, and those that follow."""
    lines = []
    for place, press in enumerate(lesson.press):
        mark = "check_circle" if place < done else "radio_button_unchecked"
        lines.append(f":{'green' if place < done else 'primary' if place == done else 'gray'}[:material/{mark}:] ")
        lines.append(press.words if place <= done else f":gray[{press.words}]")
        lines.append("\n\n")
    return "".join(lines)


# -- the prepared run ----------------------------------------------------------------------------


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
    known = st.session_state.setdefault(SITTINGS, {})
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
    return engine().runs[kept.run]


# -- what was predicted --------------------------------------------------------------------------


def sketch(axes: Sketch, curve: list | None, *, key: str, on_drawn: Callable[[list | None], None]) -> None:
    """A curve to be drawn by hand: heights 0 to 1 from left to right, None where nothing was drawn."""
    data = {"assets": assets(), **axes.model_dump(include={"x", "y", "span", "top"}), "curve": curve}
    _sketch(key=key, data=data, on_curve_change=lambda: on_drawn(st.session_state[key]["curve"]))


def sketch_and_truth(axes: Sketch, curve: list | None, truth: Sequence[tuple[int, float]], *, key: str) -> None:
    """A curve that was drawn, if any, beside what a run did, see `vae_core.teaching.lessons.trace`."""
    data = {"assets": assets(), **axes.model_dump(include={"x", "y", "span", "top"}), "curve": curve}
    _sketch(key=key, data=data | {"truth": truth, "still": True}, on_curve_change=lambda: None)


# -- the lecture link ----------------------------------------------------------------------------


def hidden_parts() -> tuple[list[str], str | None]:
    """What the address hides, and a sentence if it names what there is not."""
    names = [name for name in st.query_params.get("hide", "").split(",") if name]
    valid = {**PARTS, **CONTROLS}
    wrong = [name for name in names if name not in valid and not name.startswith("knob-")]
    complaint = str(unknown("part to hide", wrong[0], valid)) if wrong else None
    return [name for name in names if name not in wrong], complaint


def lecture_link(lesson: Lesson, hide: Collection[str], step: str) -> str:
    """The address of a lesson at a step, with parts of it hidden."""
    page = (st.context.url or "").partition("?")[0]
    fields = {"lesson": lesson.name, "step": step, **({"hide": ",".join(hide)} if hide else {})}
    return f"{page}?{urlencode(fields, safe=',')}"
