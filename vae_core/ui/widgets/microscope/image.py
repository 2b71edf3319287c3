"""One image: its true posterior, the encoder's, and what adds up to log p(x)."""

from typing import Any

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.figures.exact import bounds_figure, images_figure, posterior_figure, sum_figure
from vae_core.ui.widgets.microscope.image_choice import wrong_about
from vae_core.ui.widgets.microscope.views import NATS, seen, show, undefined
from vae_core.ui.widgets.rules import title_of
from vae_core.ui.widgets.theme import dark


def one_image(run: LiveRun) -> None:
    """The image that the run looks at."""
    view = seen(run, "microscope", index=run.header["chosen"], coarse=run.playing)
    left, right = st.columns([10, 13], gap="medium")
    with left:
        show(posterior_figure(view, dark()), "posterior", "True posterior and encoder", "image", still=False)
    with right:
        images, worst = st.columns([9, 11])
        with images:
            show(images_figure(view, dark()), "images", "Image and reconstructions")
        with worst:
            wrong_about(run)
        show(sum_figure(view, dark()), "sum", "What adds up to log p(x)")
        if view["elbo"] is None:
            st.info(f"Posterior, ELBO and gap are not defined for this rule. {undefined(run)}", icon=":material/block:")
            st.caption(f"log p(x) sums the decoder over the whole plane under {view['prior']}: no encoder is asked.")
        elif run.playing:
            st.caption("Pause for the two parts of the gap, the best Gaussians and the importance-weighted bounds.")
        else:
            bounds = seen(run, "microscope_bounds", index=view["index"])
            show(bounds_figure(bounds, view, dark()), "bounds", "Bounds up to log p(x)", "rest", still=False)
    st.caption(below(run, view))


def below(run: LiveRun, view: dict[str, Any]) -> str:
    """The words below: rule and step, what the nats are, and what the picture does not show."""
    words = [NATS[view["likelihood"], view["pixels"]]]
    if view["elbo"] is not None:
        words.append("The ELBO is over all draws of z; the Playground's curve takes one.")
    if view["approximation_full"] is not None and view["family"] != "full":
        tilted = f"{view['approximation_full']:.4f}"
        words.append(f"A Gaussian that may tilt would leave {tilted} nats of the gap.")
    decoded = run.header["noise"] * run.header["knobs"].get("s", 1.0)
    if view["encoder"] is not None and decoded != 1:
        words.append(
            f"The noise is at {decoded:g}: q is the posterior that the KL is charged for, "
            "not what the decoder sees now."
        )
    return f"{title_of(run.header['rule'])}, step {view['step']:,}. " + " ".join(words)
