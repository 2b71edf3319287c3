"""Code: the rule's own source beside its formula, and the run as a script to take home."""

import streamlit as st

from vae_core.teaching.scripts import FRAMEWORKS, ScriptError, script, script_name, symbols
from vae_core.ui.widgets.rules import rules
from vae_core.ui.widgets.session import current_run
from vae_core.ui.widgets.source import coloured_code, coloured_formula, style
from vae_core.ui.widgets.theme import dark

run, _ = current_run()
header = run.header
rule = rules()[header["rule"]]
st.html(style(dark()))
left, right = st.columns([2, 3], gap="medium")
with left:
    st.subheader(f"{rule['title']}, as it runs here")
    try:
        names = symbols(rule["name"])
    except ValueError:  # a rule of the user's own, from elsewhere
        names = []
    st.latex(coloured_formula(rule["formula"], names, dark()))
    with st.container(border=True, height=520, key="rule_source"):
        st.html(coloured_code(rule["code"], names))
    st.caption(f"`vae_core/rules/{rule['name']}.py` · {rule['source']}")
with right:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Take it home", width="stretch")
        framework = st.segmented_control(
            "Framework", FRAMEWORKS, format_func=FRAMEWORKS.__getitem__, default="torch", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        place = st.empty()
    try:
        text = script(run.record.recipe, framework, rule=header["rule"], knobs=header["knobs"], noise=header["noise"])
    except ScriptError as error:
        st.info(str(error), icon=":material/code_off:")
    else:
        name = script_name(header["rule"], framework)
        place.download_button("Download", text, name, "text/x-python", icon=":material/download:", type="primary")
        with st.container(key="script"):
            st.code(text, language="python", height="stretch")
        st.caption(
            f"Stands alone, also as a notebook's cell: `python {name} --steps 1000` finds MNIST where Noise Lab does, "
            "or downloads it. The two places where the rule enters are marked `>>> the latent rule`."
        )
