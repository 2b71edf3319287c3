"""Microscope: sums over the plane. The true posterior of one image, all codes together, the decoder as a field."""

from contextlib import nullcontext

import streamlit as st

from vae_core.figures.exact import bounds_figure, images_figure, posterior_figure, sum_figure, thumbnail
from vae_core.figures.fields import class_figure, holes_figure, line_figure, smoothness_figure
from vae_core.figures.together import split_figure, together_figure, yardstick_figure
from vae_core.run.catalogue import by_name
from vae_core.run.packing import unpack
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.session import current_run, stay_with
from vae_core.workers.errors import LaneError

EVERY = 2.0  # seconds between two pictures while the run trains
KEPT, MOST_KEPT = "microscope_kept", 40  # in the session state: views of this session, by run, step and arguments
WORST, WAS_PLAYING, ERROR = "microscope_worst", "microscope_was_playing", "microscope_error"
PARTS = {"image": "One image", "codes": "All codes", "decoder": "Decoder"}
PLANES = {"density": "Where the codes are", "holes": "Where they are not"}
FIELDS = {"smoothness": "How fast images change", "class": "Which class"}
EDGES = (4, 8, 16, 32, 64)  # of the plane
ANY = "any class"
NATS = {
    ("bernoulli", "grey"): "Grey pixels are not binary: these nats are a pseudo-likelihood, as in most tutorials; "
    "start a run with binarized pixels for a true one.",
    ("bernoulli", "binarized"): "Binarized pixels: a true log-probability.",
    ("gaussian", "grey"): "Gaussian pixels: a log-density, which may be above zero.",
    ("gaussian", "binarized"): "Gaussian pixels: a log-density, which may be above zero.",
}
# Thumbnails are buttons whose label is an image; the plane is as high as the window allows.
LOOKS = """<style>
.st-key-microscope_fill_image { --high: max(28rem, 100vh - 12rem); }
.st-key-microscope_fill_plane { --high: max(26rem, 100vh - 15rem); }
.st-key-microscope_fill_rest { --high: max(12rem, 100vh - 36rem); }
[class*="st-key-microscope_fill"] :is(.stElementContainer, .stFullScreenFrame, .stPlotlyChart) {
  flex: none; height: var(--high);
}
.st-key-microscope_thumbnails button { padding: 0.1rem; min-height: 0; }
.st-key-microscope_thumbnails button img { max-height: none; height: 2.2rem; width: 2.2rem; border-radius: 4px; }
</style>"""


def dark() -> bool:
    return st.context.theme.type == "dark"


def chart(figure, name: str, alt: str, still: bool = True, fill: str | None = None) -> None:
    """Show a figure; with fill as high as LOOKS says of that place, so that a larger window shows a larger one."""
    options = {"key": f"microscope_{name}", "config": {"staticPlot": True} if still else {"displayModeBar": False}}
    if fill is None:
        st.plotly_chart(figure, alt=alt, **options)
    else:
        with st.container(key=f"microscope_fill_{fill}"):
            st.plotly_chart(figure, alt=alt, height="stretch", **options)


# -- asking the run ------------------------------------------------------------------------------


def seen(view: str, **args) -> dict | None:
    """A view of the run as it is now. What this session has seen before is not computed again."""
    kept = st.session_state.setdefault(KEPT, {})
    settings = *(str(run.header[name]) for name in ("rule", "noise", "knobs")), run.id, view, str(sorted(args.items()))
    if (run.header["step"], *settings) in kept:
        return kept[(run.header["step"], *settings)]
    with nullcontext() if kept else st.spinner("Summing over the plane"):
        found = run.examine(view, **args)
    step = found["step"] if found and "step" in found else run.header["step"]  # it may have trained on since
    kept[(step, *settings)] = found
    while len(kept) > MOST_KEPT:
        kept.pop(next(iter(kept)))
    return found


def look(index: int) -> None:
    try:
        run.look(index)
    except LaneError as error:
        st.session_state[ERROR] = str(error)


def following(label: str) -> int:
    """The next image of a class, or of any."""
    rows = [row for row in range(len(labels)) if label == ANY or classes[labels[row]] == label]
    return next((row for row in rows if row > run.header["chosen"]), rows[0])


def next_image() -> None:
    look(following(st.session_state["microscope_class"]))


def choose_class() -> None:
    label = st.session_state["microscope_class"]
    if label != ANY and classes[labels[run.header["chosen"]]] != label:
        look(stands_for(label))


def stands_for(label: str) -> int:
    """The image of the stage's strip that is of this class."""
    return next(row for row in run.header["strip"] if classes[labels[row]] == label)


def find_worst() -> None:
    """Rest, and look at the image that the encoder is most wrong about."""
    run.pause()
    try:
        found = seen("wrong_about")
    except LaneError as error:
        st.session_state[ERROR] = str(error)
        return
    st.session_state[WORST] = run.id, found
    look(int(found["index"][0]))


