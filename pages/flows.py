"""Flows: the codes on their way to the Gaussian and back, samples through the flow, exact density."""

import streamlit as st

from vae_core.figures.flows import density_figure, samples_figure, way_figure
from vae_core.run.catalogue import by_name
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.rule_offer import offer_rules
from vae_core.ui.widgets.session import current_run
from vae_core.workers.errors import LaneError

PORTION = 300  # steps that a click trains
EVERY = 2.0  # seconds between two pictures while it trains
UNTIL = "flows_until"  # in the session state: (run, step) that the training goes to
SHORT = {"frozen": "On the codes as they are", "together": "Together", "prior": "As the VAE's prior"}
LEGENDS = {
    "to": "Circles: 1σ and 2σ of N(0, I).",
    "back": "Circles: 1σ and 2σ of N(0, I). Grey: the codes.",
    "density": "Contours: log p(z) of the flow, one nat apart.",
}
VIEWS = {"to": "To the Gaussian", "back": "Back to the codes", "density": "Density"}


def train(steps: int = PORTION) -> None:
    st.session_state[UNTIL] = run.id, run.header["step"] + steps
    run.step(steps)


def switch(rule: str | None = None, **knobs: str) -> None:
    try:
        run.switch(rule=rule, knobs=knobs or None)
    except LaneError as error:
        st.session_state["flows_error"] = str(error)
    else:
        train()


def training() -> bool:
    whose, until = st.session_state.get(UNTIL, (None, 0))
    return whose == run.id and run.header["step"] < until and run.status != "diverged"


def use_rule() -> None:
    switch(rule=st.session_state["flows_rule"])


def use_mode() -> None:
    switch(mode=st.session_state["flows_mode"])


run, _ = current_run()
rules = by_name(engine().rules())
FLOWS = {name: rules[name]["title"] for name in ("flow", "continuous_flow")}
if message := st.session_state.pop("flows_error", None):
    st.error(message)


def controls() -> str:
    """The bar above the pictures; which of the views is wanted."""
    rule = run.header["rule"]
    mode = next(knob for knob in rules[rule]["knobs"] if knob["name"] == "mode")
    modes = {choice["value"]: SHORT.get(choice["value"], choice["value"]) for choice in mode["choices"]}
    st.session_state["flows_rule"], st.session_state["flows_mode"] = rule, run.header["knobs"]["mode"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        view = st.segmented_control("Show", list(VIEWS), format_func=VIEWS.get, default="to", required=True)
        st.segmented_control("Flow", list(FLOWS), format_func=FLOWS.get, key="flows_rule", on_change=use_rule)
        explained = "; ".join(f"{modes[choice['value']]}: {choice['title']}" for choice in mode["choices"])
        st.segmented_control(
            "Trained", list(modes), format_func=modes.get, key="flows_mode", on_change=use_mode, help=explained
        )
        st.button(f"Train {PORTION} steps", icon=":material/play_arrow:", on_click=train)
    return view


def pictures(view: str) -> None:
    """The plane, and beside it densities and samples."""
    try:
        density, samples = run.examine("flow_density"), run.examine("flow_samples")
        way = None if view == "density" else run.examine("flow_way", back=view == "back")
    except LaneError as error:
        st.error(str(error))
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        figure = density_figure(density) if way is None else way_figure(way)
        st.plotly_chart(figure, width="stretch", key=f"flows_{view}", config={"displayModeBar": False})
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
                figure = samples_figure(samples[name])
                st.plotly_chart(figure, width="stretch", key=f"flows_{name}", config={"staticPlot": True})
        st.caption(f"The same draws in both. {LEGENDS[view]}")
    if st.session_state.get("flows_was_training") and not training():
        st.session_state["flows_was_training"] = False
        st.rerun()  # without the clock


if run.header["rule"] in FLOWS:
    chosen = controls()
    st.session_state["flows_was_training"] = training()
    st.fragment(pictures, run_every=EVERY if training() else None)(chosen)
else:
    offer_rules(run, "flow", list(FLOWS), switch)
