"""What the offset does to the reconstructions, and three questions about it, each a tab."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.figures.offset import blocks_figure, members_figure, twice_figure
from vae_core.ui.widgets.charts import chart


def gap(run: LiveRun) -> None:
    """Nats of images that were seen in training, and of others."""
    found = run.examine("offset_gap", count=2000)
    with st.container(horizontal=True):
        st.metric("Seen, nats", f"{found['seen']:.1f}")
        st.metric("Unseen, nats", f"{found['unseen']:.1f}")
        st.metric(
            "Gap",
            f"{found['gap']:.1f} ± {found['error']:.1f}".replace("-", "−"),
            help="Unseen less seen, ± the standard error of independent draws",
        )


def questions(run: LiveRun, train: Callable[[dict[str, Any]], None]) -> None:
    """The same x twice; the encoders as one network; a wider one. Of an ensemble also its members.

    Args:
        train: opens a run of a recipe.
    """
    recipe = run.record.recipe
    names = ["Same x twice", "Merged network", "Wider encoder"]
    several = recipe.encoders > 1
    twice, merged, wide, *mean = st.tabs([*names, f"Mean of {recipe.encoders}"] if several else names)
    with twice:
        show_twice(run.examine("offset_twice"))
    view = run.examine("offset_merged")
    with merged:
        show_merged(view)
    with wide:
        show_wider(view)
        if st.button("Train the wider encoder alone", icon=":material/play_arrow:"):
            train({**recipe.model_dump(), "rule": "autoencoder", "knobs": {}, "wider": True})
    for tab in mean:
        with tab:
            show_members(run.examine("encoder_members"))


def show_twice(view: dict[str, Any]) -> None:
    """Codes of the same images, encoded twice."""
    chart(twice_figure(view), "offset_twice", still=True)
    st.caption(f"Each x was encoded twice. Largest difference of the two z: {view['difference']:g}.")


def show_merged(view: dict[str, Any]) -> None:
    """The sum of two encoders as one network."""
    st.latex(r"\mu(x) + a\,\mu_2(x) = W\,h(x) + b, \quad h = (h_1, h_2)")
    if view["blocks"] is not None:
        chart(blocks_figure(view), "offset_blocks", still=True)
    st.caption(
        f"One network with the hidden layers side by side. Its outputs differ from the sum of the encoders by at most "
        f"{view['difference']:.1e} ({view['images']} images, outputs up to {view['largest']:.1f}); "
        f"{view['zeros']:.0%} of its weights are zero by construction."
    )


def show_wider(view: dict[str, Any]) -> None:
    """How many weights one wider encoder may have instead."""
    widths = {
        "Encoders that are summed": " + ".join("-".join(map(str, w)) for w in view["each"]),
        "Merged network": "-".join(map(str, view["merged"])),
        "One wider encoder": "-".join(map(str, view["wider"])),
    }
    counts = view["parameters"].values()
    st.table({"": list(widths), "Hidden widths": list(widths.values()), "Parameters": [f"{n:,}" for n in counts]})


def show_members(view: dict[str, Any]) -> None:
    """What each encoder of an ensemble says."""
    chart(members_figure(view), "offset_members", still=True)
    st.caption(f"Lines from the mean to each encoder's code; their mean length is {view['spread']:.2f}.")