# -- one image -----------------------------------------------------------------------------------


def one_image() -> None:
    view = seen("microscope", index=run.header["chosen"], coarse=run.playing)
    left, right = st.columns([10, 13], gap="medium")
    with left:
        chart(posterior_figure(view, dark()), "posterior", "True posterior and encoder", still=False, fill="image")
    with right:
        images, worst = st.columns([9, 11])
        with images:
            chart(images_figure(view, dark()), "images", "Image and reconstructions")
        with worst:
            wrong_about()
        chart(sum_figure(view, dark()), "sum", "What adds up to log p(x)")
        if view["elbo"] is None:
            st.info(f"Posterior, ELBO and gap are not defined for this rule. {undefined()}", icon=":material/block:")
            st.caption(f"log p(x) sums the decoder over the whole plane under {view['prior']}: no encoder is asked.")
        elif run.playing:
            st.caption("Pause for the two parts of the gap, the best Gaussians and the importance-weighted bounds.")
        else:
            bounds = seen("microscope_bounds", index=view["index"])
            chart(bounds_figure(bounds, view, dark()), "bounds", "Bounds up to log p(x)", still=False, fill="rest")
    st.caption(below(view))


def below(view: dict) -> str:
    words = [NATS[view["likelihood"], view["pixels"]]]
    if view["approximation_full"] is not None and view["family"] != "full":
        tilted = f"{view['approximation_full']:.4f}"
        words.append(f"A Gaussian that may tilt would leave {tilted} nats of the gap.")
    decoded = run.header["noise"] * run.header["knobs"].get("s", 1.0)
    if view["encoder"] is not None and decoded != 1:
        words.append(
            f"The noise is at {decoded:g}: q is the posterior that the KL is charged for, "
            "not what the decoder sees now."
        )
    return f"{rule['title']}, step {view['step']:,}. " + " ".join(words)


def undefined() -> str:
    return rule["undefined"] or rule["why"]


def wrong_about() -> None:
    """A click finds the images that the encoder is most wrong about; a click on one of them shows it."""
    st.button(
        "Where is the encoder wrong?", icon=":material/troubleshoot:", on_click=find_worst, width="stretch",
        help="Pauses the run and shows the ten test images on which the encoder loses most.",
    )  # fmt: skip
    whose, found = st.session_state.get(WORST, (None, None))
    if whose != run.id:
        return
    with st.grid(5, gap="xxsmall", min_column_width=60, key="microscope_thumbnails"):
        for image, index, nats in zip(found["images"], found["index"].tolist(), found["nats"], strict=True):
            chosen = index == run.header["chosen"]
            st.button(
                f"![image {index}]({thumbnail(image)}) {nats:,.0f}",
                key=f"microscope_worst_{index}",
                type="primary" if chosen else "secondary",
                on_click=look,
                args=(index,),
                width="stretch",
            )
    by = {"gap": "Gap", "better code": "Gain of a better code"}[found["by"]]
    st.caption(
        f"{by} in nats at step {found['step']:,}; all {found['of']}: "
        f"median {found['median']:.1f}, mean {found['mean']:.1f}"
    )


# -- all codes -----------------------------------------------------------------------------------


def all_codes() -> None:
    left, right = st.columns([10, 13], gap="medium")
    with left:
        plane = st.segmented_control(
            "Plane", PLANES, format_func=PLANES.get, key="microscope_plane", required=True, label_visibility="collapsed"
        )
    quick = {"count": 2000, "nodes": 61, "coarse": True} if run.playing else {}
    view = seen("together", **quick)
    with left:
        if plane == "density":
            chart(together_figure(view), "together", "Density of all codes", fill="plane")
            st.caption(f"{view['of'].capitalize()}, step {view['step']:,}. Circles: 1σ and 2σ of N(0, I).")
        else:
            found = seen("holes")
            chart(holes_figure(found), "holes", "Holes of the prior", fill="plane")
            st.caption(
                f"Red: codes are rarer than {found['ratio']:g} times the prior. Beside it: what is painted there."
            )
    with right:
        st.markdown("##### Mean KL(q(z|x) ‖ N(0, I)) = I(x; z) + KL(q(z) ‖ N(0, I)), nats")
        if view["kl"] is None:
            st.info(f"KL and I(x; z) are not defined for this rule. {undefined()}", icon=":material/block:")
            st.metric("KL(codes’ mixture ‖ N(0, I)), nats", f"{view['mixture_kl']:,.2f}")
        else:
            chart(split_figure(view, dark()), "split", "The two parts of the KL")
        if run.playing:
            st.caption("Pause for the yardstick and the quality of the codes.")
        else:
            at_rest()


