"""Rule offer: a page that needs another rule than the run's says so, and what it would be; one click switches."""

from collections.abc import Callable, Sequence

import streamlit as st

from vae_core.engine.player import LiveRun
from vae_core.run.catalogue import by_name
from vae_core.ui.server.state import engine


def offer_rules(run: LiveRun, lacks: str, names: Sequence[str], switch: Callable[[str], None], note: str = "") -> None:
    """A card for each rule that has what the run lacks.

    Args:
        lacks: what the page shows, one word.
        names: of the rules.
        switch: takes the chosen one into use.
        note: a sentence below each formula.
    """
    rules = by_name(engine().rules())
    st.subheader(f"{rules[run.header['rule']]['title']} has no {lacks}: switch this run to one")
    for column, name in zip(st.columns(len(names)), names, strict=True):
        with column.container(border=True):
            st.markdown(f"**{rules[name]['question']}**")
            st.latex(rules[name]["formula"])
            if note:
                st.caption(note)
            title = rules[name]["title"].lower()
            st.button(f"Switch to the {title}", key=f"to_{name}", type="primary", on_click=switch, args=(name,))
