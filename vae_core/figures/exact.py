"""One image under the microscope as charts: the true posterior under the encoder's ellipse, the sum of nats, the
bounds. Views of `vae_core.analysis.views.exact`."""

import base64
import io
import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from vae_core.figures.colours import CLEAR, GRID
from vae_core.figures.plane import circle, plane_layout

# Okabe & Ito (2008): the true posterior, the encoder, the best Gaussians; colour-blind people tell them apart.
TRUE, ENCODER, BEST, MODE = "#0072b2", "#d55e00", "#009e73", "#cc3399"
FILL = "0,114,178"
GREY = "#808495"  # seen on light and on dark
INK, PAPER = ("#1c2430", "#fafafa"), ("#f4f5f7", "#1d222b")  # on light, on dark
FONT, NUMBER = 16, 19
REACH = 3.0  # standard deviations, or what holds as much mass, that are filled
STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)  # of a frame's edge
INSET, MARGIN = 0.24, 0.02  # of the frame's side
PRIOR_EDGE = 3.0  # of the inset, at least
WORTH_SAYING = 0.05  # nats: an ELBO's error, which a lattice finds where q is far wider than the posterior
CUT = 0.12  # of the axis of nats, left of the lowest value
ZOOM = 6  # of thumbnails


# -- the plane -----------------------------------------------------------------------------------


def posterior_figure(view: dict[str, Any], dark: bool = False) -> go.Figure:
    """The true posterior of an image with the Gaussians that stand for it, and where in the plane this is.

    Args:
        view: `microscope`.
        dark: whether the page is.
    """
    low, edge = steady_frame(view["low"], view["high"])
    figure = go.Figure(layout=plane_layout("z₁", "z₂"))
    depth = deviations(view["density"]).clip(max=2 * REACH).round(3)
    grid = {"x": view["x"], "y": view["y"], "z": depth, "showscale": False, "hoverinfo": "skip", "showlegend": False}
    shade = [[0, f"rgba({FILL},0.9)"], [1, f"rgba({FILL},0)"]]
    figure.add_trace(go.Heatmap(**grid, zmin=0, zmax=REACH, colorscale=shade, zsmooth="best"))
    levels = {"start": 1, "end": 2, "size": 1, "coloring": "none"}
    figure.add_trace(go.Contour(**grid, contours=levels, line={"color": TRUE, "width": 2}))
    legend: list[tuple[str | None, str, str | None, str]] = [("square", TRUE, None, "true posterior")]
    if view["encoder"] is not None:
        figure.add_traces(
            [*outlined(ellipse(view["encoder"], 1), ENCODER, 4), *outlined(ellipse(view["encoder"], 2), ENCODER, 3)]
        )
        legend.append((None, ENCODER, "solid", "encoder’s, 1σ 2σ"))
    for name, dash, words in (("diagonal", "dash", "best along axes, 2σ"), ("full", "dot", "best Gaussian, 2σ")):
        if view[name] is not None:
            figure.add_trace(line(ellipse(view[name], 2), BEST, 2.5, dash))
            legend.append((None, BEST, dash, words))
    marks = [(view["mode"], "x", MODE, "mode"), (view["code"], "cross", ENCODER, "code μ(x)")]
    for place, symbol, colour, words in marks:
        figure.add_trace(mark(place, symbol, colour))
        legend.append((symbol, colour, None, words))
    figure.add_traces([circle(radius).update(line={"color": GREY}, showlegend=False) for radius in (1, 2)])
    if not (low < -2).all() or not (low + edge > 2).all():
        figure.add_traces(whereabouts(low, edge, corner(view, low, edge), PAPER[dark]))
    figure.add_traces([key(*entry) for entry in legend])
    ticks = {"nticks": 6, "tickfont": {"size": FONT}, "title_font": {"size": FONT}}
    figure.update_xaxes(range=[low[0], low[0] + edge], **ticks)
    figure.update_yaxes(range=[low[1], low[1] + edge], **ticks)
    figure.update_layout(
        font={"size": FONT},
        showlegend=True,
        legend={
            "orientation": "h",
            "y": 1.01,
            "yanchor": "bottom",
            "x": 0,
            "xanchor": "left",
            "font": {"size": 15},
            "entrywidth": 0.33,
            "entrywidthmode": "fraction",
        },
        margin={"l": 56, "r": 8, "t": 8, "b": 44},
    )
    return figure


