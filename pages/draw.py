"""Draw: your own handwriting as the input of the running model, and walks between two drawings."""

from functools import partial

import streamlit as st

from vae_core.data.drawing import EXAMPLE, DrawingError, as_mnist, rasterise
from vae_core.figures.drawing import animation, scene
from vae_core.run.catalogue import by_name
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.canvas import canvas, classes_shown, drawn, test_image
from vae_core.ui.widgets.session import current_run, stay_with
from vae_core.workers.errors import LaneError

EVERY = 0.4  # seconds between two pictures while the run trains
CANVAS = "draw_canvas"
# In the session state: the drawing; images kept for the walk, and how often; the views shown last; what went wrong.
STROKES, KEPT, TIMES, LAST, ERROR = "draw_strokes", "draw_kept", "draw_times", "draw_last", "draw_error"
WAYS = {"straight": "Straight line", "dense": "Where codes are dense"}
DRAWING = "Kept drawing"


def image_drawn():
    """(28, 28) what is drawn, as MNIST would have it."""
    return as_mnist(rasterise(st.session_state.get(STROKES, EXAMPLE)))


def keep(end: str) -> None:
    try:
        st.session_state[KEPT + end] = image_drawn()
    except DrawingError as error:
        st.session_state[ERROR] = str(error)
    else:
        st.session_state[TIMES + end] = st.session_state.get(TIMES + end, 0) + 1


def box_of(end: str) -> dict:
    """What the selection of an end of the walk starts with, and its key: a new one for each drawing that is
    kept. Were it the old one, a rerun under way would bring its old value back."""
    times = st.session_state.get(TIMES + end, 0)
    return {
        "options": [DRAWING, *offered] if times else offered,
        "index": 0 if times or end == "A" else len(offered) - 1,
        "key": f"draw_{end} {run.info['dataset']['title']} {run.points} {times}",
    }


def image_at(end: str):
    box = box_of(end)
    chosen = st.session_state.get(box["key"], box["options"][box["index"]])
    return st.session_state[KEPT + end] if chosen == DRAWING else test_image(run, classes.index(chosen))


def walk_asked() -> dict:
    return {"ends": (image_at("A"), image_at("B")), "way": st.session_state["draw_way"]}


def walk_gif(run, asked: dict) -> bytes:
    """Made when it is asked for, outside of the page's script: all that it needs is given."""
    return animation(run.examine("draw_page", **asked)["walk"]["images"])


def tool() -> None:
    """The canvas, the plane, the images and the walk; the component stays whatever happens."""
    sent = drawn(CANVAS) or {"seq": 0, "down": False}
    if "strokes" in sent:
        st.session_state[STROKES] = sent["strokes"]
    image, last = None, st.session_state.setdefault(LAST, {})
    header = {
        "seq": sent["seq"],
        "strokes": st.session_state.get(STROKES, EXAMPLE),
        "example": STROKES not in st.session_state,
        "rule": rules[run.header["rule"]]["title"],
        "say": st.session_state.pop(ERROR, None),
    }
    try:
        image = image_drawn()
    except DrawingError as error:
        header["say"] = str(error)
    ask, key = {"image": image}, None if image is None else (run.id, image.tobytes())
    if not sent["down"]:  # while a pen is down, only what follows it
        # The nearest training images do not change while the run trains: they are sought once for a drawing.
        ask |= {"nearest": key is not None and last.get("of") != key, **walk_asked()}
    views = {}
    try:
        views = run.examine("draw_page", **ask)
    except LaneError as error:
        header["say"] = str(error)
    if views and not sent["down"]:
        nearest = views["nearest"] if ask["nearest"] else last.get("nearest")
        last |= {"of": key, "nearest": nearest, "walk": views["walk"], "ends": ask["ends"]}
    parts = {"walk": last.get("walk"), "ends": last.get("ends")}
    if views and image is not None:
        parts |= {"drawing": views["drawing"], "image": image}
        parts |= {} if sent["down"] else {"nearest": last["nearest"]}
    canvas(scene(run.newest.unpacked(), classes, **parts, **header), key=CANVAS)


def controls() -> None:
    """The bar below: the run, and the ends of the walk."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label, icon = ("Pause", ":material/pause:") if run.playing else ("Play", ":material/play_arrow:")
        stopped = run.status == "diverged"
        if st.button(label, icon=icon, on_click=run.pause if run.playing else run.play, disabled=stopped, width=100):
            st.rerun()  # with the clock, or without
        for end, title in (("A", "Walk from A"), ("B", "Walk to B")):
            st.button(f"Keep as {end}", icon=":material/keep:", on_click=keep, args=(end,))
            st.selectbox(title, **box_of(end), format_func=title_of, width=170, persist_state="session")
        st.segmented_control("Way", WAYS, format_func=WAYS.get, key="draw_way", required=True, persist_state="session")
        st.download_button(
            "GIF", partial(walk_gif, run, walk_asked()), "walk.gif", "image/gif", icon=":material/download:",
            help="The walk as an animation.",
        )  # fmt: skip


def title_of(option: str) -> str:
    return option if option == DRAWING else f"Test image: {option}"


def page() -> None:
    stay_with(run, 2 * EVERY + 1)
    tool()
    controls()


run, _ = current_run()
stay_with(run, 2 * EVERY + 1)
rules = by_name(engine().rules())
classes, offered = run.info["classes"], classes_shown(run)
st.session_state.setdefault("draw_way", "straight")
# Streamlit fades what waits for the server; a canvas that one draws on must not fade under the hand.
st.html("<style>.stElementContainer[data-stale] { opacity: 1; }</style>")
st.fragment(page, run_every=EVERY if run.playing else None)()
