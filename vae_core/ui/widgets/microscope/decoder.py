"""The decoder as a field over the plane, and along a straight line between two images."""

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.figures.fields import class_figure, line_figure, smoothness_figure
from vae_core.ui.widgets.class_images import stands_for
from vae_core.ui.widgets.microscope.views import seen, show

FIELDS = {"smoothness": "How fast images change", "class": "Which class"}
EDGES = (4, 8, 16, 32, 64)  # of the plane
FROM, TO = "microscope_from", "microscope_to"  # in the session state: classes of the ends of the line


def decoder(run: LiveRun) -> None:
    """A field on the left, a line on the right."""
    left, right = st.columns([10, 13], gap="medium")
    with left:
        field(run)
    with right:
        line(run)


def field(run: LiveRun) -> None:
    """How fast images change, or which class is painted."""
    with st.container(horizontal=True, vertical_alignment="center"):
        kind = st.segmented_control(
            "Field", FIELDS, format_func=FIELDS.__getitem__, default="smoothness", key="microscope_field",
            required=True, label_visibility="collapsed",
        )  # fmt: skip
        edge = st.selectbox(
            "Axes", EDGES, format_func="Axes ±{}".format, key="microscope_edge", width=120,
            label_visibility="collapsed",
        )  # fmt: skip
    if kind == "smoothness":
        view = seen(run, "smoothness_field", edge=edge, **({"nodes": 33} if run.playing else {}))
        show(smoothness_figure(view), "smoothness", "Norm of the Jacobian", "plane")
        st.caption(f"‖∂x/∂z‖, mean at the codes {view['at_codes']:.2f}. Bright: a small step changes the image much.")
    else:
        view = seen(run, "class_field", edge=edge, **({"nodes": 41} if run.playing else {}))
        show(class_figure(view), "classes", "Class that is painted", "plane")
        st.caption(f"A classifier that is right on {view['accuracy']:.1%} of test images looks at what is painted.")


def line(run: LiveRun) -> None:
    """How the image changes on the way from one class to another."""
    classes = run.info["classes"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for key, end, usual in ((FROM, "from", classes[0]), (TO, "to", classes[-1])):
            if st.session_state.get(key) not in classes:
                st.session_state[key] = usual
            st.selectbox(f"Straight line {end}", classes, key=key, width=190, persist_state="session")
    first, last = st.session_state[FROM], st.session_state[TO]
    if first == last:
        st.info("Choose two classes: a line needs two ends.", icon=":material/timeline:")
        return
    view = seen(run, "line_change", start=stands_for(run, first), end=stands_for(run, last))
    show(line_figure(view), "line", "Change of the image on the way")
    ratio = "not defined: both ends look the same" if view["ratio"] is None else f"{view['ratio']:.1f}"
    st.caption(
        f"The way of the image is {view['length']:.1f} long, its ends {view['chord']:.1f} apart; ratio {ratio}. "
        "A peak is a border between two kinds of images."
    )