def deviations(density: np.ndarray) -> np.ndarray:
    """For each node of a grid (k, m) with a density, √(−2 log(1 − mass of all higher nodes)): for a Gaussian
    the distance from its mean in standard deviations, so that contours of any density compare with ellipses."""
    flat = density.ravel().astype(float)
    order = np.argsort(-flat, kind="stable")
    held = np.cumsum(flat[order])
    held = (held - flat[order] / 2) / held[-1]  # half of a node lies above it
    found = np.empty_like(flat)
    found[order] = np.sqrt(-2 * np.log1p(-held.clip(max=1 - 1e-8)))
    return found.reshape(density.shape)


def ellipse(gaussian: dict[str, np.ndarray], radius: float) -> np.ndarray:
    """(73, 2) places at a Mahalanobis distance from the mean of {"mean": (2,), "covariance": (2, 2)}."""
    angle = np.linspace(0, 2 * np.pi, 73)
    lower = np.linalg.cholesky(gaussian["covariance"])
    return gaussian["mean"] + radius * np.stack([np.cos(angle), np.sin(angle)], 1) @ lower.T


def steady_frame(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, float]:
    """Lower left corner and edge of a square that holds another; both are round, so that it rarely moves."""
    middle, side = (low + high) / 2, float((high - low).max())
    unit = 10.0 ** math.floor(math.log10(side * 1.05))
    edge = next(step * unit for step in STEPS if step * unit >= side * 1.05)
    while True:
        grid = edge / 20
        corner = np.floor((middle - edge / 2) / grid + 0.5) * grid
        if (corner <= low).all() and (corner + edge >= high).all():
            return corner, edge
        edge *= 1.25


def corner(view: dict[str, Any], low: np.ndarray, edge: float) -> tuple[int, int]:
    """The corner of the frame, (0 or 1, 0 or 1), that is farthest from all that is drawn."""
    drawn = [view["mode"], view["code"], *([ellipse(view["encoder"], 2)] if view["encoder"] else [])]
    box = np.array([[x, y] for x in view["x"][[0, -1]] for y in view["y"][[0, -1]]])
    places = (np.vstack([*drawn, box]) - low) / edge
    corners = [(1, 1), (0, 1), (1, 0), (0, 0)]
    return max(corners, key=lambda place: np.abs(places - place).max(1).min())


def whereabouts(low: np.ndarray, edge: float, place: tuple[int, int], paper: str) -> list[go.Scatter]:
    """An inset in a corner of the frame: the prior's circles, and the frame itself as a box."""
    reach = max(PRIOR_EDGE, float(np.abs([low, low + edge]).max()) * 1.05)
    size = INSET * edge
    middle = low + edge * (MARGIN + INSET / 2 + np.array(place) * (1 - INSET - 2 * MARGIN))
    scale = size / (2 * reach)

    def drawn(places: np.ndarray, **looks: Any) -> go.Scatter:
        x, y = (middle + scale * places).T
        return go.Scatter(x=x, y=y, mode="lines", hoverinfo="skip", showlegend=False, **looks)

    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    angle = np.linspace(0, 2 * np.pi, 49)
    unit = np.stack([np.cos(angle), np.sin(angle)], 1)
    return [
        drawn(reach * (2 * square - 1), line={"color": GREY, "width": 1}, fill="toself", fillcolor=paper),
        drawn(unit, line={"color": GREY, "width": 1.5}),
        drawn(2 * unit, line={"color": GREY, "width": 1.5, "dash": "dot"}),
        drawn(
            low + edge * square, line={"color": MODE, "width": 2.5}, fill="toself", fillcolor="rgba(204,51,153,0.35)"
        ),
    ]


def line(places: np.ndarray, colour: str, width: float, dash: str = "solid") -> go.Scatter:
    """A line through places (n, 2)."""
    x, y = places.T
    looks = {"color": colour, "width": width, "dash": dash}
    return go.Scatter(x=x, y=y, mode="lines", line=looks, hoverinfo="skip", showlegend=False)


def outlined(places: np.ndarray, colour: str, width: float) -> list[go.Scatter]:
    """A line that is seen on any colour."""
    return [line(places, "rgba(255,255,255,0.8)", width + 3), line(places, colour, width)]


