"""The plane in charts: axes of one scale, the prior's circles, lines and codes."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from vae_core.figures.colours import CIRCLE, CLEAR

HEIGHT = 600


LABEL = {"size": 20, "color": "black", "shadow": ", ".join(3 * ["0 0 3px white"])}  # legible on dots of any colour


def circle(radius: float) -> go.Scatter:
    """The prior's circle of so many standard deviations."""
    angle = np.linspace(0, 2 * np.pi, 73)
    dash = "solid" if radius == 1 else "dash"
    return go.Scatter(
        x=(radius * np.cos(angle)).round(3),
        y=(radius * np.sin(angle)).round(3),
        mode="lines",
        line={"color": CIRCLE, "width": 1.5, "dash": dash},
        hoverinfo="skip",
    )


def faint(codes: np.ndarray) -> go.Scatter:
    """Where the codes lie, for draws that stream there."""
    x, y = codes.round(3).T
    marker = {"color": "rgba(128,128,128,0.35)", "size": 4}
    return go.Scatter(x=x, y=y, mode="markers", marker=marker, hoverinfo="skip")


def broken_lines(lines: np.ndarray) -> tuple[list[float | None], list[float | None]]:
    """(k, p, 2) lines as the two coordinates of one trace, with a gap after each line."""
    gaps = np.full((len(lines), 1, 2), np.nan)
    flat = np.concatenate([lines, gaps], 1).reshape(-1, 2).round(3)
    x, y = ([None if np.isnan(value) else float(value) for value in flat[:, i]] for i in range(2))
    return x, y


def plane_layout(x: str, y: str, edge: float | None = None) -> dict[str, Any]:
    """A square plane at one scale; with an edge, fixed axes."""
    axis: dict[str, Any] = {"zeroline": False, "showgrid": False, "fixedrange": True}
    if edge:
        axis |= {"range": [-edge, edge], "dtick": 1}
    return {
        "height": HEIGHT,
        "margin": {"l": 48, "r": 8, "t": 8, "b": 40},
        "showlegend": False,
        "xaxis": {**axis, "title": {"text": x, "standoff": 4}, "constrain": "domain"},
        "yaxis": {**axis, "title": {"text": y, "standoff": 4}, "scaleanchor": "x", "constrain": "domain"},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
    }
