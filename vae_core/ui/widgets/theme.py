"""Whether the page is light or dark."""

import streamlit as st


def dark() -> bool:
    """Whether the page is dark."""
    return bool(st.context.theme.type == "dark")
