"""All codes together as charts: the aggregate posterior against the prior, the KL in two parts, and one yardstick.
Views of `vae_core.analysis.views.exact`."""

from typing import Any

import plotly.graph_objects as go

from vae_core.figures.colours import CIRCLE, CLEAR, GRID
from vae_core.figures.exact import BEST, ENCODER, FILL, FONT, GREY, INK, NUMBER, TRUE, least, nats, within
from vae_core.figures.plane import circle, plane_layout

ROOM = 1.18  # of the axis, in units of what is drawn: for the numbers
PRIORS = {"N(0, I)": TRUE, "N(m, S)": BEST}  # the others have the encoder's colour: they follow the codes


def together_figure(view: dict[str, Any]) -> go.Figure:
    """The density of all codes as a heat map, with the prior's circles.

    Args:
        view: `together`.
    """
    edge = float(view["x"][-1])
    density = view["density"]
    heat = go.Heatmap(
        x=view["x"],
        y=view["y"],
        z=(density / density.max()).round(4) ** 0.5,
        zmin=0,
        zmax=1,
        colorscale=[[0, f"rgba({FILL},0)"], [1, f"rgba({FILL},1)"]],
        zsmooth="best",
        showscale=False,
        hoverinfo="skip",
    )
    figure = go.Figure([heat], plane_layout("z₁", "z₂", edge))
    figure.add_traces([circle(radius).update(line={"color": CIRCLE, "width": 3}) for radius in (1, 2)])
    axis: dict[str, Any] = {"dtick": next(step for step in (1, 2, 5, 10, 20, 50, 100, 1e9) if step >= edge / 4)}
    axis |= {"tickfont": {"size": FONT}, "title_font": {"size": FONT}}
    figure.update_xaxes(axis)
    figure.update_yaxes(axis)
    figure.update_layout(font={"size": FONT}, margin={"l": 56, "r": 8, "t": 8, "b": 44})
    return figure


def split_figure(view: dict[str, Any], dark: bool = False) -> go.Figure:
    """The mean KL(q(z|x) ‖ N(0, I)) as one bar of two parts, I(x; z) and KL(q(z) ‖ N(0, I)), and the most that
    I can be, log N.

    Args:
        view: `together` of a rule with a posterior.
    """
    parts = [("I(x; z)", view["mutual_information"], TRUE), ("KL(q(z) ‖ N(0, I))", view["aggregate_kl"], ENCODER)]
    most = view["most"]
    right = max(most, view["kl"]) * ROOM
    figure = go.Figure(
        [
            go.Bar(
                orientation="h",
                y=[""],
                x=[value],
                name=f"{name} = {nats(value)}",
                marker={"color": colour},
                width=0.8,
                hoverinfo="skip",
            )
            for name, value, colour in parts
        ]
    )
    figure.add_vline(x=most, line={"color": GREY, "width": 3, "dash": "dash"})
    figure.add_annotation(
        x=view["kl"], y=0, text=f"<b>{nats(view['kl'])}</b>", xanchor="left", xshift=6, showarrow=False,
        font={"size": NUMBER, "color": INK[dark]},
    )  # fmt: skip
    figure.add_annotation(
        x=most, y=1, yref="paper", yanchor="bottom", xanchor="center", showarrow=False,
        text=f"log N = {nats(most)}, N = {view['images']:,}",
    )  # fmt: skip
    legend = {
        "orientation": "h",
        "y": -0.45,
        "yanchor": "top",
        "x": 0,
        "font": {"size": NUMBER},
        "traceorder": "normal",
    }
    figure.update_layout(**bars(150, right), barmode="stack", showlegend=True, legend=legend)
    return figure


def yardstick_figure(view: dict[str, Any], dark: bool = False) -> go.Figure:
    """Mean exact log p(x) under several densities of z, as dots: there is no zero that bars could start from.

    Args:
        view: `yardstick`.
    """
    priors = view["priors"]
    names, values = [prior["name"] for prior in priors], [prior["mean"] for prior in priors]
    low, high = min(values), max(values)
    span = max(high - low, 2.0)
    left, right = low - 0.25 * span, high + 0.6 * span
    colours = [PRIORS.get(name, ENCODER) for name in names]
    figure = go.Figure()
    for name, value, colour in zip(names, values, colours, strict=True):
        figure.add_trace(
            go.Scatter(
                x=[left, value], y=[name, name], mode="lines+markers", line={"color": colour, "width": 4},
                marker={"size": [0, 20], "color": colour, "opacity": 1, "line": {"width": 0}}, cliponaxis=False,
                hoverinfo="skip",
            )
        )  # fmt: skip
    for prior in priors:
        figure.add_annotation(
            x=prior["mean"], y=prior["name"],
            text=f"<b>{least(prior['error'])}{nats(prior['mean'])}</b> {within(prior['error'])}",
            xanchor="left", xshift=16, showarrow=False,
            font={"size": NUMBER, "color": INK[dark]},
        )  # fmt: skip
    layout = bars(40 * len(priors) + 40, right)
    layout["xaxis"] |= {"range": [left, right], "nticks": 5}
    named = {"size": FONT, "color": INK[dark]}
    layout["yaxis"] |= {"autorange": "reversed", "automargin": True, "ticksuffix": "  ", "tickfont": named}
    layout["yaxis"] |= {"visible": True, "showgrid": False}
    figure.update_layout(**layout, showlegend=False)
    return figure


def bars(height: int, right: float) -> dict[str, Any]:
    """The layout of horizontal bars from zero."""
    return {
        "height": height,
        "font": {"size": FONT},
        "margin": {"l": 8, "r": 8, "t": 26, "b": 30},
        "xaxis": {
            "range": [0, right],
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
            "title": None,
            "tickfont": {"size": 14},
        },
        "yaxis": {"visible": False, "fixedrange": True, "title": None},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
    }
