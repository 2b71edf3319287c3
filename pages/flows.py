"""Flows: the codes on their way to the Gaussian and back, samples through the flow, exact density."""

from functools import partial

import streamlit as st

from vae_core.figures.flows import density_figure, samples_figure, way_figure
from vae_core.ui.widgets.charts import chart
from vae_core.ui.widgets.clock import follow
from vae_core.ui.widgets.notice import Notice
from vae_core.ui.widgets.rule_offer import offer_rules
from vae_core.ui.widgets.rules import rules, titles
from vae_core.ui.widgets.session import current_run

PORTION = 300  # steps that a click trains
EVERY = 2.0  # seconds between two pictures while it trains
UNTIL, RULE, MODE = "flows_until", "flows_rule", "flows_mode"  # in the session state; the first, (run, step) to go to
NAMES = ("flow", "continuous_flow")
SHORT = {"frozen": "On the codes as they are", "together": "Together", "prior": "As the VAE's prior"}
LEGENDS = {
    "to": "Circles: 1σ and 2σ of N(0, I).",
    "back": "Circles: 1σ and 2σ of N(0, I). Grey: the codes.",
    "density": "Contours: log p(z) of the flow, one nat apart.",
}
VIEWS = {"to": "To the Gaussian", "back": "Back to the codes", "density": "Density"}
notice = Notice("flows")


def train(steps: int = PORTION) -> None:
    st.session_state[UNTIL] = run.id, run.header["step"] + steps
    run.step(steps)


def switch(rule: str | None = None, **knobs: str) -> None:
    if notice.attempt(partial(run.switch, rule=rule, knobs=knobs or None)):
        train()


def training() -> bool:
    whose, until = st.session_state.get(UNTIL, (None, 0))
    return bool(whose == run.id and run.header["step"] < until and run.status != "diverged")


def controls() -> str:
    """The bar above the pictures; which of the views is wanted."""
    rule, flows = run.header["rule"], titles()
    mode = next(knob for knob in rules()[rule]["knobs"] if knob["name"] == "mode")
    modes = {choice["value"]: SHORT.get(choice["value"], choice["value"]) for choice in mode["choices"]}
    st.session_state[RULE], st.session_state[MODE] = rule, run.header["knobs"]["mode"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        view = st.segmented_control("Show", VIEWS, format_func=VIEWS.__getitem__, default="to", required=True)
        st.segmented_control(
            "Flow", NAMES, format_func=flows.__getitem__, key=RULE, on_change=lambda: switch(st.session_state[RULE])
        )
        explained = "; ".join(f"{modes[choice['value']]}: {choice['title']}" for choice in mode["choices"])
        st.segmented_control(
            "Trained", modes, format_func=modes.__getitem__, key=MODE, help=explained,
            on_change=lambda: switch(mode=st.session_state[MODE]),
        )  # fmt: skip
        st.button(f"Train {PORTION} steps", icon=":material/play_arrow:", on_click=train)
    return view


def pictures(view: str) -> None:
    """The plane, and beside it densities and samples."""
    density, samples = run.examine("flow_density"), run.examine("flow_samples")
    way = None if view == "density" else run.examine("flow_way", back=view == "back")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chart(density_figure(density) if way is None else way_figure(way), f"flows_{view}")
    with right:
        st.caption(f"Mean log-density of {len(density['codes']):,} unseen codes, nats · step {density['step']:,}")
        with st.container(horizontal=True):
            for name, title in (("flow", "Flow"), ("fitted", "Fitted Gaussian"), ("standard", "N(0, I)")):
                st.metric(title, f"{density['mean'][name]:.2f}".replace("-", "−"))
        for column, (name, title) in zip(
            st.columns(2), (("through", "Drawn through the flow"), ("straight", "Straight from N(0, I)")), strict=True
        ):
            with column:
                st.markdown(f"**{title}**")
                chart(samples_figure(samples[name]), f"flows_{name}", still=True)
        st.caption(f"The same draws in both. {LEGENDS[view]}")


run, _ = current_run()
notice.show()
if run.header["rule"] in NAMES:
    follow(training, EVERY, partial(pictures, controls()))
else:
    offer_rules(run, "flow", NAMES, switch)
