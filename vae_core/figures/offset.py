"""The Offset lab as charts: arrows on the plane, images encoded twice, merged weights.

Views of `vae_core.analysis.views.offset`.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from vae_core.figures.colours import CLASSES, CLEAR
from vae_core.figures.plane import broken_lines, circle, plane_layout

EDGES = (4, 6, 8, 12, 16, 24, 32, 48, 64)  # of the plane's axes; they change when a user says so
INSIDE = 0.95  # share of the codes that the first choice of an edge holds
HEIGHT = 490
GREY, INK = "rgba(128,128,128,0.6)", "#808495"
UNITS = {"ink": "mean pixel", "slant": "columns a row", "height": "pixels", "width": "pixels"}
TEXT_ROWS, GAP = 26, 4  # of the sheet of images, in pixels


def edge_for(view: dict[str, Any], now: int = 0) -> int:
    """The smallest edge of the plane that holds nearly all codes, before and after; the present one
    while it holds them and is not more than twice as large, so that axes rarely move."""
    codes = np.concatenate([view[side][when] for side in ("seen", "unseen") for when in ("before", "after")])
    reach = float(np.quantile(np.abs(codes).max(1), INSIDE))
    fits = next((edge for edge in EDGES if reach <= edge), EDGES[-1])
    return now if fits <= now <= 2 * fits else fits


def arrows_figure(side: dict[str, Any], colour: str, edge: float) -> go.Figure:
    """An arrow for each image, from its code before the offset to its code after.

    Args:
        side: "seen" or "unseen" of the view `offset_codes`.
        colour: "class", or the name of a property.
        edge: of the axes, which stay where they are while the run trains.
    """
    figure = go.Figure(layout=plane_layout("z₁", "z₂", edge))
    figure.add_traces([circle(radius) for radius in (1, 2)])
    figure.update_traces(showlegend=False)
    before, after, labels = side["before"], side["after"], side["labels"]
    if colour == "class":
        for label in np.unique(labels):
            own = labels == label
            figure.add_trace(arrows(before[own], after[own], str(label), CLASSES[label % 10]))
        figure.update_layout(
            showlegend=True,
            legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0.5, "xanchor": "center",
                    "itemsizing": "constant"},
        )  # fmt: skip
    else:
        values = side["properties"][colour]
        figure.add_trace(arrows(before, after, colour, GREY, heads=False))
        figure.add_trace(
            go.Scatter(
                x=after[:, 0].round(3),
                y=after[:, 1].round(3),
                mode="markers",
                marker={
                    "color": values.round(4), "colorscale": "Viridis", "size": 7,
                    "colorbar": {"title": {"text": f"{colour}, {UNITS[colour]}", "side": "right"}, "thickness": 12},
                },
                customdata=labels,
                hovertemplate=f"class %{{customdata}}<br>{colour} %{{marker.color:.3g}}<extra></extra>",
                showlegend=False,
            )
        )  # fmt: skip
    outside = int((np.abs(after).max(1) > edge).sum())
    if outside:
        figure.add_annotation(
            text=f"{outside:,} of {len(after):,} codes lie outside ±{edge:g}", showarrow=False, font={"color": INK},
            xref="paper", yref="paper", x=1, y=-0.05, xanchor="right", yanchor="top",
        )  # fmt: skip
    figure.update_xaxes(dtick=edge / 4)
    figure.update_yaxes(dtick=edge / 4)
    figure.update_layout(height=HEIGHT, margin={"l": 44, "r": 8, "t": 26, "b": 40}, uirevision=f"{colour} {edge}")
    return figure


def arrows(before: np.ndarray, after: np.ndarray, name: str, colour: str, heads: bool = True) -> go.Scatter:
    """Lines from before to after, with heads that point along them."""
    x, y = broken_lines(np.stack([before, after], 1))
    return go.Scatter(
        x=x,
        y=y,
        mode="lines+markers" if heads else "lines",
        line={"color": colour, "width": 1},
        marker={"symbol": "arrow", "angleref": "previous", "size": [0, 8, 0] * len(before), "color": colour},
        opacity=0.8,
        name=name,
        hoverinfo="name" if heads else "skip",
        showlegend=heads,
    )


def twice_figure(view: dict[str, Any]) -> go.Figure:
    """Images on top, their codes in the middle, reconstructions below."""
    images, painted = view["images"], view["reconstructions"]
    count, tall, wide = images.shape
    step = wide + GAP
    sheet = np.full((2 * tall + TEXT_ROWS, count * step - GAP), np.nan)
    for k in range(count):
        sheet[:tall, k * step : k * step + wide] = images[k]
        sheet[tall + TEXT_ROWS :, k * step : k * step + wide] = painted[k]
    figure = go.Figure(
        go.Heatmap(z=sheet, zmin=0, zmax=255, colorscale="Greys", showscale=False, hoverinfo="skip"),
        {
            "height": 300,
            "margin": {"l": 62, "r": 0, "t": 4, "b": 4},
            "xaxis": {"visible": False, "fixedrange": True},
            "yaxis": {"visible": False, "autorange": "reversed", "fixedrange": True},
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
        },
    )
    rows = {
        "μ(x)": view["before"], "a f(x)": view["first"] - view["before"], "z": view["first"], "z again": view["again"],
    }  # fmt: skip
    places = tall + TEXT_ROWS * (np.arange(len(rows)) + 0.5) / len(rows) - 0.5
    for place, (name, codes) in zip(places, rows.items(), strict=True):
        figure.add_annotation(text=name, x=-0.02, xref="paper", xanchor="right", y=place, showarrow=False)
        for k, (first, second) in enumerate(codes):
            figure.add_annotation(
                text=f"({first:.2f}, {second:.2f})".replace("-", "−"),
                x=k * step + wide / 2,
                y=place,
                showarrow=False,
                font={"size": 11},
            )
    for name, place in (("x", tall / 2), ("decoded", 1.5 * tall + TEXT_ROWS)):
        figure.add_annotation(text=name, x=-0.02, xref="paper", xanchor="right", y=place, showarrow=False)
    return figure


def blocks_figure(view: dict[str, Any]) -> go.Figure:
    """The size of the weights of the merged network's second layer: blocks, and zeros beside them."""
    blocks = view["blocks"]
    return go.Figure(
        go.Heatmap(
            z=blocks, zmin=0, zmax=float(np.quantile(blocks, 0.99)) or 1.0, colorscale="Viridis",
            colorbar={"title": {"text": "|w|", "side": "right"}, "thickness": 10}, hoverinfo="skip",
        ),
        {
            "height": 190,
            "margin": {"l": 8, "r": 0, "t": 4, "b": 28},
            "xaxis": {"title": {"text": f"{view['merged'][0]} units of layer 1", "standoff": 4},
                      "showticklabels": False, "fixedrange": True},
            "yaxis": {"title": {"text": f"{view['merged'][1]} of layer 2", "standoff": 4},
                      "showticklabels": False, "autorange": "reversed", "fixedrange": True},
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
        },
    )  # fmt: skip


def members_figure(view: dict[str, Any]) -> go.Figure:
    """Where each of k encoders puts an image, with a line to their mean, the dot."""
    each, mean = view["each"], view["mean"]
    edge = next((e for e in EDGES if np.quantile(np.abs(each), INSIDE) <= e), EDGES[-1])
    figure = go.Figure(layout=plane_layout("μ₁", "μ₂", edge))
    figure.add_traces([circle(radius) for radius in (1, 2)])
    colours = [CLASSES[label % 10] for label in view["labels"]]
    for codes in each:
        x, y = broken_lines(np.stack([mean, codes], 1))
        figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line={"color": GREY, "width": 1}, hoverinfo="skip"))
    dots = {"color": colours, "size": 8}
    figure.add_trace(go.Scatter(x=mean[:, 0], y=mean[:, 1], mode="markers", marker=dots, hoverinfo="skip"))
    figure.update_xaxes(dtick=edge / 4)
    figure.update_yaxes(dtick=edge / 4)
    figure.update_layout(height=330, margin={"l": 40, "r": 8, "t": 4, "b": 36})
    return figure
