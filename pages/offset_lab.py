"""Offset lab: x → encoder(x) + f(x) → z, without a draw; arrows, the same x twice, encoders merged into one."""

from pathlib import Path

import streamlit as st

from vae_core.data import tables
from vae_core.figures.offset import EDGES, arrows_figure, blocks_figure, edge_for, members_figure, twice_figure
from vae_core.ui.widgets.rule_offer import offer_rules
from vae_core.ui.widgets.session import current_run, open_run, stay_with
from vae_core.workers.errors import LaneError

EVERY = 2.0  # seconds between two pictures while the run trains
PLAYGROUND = Path(__file__).parent / "playground.py"
ERROR, EDGE, KNOB = "offset_error", "offset_edge", "offset_knob_"  # in the session state
SIDES = {"seen": "Seen in training", "unseen": "Unseen"}
COLOURS = ("class", "ink", "slant", "height", "width")
F = {
    "second_encoder": "Second encoder",
    "random_network": "Random network",
    "table": "Seeded table",
    "own_table": "Own table",
    "property": "Visible property",
}
UNSEEN = {"zero": "Zero", "drawn": "A drawn row", "nearest": "The nearest image's row"}
FOLLOW, ARROWS = "follow", 250
PLAIN = {"displayModeBar": False}


def switch(rule: str | None = None, **knobs: object) -> None:
    try:
        run.switch(rule=rule, knobs=knobs or None)
    except LaneError as error:
        st.session_state[ERROR] = str(error)


def use(knob: str) -> None:
    switch(**{knob: st.session_state[KNOB + knob]})
    if knob in ("f", "normalise"):
        st.session_state.pop(EDGE, None)  # the axes are chosen anew


def add_table() -> None:
    file = st.session_state["offset_file"]
    if file is None:
        return
    try:
        name = tables.store(file.getvalue(), file.name)
    except tables.TableError as error:
        st.session_state[ERROR] = str(error)
    else:
        switch(f="own_table", table=name)


def controls() -> None:
    """The knobs of the rule, as the run has them now."""
    knobs = run.header["knobs"]
    for knob, value in knobs.items():
        st.session_state[KNOB + knob] = value
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label, icon = ("Pause", ":material/pause:") if run.playing else ("Play", ":material/play_arrow:")
        st.button(label, icon=icon, on_click=run.pause if run.playing else run.play, disabled=run.status == "diverged")
        st.selectbox("f", F, format_func=F.get, key=KNOB + "f", on_change=use, args=("f",), width=190)
        if knobs["f"] == "property":
            st.selectbox(
                "Property", COLOURS[1:], format_func=str.capitalize, key=KNOB + "property", on_change=use,
                args=("property",), width=130,
            )  # fmt: skip
        elif knobs["f"] in ("table", "own_table"):
            st.selectbox(
                "An unseen image gets", UNSEEN, format_func=UNSEEN.get, key=KNOB + "unseen", on_change=use,
                args=("unseen",), width=210,
            )  # fmt: skip
        st.slider("Offset scale a", 0.0, 3.0, step=0.05, key=KNOB + "a", on_change=use, args=("a",), width=190)
        st.toggle("Normalise μ first", key=KNOB + "normalise", on_change=use, args=("normalise",))
        with st.popover("Add a table", icon=":material/upload:"):
            st.caption("Two columns, one row for each training image: .npy, .npz or .csv.")
            st.file_uploader(
                "Table", ["npy", "npz", "csv"], key="offset_file", on_change=add_table, max_upload_size=tables.LIMIT >> 20,
                label_visibility="collapsed",
            )  # fmt: skip


def axes_title(axes: str | int) -> str:
    return "Axes follow the codes" if axes == FOLLOW else f"Axes ±{axes}"


