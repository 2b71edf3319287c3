"""Charts on a page."""

from typing import Any, Literal

import streamlit as st
from plotly.graph_objects import Figure


def chart(
    figure: Figure,
    key: str,
    *,
    alt: str | None = None,
    still: bool = False,
    height: Literal["stretch", "content"] = "content",
) -> None:
    """Show a figure without Plotly's bar of buttons.

    Args:
        alt: what it shows, for those who do not see it.
        still: it does not answer the mouse.
        height: "stretch": as high as its container.
    """
    config: dict[str, Any] = {"staticPlot": True} if still else {"displayModeBar": False}
    st.plotly_chart(figure, key=key, alt=alt, height=height, config=config)
