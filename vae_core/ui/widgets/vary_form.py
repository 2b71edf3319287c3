"""The form for a comparison of one's own: one setting, and two to four values of it."""

import re
import typing
from collections.abc import Mapping
from typing import Any

import streamlit as st

from vae_core.run.contrasts import MOST, VARIABLE, vary
from vae_core.run.link import KNOB
from vae_core.run.recipe import Recipe
from vae_core.ui.widgets.rules import rules


def vary_form(base: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The widgets; the recipes once submitted. The engine checks them.

    Args:
        base: fields of the recipe that all runs share.
    """
    known = rules()
    knobs = {KNOB + knob["name"]: knob for knob in known[base["rule"]]["knobs"] if knob["kind"] != "text"}

    def words(setting: str) -> str:
        if setting in knobs:
            return f"{knobs[setting]['symbol']}, {knobs[setting]['title']}"
        title = Recipe.model_fields[setting].title or setting.replace("_", " ")
        return title[0].upper() + title[1:]

    setting = st.selectbox("Setting", [*knobs, *VARIABLE], format_func=words, key="vary_setting")
    options = choices(setting, knobs, known)
    with st.form("vary", border=False):
        if options:
            chosen = st.multiselect(
                "Values", list(options), list(options)[:2], format_func=options.__getitem__, max_selections=MOST
            )
        else:
            present = base["knobs"][setting.removeprefix(KNOB)] if setting in knobs else base[setting]
            shown = "-".join(map(str, present)) if setting == "hidden" else f"{present:g}"
            text = st.text_input(
                "Values", shown, help=f"Two to {MOST}, with spaces between: 0.1 1 10", key=f"vary_{setting}"
            )
            chosen = [value for value in re.split(r"[\s,;]+", text) if value]
        if st.form_submit_button("Compare", type="primary", icon=":material/play_arrow:", width="stretch"):
            return vary(base, setting, [value.split("-") for value in chosen] if setting == "hidden" else chosen)
    return None


def choices(setting: str, knobs: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[Any, str]:
    """The values that a setting may have, in words; none where it is a number."""
    if setting == "rule":
        return {name: rule["title"] for name, rule in rules.items()}
    if setting in knobs and knobs[setting]["kind"] == "choice":
        return {choice["value"]: choice["title"] for choice in knobs[setting]["choices"]}
    kind = knobs[setting]["kind"] if setting in knobs else None
    if setting == "wider" or kind == "bool":
        return {False: "no", True: "yes"}
    literal = None if setting in knobs else Recipe.model_fields[setting].annotation
    return (
        {value: str(value) for value in typing.get_args(literal)}
        if typing.get_origin(literal) is typing.Literal
        else {}
    )