def plane() -> None:
    """The arrows."""
    view = run.examine("offset_codes", count=ARROWS)
    with st.container(horizontal=True):
        hidden = {"label_visibility": "collapsed"}
        side = st.segmented_control("Images", SIDES, format_func=SIDES.get, default="seen", required=True, **hidden)
        colour = st.selectbox("Colour", COLOURS, format_func="Colour: {}".format, width=165, **hidden)
        axes = st.selectbox("Axes", [FOLLOW, *EDGES], format_func=axes_title, width=190, **hidden)
    if axes == FOLLOW:
        axes = st.session_state[EDGE] = edge_for(view, st.session_state.get(EDGE, 0))
    figure = arrows_figure(view[side], colour, axes)
    alt = "An arrow for each image, from its code before the offset to its code after"
    st.plotly_chart(figure, key="offset_arrows", config=PLAIN, alt=alt)
    st.caption(
        f"From μ(x) to z of {len(view[side]['labels'])} images at step {view['step']:,}; "
        f"mean length {view[side]['moved']:.2f}. Circles: 1σ and 2σ of N(0, I)."
    )


def beside() -> None:
    """What the arrows do to the reconstructions, and three questions."""
    gap = run.examine("offset_gap", count=2000)
    with st.container(horizontal=True):
        st.metric("Seen, nats", f"{gap['seen']:.1f}")
        st.metric("Unseen, nats", f"{gap['unseen']:.1f}")
        st.metric(
            "Gap",
            f"{gap['gap']:.1f} ± {gap['error']:.1f}".replace("-", "−"),
            help="Unseen less seen, ± the standard error of independent draws",
        )
    names = ["Same x twice", "Merged network", "Wider encoder"]
    several = run.record.recipe.encoders > 1
    twice, merged, wide, *mean = st.tabs([*names, f"Mean of {run.record.recipe.encoders}"] if several else names)
    with twice:
        show_twice(run.examine("offset_twice"))
    view = run.examine("offset_merged")
    with merged:
        show_merged(view)
    with wide:
        show_wider(view)
    for tab in mean:
        with tab:
            show_members(run.examine("encoder_members"))


def show_twice(view: dict) -> None:
    st.plotly_chart(twice_figure(view), key="offset_twice", config={"staticPlot": True})
    st.caption(f"Each x was encoded twice. Largest difference of the two z: {view['difference']:g}.")


def show_merged(view: dict) -> None:
    st.latex(r"\mu(x) + a\,\mu_2(x) = W\,h(x) + b, \quad h = (h_1, h_2)")
    if view["blocks"] is not None:
        st.plotly_chart(blocks_figure(view), key="offset_blocks", config={"staticPlot": True})
    st.caption(
        f"One network with the hidden layers side by side. Its outputs differ from the sum of the encoders by at most "
        f"{view['difference']:.1e} ({view['images']} images, outputs up to {view['largest']:.1f}); "
        f"{view['zeros']:.0%} of its weights are zero by construction."
    )


def show_wider(view: dict) -> None:
    widths = {
        "Encoders that are summed": " + ".join("-".join(map(str, w)) for w in view["each"]),
        "Merged network": "-".join(map(str, view["merged"])),
        "One wider encoder": "-".join(map(str, view["wider"])),
    }
    counts = view["parameters"].values()
    st.table({"": list(widths), "Hidden widths": list(widths.values()), "Parameters": [f"{n:,}" for n in counts]})
    if st.button("Train the wider encoder alone", icon=":material/play_arrow:"):
        open_run({**run.record.recipe.model_dump(), "rule": "autoencoder", "knobs": {}, "wider": True}, run.points)
        st.switch_page(PLAYGROUND)


def show_members(view: dict) -> None:
    st.plotly_chart(members_figure(view), key="offset_members", config={"staticPlot": True})
    st.caption(f"Lines from the mean to each encoder's code; their mean length is {view['spread']:.2f}.")


def lab() -> None:
    stay_with(run, 2 * EVERY)
    left, right = st.columns([11, 9], gap="medium")
    try:
        with left:
            plane()
        with right:
            beside()
    except LaneError as error:
        st.error(str(error))


run, _ = current_run()
stay_with(run, 2 * EVERY)
if message := st.session_state.pop(ERROR, None):
    st.error(message)
if run.header["rule"] == "offset":
    controls()
    st.fragment(lab, run_every=EVERY if run.playing else None)()
else:
    note = "f(x) is one vector for each image, the same at every step. It is the Playground's run that switches."
    offer_rules(run, "offset", ["offset"], switch, note)
