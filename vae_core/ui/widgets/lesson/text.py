"""The text of a lesson, with what was measured of its claims."""

import html
import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

from vae_core.run.catalogue import default_knobs
from vae_core.teaching.claims.ledger import MEASURED
from vae_core.teaching.claims.table import rows
from vae_core.teaching.lessons import CLAIM, Lesson
from vae_core.teaching.lessons.loss_lines import with_code
from vae_core.ui.widgets.rules import rules

VERDICTS = {"holds": "holds", "by construction": "holds", "depends on the seed": "depends", "fails": "fails"}


def ledger() -> dict[str, dict[str, Any]]:
    """Claim -> its row of the measured ledger; empty as long as nothing was measured."""
    return {row["name"]: row for row in rows()} if MEASURED.exists() else {}


def with_chips(text: str, measured: Mapping[str, Mapping[str, Any]]) -> str:
    """Lesson text as Markdown with HTML: each claim as a chip with its measured words and verdict."""

    def chip(found: re.Match[str]) -> str:
        row = measured.get(found[1])
        if row is None:
            return f'<span class="claim" title="{found[1]}">not measured yet</span>'
        said = row["sentence"] + (f" Often said: {row['folklore']}" if row["folklore"] else "")
        words = html.escape(f"measured: {row['measured']} · {row['verdict']}")
        return f'<span class="claim {VERDICTS[row["verdict"]]}" title="{html.escape(said)}">{words}</span>'

    return CLAIM.sub(chip, text)


def write(text: str) -> None:
    """Show lesson text."""
    knobs = default_knobs(rules().values())
    st.markdown(with_chips(with_code(text, knobs), ledger()), unsafe_allow_html=True)


def tasks(lesson: Lesson, done: int) -> str:
    """The controls to use as a list: those that were used, the next one, and those that follow."""
    lines = []
    for place, press in enumerate(lesson.press):
        mark = "check_circle" if place < done else "radio_button_unchecked"
        lines.append(f":{'green' if place < done else 'primary' if place == done else 'gray'}[:material/{mark}:] ")
        lines.append(press.words if place <= done else f":gray[{press.words}]")
        lines.append("\n\n")
    return "".join(lines)
