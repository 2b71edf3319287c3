"""Flows as charts: codes and grid on their way, samples, density. Views of `vae_core.analysis.views.flows`."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from vae_core.figures.colours import CIRCLE, CLASSES, CLEAR, GRID
from vae_core.figures.plane import LABEL, broken_lines, circle, faint, plane_layout

DRAWS = "#3f90da"
EDGE = 3.8  # of the plane, in standard deviations
SECONDS = 3.0  # of the animation
COLUMNS = 5  # of sample images
SMALL = {"size": 12, "color": CIRCLE}


def way_figure(view: dict[str, Any]) -> go.Figure:
    """Points and grid that travel, with a slider and a play button. Axes and circles stay put."""
    colours = DRAWS if view["labels"] is None else [CLASSES[label % 10] for label in view["labels"]]
    names = None if view["labels"] is None else [str(label) for label in view["labels"]]

    def moving(stage: int) -> list[go.Scatter]:
        x, y = broken_lines(view["lines"][stage])
        points = view["points"][stage].round(3)
        middles = middles_of(points, view["labels"])
        return [
            go.Scatter(x=x, y=y, mode="lines", line={"color": GRID, "width": 1}, hoverinfo="skip"),
            go.Scatter(
                x=points[:, 0],
                y=points[:, 1],
                mode="markers",
                marker={"color": colours, "size": 5, "opacity": 0.85},
                text=names,
                hoverinfo="skip" if names is None else "text",
            ),
            go.Scatter(
                x=[x for x, _ in middles.values()],
                y=[y for _, y in middles.values()],
                mode="text",
                text=[f"<b>{label}</b>" for label in middles],
                textfont=LABEL,
                hoverinfo="skip",
            ),
        ]

    stages = view["stages"]
    pause = 1000 * SECONDS / len(stages)
    figure = go.Figure(
        data=[*moving(0), *(circle(radius) for radius in (1, 2)), *([faint(view["codes"])] if view["back"] else [])],
        frames=[go.Frame(data=moving(k), traces=[0, 1, 2], name=name) for k, name in enumerate(stages)],
        layout=plane_layout("standardised z₁", "standardised z₂", EDGE),
    )
    timing = {"frame": {"duration": pause, "redraw": False}, "transition": {"duration": pause, "easing": "linear"}}
    at_once = {
        "frame": {"duration": 0, "redraw": False},
        "transition": {"duration": 0},
        "mode": "immediate",
    }
    play = {"label": "Play", "method": "animate", "args": [None, {**timing, "fromcurrent": True, "mode": "immediate"}]}
    stop = {"label": "Pause", "method": "animate", "args": [[None], at_once]}
    figure.update_layout(
        margin={"l": 48, "r": 8, "t": 8, "b": 96},
        updatemenus=[
            {
                "type": "buttons", "direction": "left", "buttons": [play, stop], "showactive": False,
                "x": 0, "y": 0, "xanchor": "left", "yanchor": "top", "pad": {"t": 48, "l": 0},
                "bgcolor": "rgba(128,128,128,0.2)", "bordercolor": GRID,
            }
        ],
        sliders=[
            {
                "steps": [{"label": s, "method": "animate", "args": [[s], at_once]} for s in stages],
                "x": 0.26, "len": 0.74, "y": 0, "pad": {"t": 34}, "currentvalue": {"visible": True, "xanchor": "left"},
                "ticklen": 0, "minorticklen": 0, "font": {"color": CLEAR}, "bordercolor": GRID,
                "bgcolor": "rgba(128,128,128,0.2)",
            }
        ],
    )  # fmt: skip
    figure.layout.sliders[0].currentvalue.font = {"color": "#808495"}
    if outside := int((np.abs(view["points"]) > EDGE).any((0, 2)).sum()):
        figure.add_annotation(
            text=f"{outside} of {view['points'].shape[1]} points pass outside the picture",
            x=1, y=1, xref="paper", yref="paper", xanchor="right", yanchor="top", showarrow=False,
        )  # fmt: skip
    return figure


def density_figure(view: dict[str, Any]) -> go.Figure:
    """Contours of the flow's log-density, with the codes on them."""
    values = np.asarray(view["log_density"], dtype=float)
    top = float(np.floor(values.max()))
    contours = go.Contour(
        x=view["x"],
        y=view["y"],
        z=np.maximum(values, top - 9.5).round(3),
        contours={
            "start": top - 9,
            "end": top,
            "size": 1,
            "showlabels": True,
            "labelformat": ".0f",
            "labelfont": SMALL,
        },
        showscale=False,
        colorscale=[[0, "rgba(128,128,128,0)"], [1, "rgba(128,128,128,0.8)"]],  # on light and on dark
        line={"width": 0.5, "color": GRID},
        hovertemplate="z = (%{x:.2f}, %{y:.2f})<br>log p = %{z:.2f} nats<extra></extra>",
    )
    codes = go.Scatter(
        x=view["codes"][:, 0],
        y=view["codes"][:, 1],
        mode="markers",
        marker={"color": [CLASSES[label % 10] for label in view["labels"]], "size": 4},
        text=[str(label) for label in view["labels"]],
        hoverinfo="text",
    )
    figure = go.Figure([contours, codes], plane_layout("z₁", "z₂"))
    figure.update_xaxes(range=[float(view["x"][0]), float(view["x"][-1])], constrain="domain")
    figure.update_yaxes(range=[float(view["y"][0]), float(view["y"][-1])], constrain="domain")
    figure.add_traces([circle(radius) for radius in (1, 2)])
    return figure


def samples_figure(images: np.ndarray) -> go.Figure:
    """(m, 28, 28) uint8 as one picture, in rows of five; ink is dark on white."""
    rows = -(-len(images) // COLUMNS)
    sheet = np.zeros((rows * COLUMNS, *images.shape[1:]), images.dtype)
    sheet[: len(images)] = images
    tall, wide = images.shape[1:]
    sheet = sheet.reshape(rows, COLUMNS, tall, wide).swapaxes(1, 2).reshape(rows * tall, COLUMNS * wide)
    figure = go.Figure(
        go.Heatmap(z=sheet, zmin=0, zmax=255, colorscale="Greys", showscale=False, hoverinfo="skip"),
        {
            "height": 220,
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
            "xaxis": {"visible": False, "constrain": "domain", "fixedrange": True},
            "yaxis": {"visible": False, "autorange": "reversed", "scaleanchor": "x", "constrain": "domain",
                      "fixedrange": True},
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
        },
    )  # fmt: skip
    return figure


def middles_of(points: np.ndarray, labels: np.ndarray | None) -> dict[int, tuple[float, float]]:
    """Where to write each class: at the median of its points; nothing without labels."""
    if labels is None:
        return {}
    return {int(label): tuple(np.median(points[labels == label], 0).tolist()) for label in np.unique(labels)}
