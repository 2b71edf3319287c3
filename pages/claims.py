"""Claims: every sentence of the lessons about runs, what was measured, and whether it holds."""

import streamlit as st

from vae_core.figures.studies import dimensions_figure, moved_figure, sizes_figure
from vae_core.teaching.claims.table import QUESTIONS, rows, setting_in_words
from vae_core.teaching.studies import STUDIES
from vae_core.teaching.studies import rows as measured

FIGURES = {"sizes": sizes_figure, "moved": moved_figure, "dimensions": dimensions_figure}

st.subheader("What the lessons claim, and what was measured")
st.caption(setting_in_words())
with st.container(horizontal=True, vertical_alignment="bottom"):
    question = st.selectbox("Question", [0, *QUESTIONS], format_func=lambda q: QUESTIONS.get(q, "All"), width=520)
    folklore = st.toggle("Only where the folklore fails")
shown = [row for row in rows() if question in (0, row["question"]) and (row["folklore"] or not folklore)]
for number in dict.fromkeys(row["question"] for row in shown):
    st.markdown(f"**{number}. {QUESTIONS[number]}**")
    own = [row for row in shown if row["question"] == number]
    table = {"Claim": [row["words"] for row in own], "Measured": [row["measured"] for row in own]}
    st.table({**table, "Verdict": [row["verdict"] for row in own]}, border="horizontal")
    for name, study in STUDIES.items():
        if study.question == number and not folklore:
            st.markdown(f"**{study.title}**")
            st.plotly_chart(FIGURES[name](measured(name)), key=f"study_{name}")
            st.caption(study.words)
st.caption("Measure them again: `python -m vae_core claims`")
