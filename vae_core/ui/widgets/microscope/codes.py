"""All codes together: their density against the prior, the two parts of the KL, log p(x) under each prior."""

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.figures.fields import holes_figure
from vae_core.figures.together import split_figure, together_figure, yardstick_figure
from vae_core.ui.widgets.microscope.views import NATS, seen, show, undefined
from vae_core.ui.widgets.theme import dark

PLANES = {"density": "Where the codes are", "holes": "Where they are not"}


def all_codes(run: LiveRun) -> None:
    """Some thousand test images at once."""
    left, right = st.columns([10, 13], gap="medium")
    with left:
        plane = st.segmented_control(
            "Plane", PLANES, format_func=PLANES.__getitem__, default="density", key="microscope_plane", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
    view = seen(run, "together", **({"count": 2000, "nodes": 61, "coarse": True} if run.playing else {}))
    with left:
        if plane == "density":
            show(together_figure(view), "together", "Density of all codes", "plane")
            st.caption(f"{view['of'].capitalize()}, step {view['step']:,}. Circles: 1σ and 2σ of N(0, I).")
        else:
            found = seen(run, "holes")
            show(holes_figure(found), "holes", "Holes of the prior", "plane")
            st.caption(
                f"Red: codes are rarer than {found['ratio']:g} times the prior. Beside it: what is painted there."
            )
    with right:
        st.markdown("##### Mean KL(q(z|x) ‖ N(0, I)) = I(x; z) + KL(q(z) ‖ N(0, I)), nats")
        if view["kl"] is None:
            st.info(f"KL and I(x; z) are not defined for this rule. {undefined(run)}", icon=":material/block:")
            st.metric("KL(codes’ mixture ‖ N(0, I)), nats", f"{view['mixture_kl']:,.2f}")
        else:
            show(split_figure(view, dark()), "split", "The two parts of the KL")
        if run.playing:
            st.caption("Pause for the yardstick and the quality of the codes.")
        else:
            at_rest(run)


def at_rest(run: LiveRun) -> None:
    """What takes a moment."""
    st.markdown("##### Exact log p(x) of test images, by the density of z, nats")
    place = st.container()
    quality = seen(run, "code_quality")
    with st.container(horizontal=True):
        st.metric(f"Label named by {quality['k']} neighbours", f"{quality['label_accuracy']:.1%}")
        st.metric("Prior mass in holes", f"{quality['hole_share']:.1%}")
    with place, st.spinner("Summing over the plane"):
        found = seen(run, "yardstick")
    with place:
        show(yardstick_figure(found, dark()), "yardstick", "log p(x) under each prior")
        st.caption(
            f"Mean of {found['images']} images. Low under N(0, I) and high under a density fitted to the codes: "
            f"the prior is at fault, not the decoder. {NATS[found['likelihood'], found['pixels']]}"
        )