def mark(place: np.ndarray, symbol: str, colour: str) -> go.Scatter:
    """A symbol at a place (2,), edged in white."""
    marker = {"symbol": symbol, "size": 15, "color": colour, "line": {"color": "white", "width": 2}}
    return go.Scatter(
        x=place[:1],
        y=place[1:],
        mode="markers",
        marker=marker,
        showlegend=False,
        hovertemplate="(%{x:.3f}, %{y:.3f})<extra></extra>",
    )


def key(symbol: str | None, colour: str, dash: str | None, words: str) -> go.Scatter:
    """An entry of the legend alone."""
    looks = {"line": {"color": colour, "width": 4, "dash": dash}} if dash else {}
    looks |= {"marker": {"symbol": symbol, "color": colour, "size": 13}} if symbol else {}
    return go.Scatter(x=[None], y=[None], mode="markers" if symbol else "lines", name=words, showlegend=True, **looks)


# -- images --------------------------------------------------------------------------------------


def images_figure(view: dict[str, Any], dark: bool = False) -> go.Figure:
    """The image, and what the decoder paints at the encoder's code and at the posterior's mode."""
    shown = {
        f"x, a {view['label']}": view["image"],
        "at the code": view["at_mean"],
        "at the mode": view["at_mode"],
    }
    figure = go.Figure(layout=strip_layout(170, 3))
    for k, (words, image) in enumerate(shown.items()):
        figure.add_layout_image(
            source=Image.fromarray(255 - image), xref="x", yref="y", x=k + 0.04, y=1, sizex=0.92, sizey=0.92,
            xanchor="left", yanchor="top",
        )  # fmt: skip
        figure.add_annotation(
            text=words, x=k + 0.5, y=1.01, yanchor="bottom", showarrow=False, font={"size": 16, "color": INK[dark]}
        )
    return figure


def strip_layout(height: int, count: int) -> dict[str, Any]:
    """Images in a row, without axes."""
    hidden = {"visible": False, "fixedrange": True}
    return {
        "height": height,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "xaxis": {**hidden, "range": [0, count]},
        "yaxis": {**hidden, "range": [0.06, 1.2], "scaleanchor": "x", "constrain": "domain"},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
    }


def thumbnail(image: np.ndarray) -> str:
    """An image (28, 28) uint8 as a data URL, dark ink on white."""
    buffer = io.BytesIO()
    Image.fromarray(np.kron(255 - image, np.ones((ZOOM, ZOOM), np.uint8))).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


# -- nats ----------------------------------------------------------------------------------------


def terms(view: dict[str, Any]) -> list[tuple[str, float, float, str]]:
    """What adds up to what, from the top: name, from where, to where (nats), colour. A sum starts and ends at its
    value; a part starts where the one before it ended.

    With a posterior ELBO + gaps = log p(x); without one, what a better code would gain.
    """
    exact = view["log_marginal"]
    if view["elbo"] is None:
        code, mode = view["joint_at_code"], view["joint_at_mode"]
        return [
            ("log p(x, z) at the code", code, code, ENCODER),
            ("+ a better code", code, mode, BEST),
            ("= log p(x, z) at the mode", mode, mode, MODE),
            ("log p(x)", exact, exact, TRUE),
        ]
    bound = view["elbo"]
    if view["amortization"] is None:
        parts = [("+ gap", bound, exact, BEST)]
    else:
        best = bound + view["amortization"]
        parts = [("+ amortization gap", bound, best, BEST), ("+ approximation gap", best, exact, "#56b4e9")]
    return [("ELBO", bound, bound, ENCODER), *parts, ("= log p(x)", exact, exact, TRUE)]


