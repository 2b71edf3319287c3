"""Which image is looked at: one of a class, the next one, or one that the encoder is most wrong about."""

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.figures.exact import thumbnail
from vae_core.ui.widgets.class_images import labels_of, stands_for
from vae_core.ui.widgets.microscope.views import seen
from vae_core.ui.widgets.notice import Notice

ANY = "any class"
CLASS, WORST = "microscope_class", "microscope_worst"  # in the session state
notice = Notice("microscope")


def image_controls(run: LiveRun) -> None:
    """A class, and the next image of it."""
    st.selectbox(
        "Class", [ANY, *run.info["classes"]], key=CLASS, on_change=choose_class, args=(run,), width=140,
        label_visibility="collapsed",
    )  # fmt: skip
    st.button("Next image", icon=":material/skip_next:", on_click=next_image, args=(run,))


def is_of(run: LiveRun, row: int, label: str) -> bool:
    """Whether a test image is of a class, or of any."""
    return label == ANY or run.info["classes"][labels_of(run)[row]] == label


def look(run: LiveRun, index: int) -> None:
    """Look at a test image; so does the stage."""
    notice.attempt(run.look, index)


def next_image(run: LiveRun) -> None:
    """Look at the next image of the class, or of any; after the last at the first."""
    label = st.session_state[CLASS]
    rows = [row for row in range(len(labels_of(run))) if is_of(run, row, label)]
    look(run, next((row for row in rows if row > run.header["chosen"]), rows[0]))


def choose_class(run: LiveRun) -> None:
    """Look at an image of the class, unless that is so."""
    label = st.session_state[CLASS]
    if not is_of(run, run.header["chosen"], label):
        look(run, stands_for(run, label))


def find_worst(run: LiveRun) -> None:
    """Rest, and look at the image that the encoder is most wrong about."""

    def find() -> None:
        st.session_state[WORST] = run.id, seen(run, "wrong_about")

    run.pause()
    if notice.attempt(find):
        look(run, int(st.session_state[WORST][1]["index"][0]))


def wrong_about(run: LiveRun) -> None:
    """A click finds the images that the encoder is most wrong about; a click on one of them shows it."""
    st.button(
        "Where is the encoder wrong?", icon=":material/troubleshoot:", on_click=find_worst, args=(run,),
        help="Pauses the run and shows the ten test images on which the encoder loses most.", width="stretch",
    )  # fmt: skip
    whose, found = st.session_state.get(WORST, (None, None))
    if whose != run.id:
        return
    with st.grid(5, gap="xxsmall", min_column_width=60, key="microscope_thumbnails"):
        for image, index, nats in zip(found["images"], found["index"].tolist(), found["nats"], strict=True):
            st.button(
                f"![image {index}]({thumbnail(image)}) {nats:,.0f}",
                key=f"microscope_worst_{index}",
                type="primary" if index == run.header["chosen"] else "secondary",
                on_click=look,
                args=(run, index),
                width="stretch",
            )
    by = {"gap": "Gap", "better code": "Gain of a better code"}[found["by"]]
    st.caption(
        f"{by} in nats at step {found['step']:,}; all {found['of']}: "
        f"median {found['median']:.1f}, mean {found['mean']:.1f}"
    )