def at_rest() -> None:
    """What takes a moment."""
    st.markdown("##### Exact log p(x) of test images, by the density of z, nats")
    place = st.container()
    quality = seen("code_quality")
    with st.container(horizontal=True):
        st.metric(f"Label named by {quality['k']} neighbours", f"{quality['label_accuracy']:.1%}")
        st.metric("Prior mass in holes", f"{quality['hole_share']:.1%}")
    with place, st.spinner("Summing over the plane"):
        found = seen("yardstick")
    with place:
        chart(yardstick_figure(found, dark()), "yardstick", "log p(x) under each prior")
        st.caption(
            f"Mean of {found['images']} images. Low under N(0, I) and high under a density fitted to the codes: "
            f"the prior is at fault, not the decoder. {NATS[found['likelihood'], found['pixels']]}"
        )


# -- decoder -------------------------------------------------------------------------------------


def decoder() -> None:
    left, right = st.columns([10, 13], gap="medium")
    with left:
        with st.container(horizontal=True, vertical_alignment="center"):
            hidden = {"label_visibility": "collapsed"}
            field = st.segmented_control(
                "Field", FIELDS, format_func=FIELDS.get, key="microscope_field", required=True, **hidden
            )
            edge = st.selectbox(
                "Axes", EDGES, format_func="Axes ±{}".format, key="microscope_edge", width=120, **hidden
            )
        if field == "smoothness":
            view = seen("smoothness_field", edge=edge, **({"nodes": 33} if run.playing else {}))
            chart(smoothness_figure(view), "smoothness", "Norm of the Jacobian", fill="plane")
            st.caption(
                f"‖∂x/∂z‖, mean at the codes {view['at_codes']:.2f}. Bright: a small step changes the image much."
            )
        else:
            view = seen("class_field", edge=edge, **({"nodes": 41} if run.playing else {}))
            chart(class_figure(view), "classes", "Class that is painted", fill="plane")
            st.caption(f"A classifier that is right on {view['accuracy']:.1%} of test images looks at what is painted.")
    with right:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for end in ("from", "to"):
                st.selectbox(
                    f"Straight line {end}", classes, key=f"microscope_{end}", width=190, persist_state="session"
                )
        first, last = (st.session_state[f"microscope_{end}"] for end in ("from", "to"))
        if first == last:
            st.info("Choose two classes: a line needs two ends.", icon=":material/timeline:")
            return
        line = seen("line_change", start=stands_for(first), end=stands_for(last))
        chart(line_figure(line), "line", "Change of the image on the way")
        ratio = "not defined: both ends look the same" if line["ratio"] is None else f"{line['ratio']:.1f}"
        st.caption(
            f"The way of the image is {line['length']:.1f} long, its ends {line['chord']:.1f} apart; ratio {ratio}. "
            "A peak is a border between two kinds of images."
        )


# -- the page ------------------------------------------------------------------------------------


def controls() -> str:
    """The bar above the pictures; which part is wanted."""
    with st.container(horizontal=True, vertical_alignment="center"):
        part = st.segmented_control(
            "Part", PARTS, format_func=PARTS.get, key="microscope_part", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        label, icon = ("Pause", ":material/pause:") if run.playing else ("Play", ":material/play_arrow:")
        st.button(label, icon=icon, on_click=run.pause if run.playing else run.play, disabled=run.status == "diverged")
        if part == "image":
            st.selectbox(
                "Class", [ANY, *classes], key="microscope_class", on_change=choose_class, label_visibility="collapsed",
                width=140,
            )  # fmt: skip
            st.button("Next image", icon=":material/skip_next:", on_click=next_image)
    return part


def tool(part: str) -> None:
    stay_with(run, 2 * EVERY + 1)
    try:
        {"image": one_image, "codes": all_codes, "decoder": decoder}[part]()
    except LaneError as error:
        st.error(str(error))
    if st.session_state[WAS_PLAYING] and not run.playing:
        st.rerun()  # without the clock, and in full


run, _ = current_run()
stay_with(run, 2 * EVERY + 1)
rule = by_name(engine().rules())[run.header["rule"]]
classes, labels = run.info["classes"], unpack(run.probe)[1]["labels"]
FIRST = {"part": "image", "plane": "density", "field": "smoothness", "from": classes[0], "to": classes[-1]}
for name, value in FIRST.items():
    if name in ("from", "to") and st.session_state.get(f"microscope_{name}") not in classes:
        st.session_state[f"microscope_{name}"] = value
    st.session_state.setdefault(f"microscope_{name}", value)
st.html(LOOKS)
if message := st.session_state.pop(ERROR, None):
    st.error(message)
st.session_state[WAS_PLAYING] = run.playing
st.fragment(tool, run_every=EVERY if run.playing else None)(controls())