def sum_figure(view: dict[str, Any], dark: bool = False) -> go.Figure:
    """The terms as a waterfall, in nats; the axis starts near the lowest of them and says so."""
    rows = terms(view)
    values = [value for _, *ends, _ in rows for value in ends]
    low, high = min(values), max(values)
    span = max(high - low, 1.0)
    left, right = low - CUT * span, high + 0.55 * span
    figure = go.Figure(
        go.Bar(
            orientation="h",
            y=[name for name, *_ in rows],
            base=[left if start == end else start for _, start, end, _ in rows],
            x=[end - left if start == end else end - start for _, start, end, _ in rows],
            marker={
                "color": [colour for *_, colour in rows],
                "line": {"color": [colour for *_, colour in rows], "width": 2},
            },
            width=0.62,
            hoverinfo="skip",
        )
    )
    for k, (name, start, end, _) in enumerate(rows):
        number = nats(end) if start == end else f"+{nats(end - start)}"
        if "log p(x)" in name:
            number = f"{least(view['error'])}{number} {within(view['error'])}"
        elif name == "ELBO" and view["elbo_error"] >= WORTH_SAYING:
            number += f" {within(view['elbo_error'])}"
        figure.add_annotation(
            x=max(start, end), y=k, text=f"<b>{number}</b>", xanchor="left", xshift=6, showarrow=False,
            font={"size": NUMBER, "color": INK[dark]},
        )  # fmt: skip
        if start == end:
            cut = {"size": 20, "color": "white"}
            figure.add_annotation(x=left, y=k, text="≈", xanchor="left", xshift=3, showarrow=False, font=cut)
    figure.update_layout(
        height=31 * len(rows) + 38,
        margin={"l": 8, "r": 8, "t": 4, "b": 30},
        bargap=0.3,
        font={"size": FONT},
        xaxis={"range": [left, right], "nticks": 5, "zeroline": False, "fixedrange": True, "showgrid": False,
               "separatethousands": True, "tickfont": {"size": 14}},
        yaxis={"autorange": "reversed", "fixedrange": True, "automargin": True, "ticksuffix": "  ",
               "tickfont": {"size": FONT, "color": INK[dark]}},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
    )  # fmt: skip
    return figure


def bounds_figure(bounds: dict[str, Any], view: dict[str, Any], dark: bool = False) -> go.Figure:
    """Importance-weighted bounds that climb to the exact log p(x).

    Args:
        bounds: `microscope_bounds`.
        view: `microscope` of the same image.
    """
    exact = view["log_marginal"]
    error = [None if math.isnan(e) else float(e) for e in bounds["error"]]
    figure = go.Figure(
        go.Scatter(
            x=bounds["counts"],
            y=bounds["value"],
            error_y={"type": "data", "array": error, "thickness": 2, "width": 5, "color": ENCODER},
            mode="lines+markers",
            line={"color": ENCODER, "width": 3},
            marker={"size": 9},
            hovertemplate="K = %{x:,}: %{y:.3f} nats<extra></extra>",
        )
    )
    low = min(exact, float(np.nanmin(bounds["value"] - np.nan_to_num(bounds["error"]))))
    span = max(exact - low, 0.05)
    figure.add_hline(y=exact, line={"color": TRUE, "width": 3})
    figure.add_annotation(
        text=f"<b>log p(x) {least(view['error'])}{nats(exact)}</b>",
        x=0, xref="x", y=exact, xanchor="left", yanchor="bottom", showarrow=False,
        font={"size": FONT, "color": INK[dark]},
    )  # fmt: skip
    ticks = (1, 10, 100, 1000, 5000)
    figure.update_layout(
        margin={"l": 8, "r": 12, "t": 4, "b": 44},
        font={"size": FONT},
        showlegend=False,
        xaxis={"type": "log", "tickvals": ticks, "ticktext": [f"{k:,}" for k in ticks], "range": [-0.08, 3.78],
               "title": {"text": "K draws of q(z|x) for each bound", "standoff": 4}, "gridcolor": GRID,
               "fixedrange": True, "tickfont": {"size": 14}},
        yaxis={"range": [low - 0.12 * span, exact + 0.3 * span], "title": {"text": "nats"}, "nticks": 5,
               "gridcolor": GRID, "zeroline": False, "fixedrange": True, "automargin": True, "tickfont": {"size": 14}},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
    )  # fmt: skip
    return figure


def nats(value: float) -> str:
    """Two decimals, and more where there are only zeros; a real minus sign."""
    digits = 2 if abs(value) >= 0.005 else 4
    return f"{value:,.{digits}f}".replace("-", "−")


def least(error: float) -> str:
    """What stands before a number of which only a lower bound is known."""
    return "≥ " if math.isinf(error) else ""


def within(error: float) -> str:
    """How exact a number is, rounded up to one figure and to a thousandth at least: nothing is claimed that was not
    achieved."""
    if math.isinf(error):
        return "(not resolved)"
    digits = min(3, max(0, -math.floor(math.log10(max(error, 1e-3)))))
    return f"± {math.ceil(max(error, 1e-3) * 10**digits - 1e-9) / 10**digits:.{digits}f}"
