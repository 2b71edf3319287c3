"""Fields of the plane as charts: steepness, classes, a straight line, holes; views of `analysis.views.fields`."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from vae_core.figures.colours import CIRCLE, CLASSES, CLEAR, GRID
from vae_core.figures.plane import LABEL, circle, faint, plane_layout

FONT = {"size": 16}
HEIGHT, LINE_HEIGHT = 600, 460
HOLE = "226,61,40"  # red, green, blue
PRIOR_LEVELS = 0.393, 0.865  # of the mass, inside 1 and 2 standard deviations of N(0, I)
MAP, COLUMNS, ROWS = 0.68, 2, 3  # width of the map of holes, and images beside it
VIEW = 3.5  # edge of that map under N(0, I)
APART = 0.07  # of the map's width, between samples that have a number
STRIP = 0.24  # of the height of a line's chart


def smoothness_figure(view: dict[str, Any], top: float | None = None) -> go.Figure:
    """The Jacobian's norm as a heatmap, with the codes on it.

    Args:
        top: norm of the brightest colour, for charts that are compared; its own largest if left out.
    """
    heat = go.Heatmap(
        x=view["x"],
        y=view["y"],
        z=view["norm"].round(2),
        zmin=0,
        zmax=float(view["norm"].max()) if top is None else top,
        colorscale="Viridis",
        colorbar={"title": {"text": "‖∂x/∂z‖", "side": "top"}, "thickness": 14},
        hovertemplate="z = (%{x:.2f}, %{y:.2f})<br>‖∂x/∂z‖ = %{z:.1f}<extra></extra>",
    )
    dots = on_top(view["codes"], "white", 4, 0.55)
    return plane(view["edge"], [heat, dots, *circles("white")], view["codes"])


def class_figure(view: dict[str, Any]) -> go.Figure:
    """The class that is painted at each place, fainter where the classifier is in doubt, and the codes
    of test images in the colours of their own classes."""
    classes = view["classes"]
    count = len(classes)
    # One trace: class k has the values k to k + 1, from clear to its colour.
    values = view["class"] + 0.999 * view["probability"]
    scale = []
    for k in range(count):
        red, green, blue = (int(CLASSES[k % 10][i : i + 2], 16) for i in (1, 3, 5))
        scale += [[k / count, f"rgba({red},{green},{blue},0)"], [(k + 1) / count, f"rgba({red},{green},{blue},0.85)"]]
    heat = go.Heatmap(
        x=view["x"],
        y=view["y"],
        z=values.astype(np.float32).round(3),
        zmin=0,
        zmax=count,
        colorscale=scale,
        showscale=False,
        text=np.asarray(classes)[view["class"]],
        customdata=view["probability"].round(2),
        hovertemplate="z = (%{x:.2f}, %{y:.2f})<br>%{text}, p = %{customdata:.2f}<extra></extra>",
    )
    dots = on_top(view["codes"], [CLASSES[label % 10] for label in view["labels"]], 6, 1.0)
    middles = middles_of_regions(view)
    names = go.Scatter(
        x=[x for x, _ in middles.values()],
        y=[y for _, y in middles.values()],
        mode="text",
        text=[f"<b>{classes[k]}</b>" for k in middles],
        textfont={**LABEL, "size": 24 if max(map(len, classes)) < 3 else 16},
        hoverinfo="skip",
    )
    return plane(view["edge"], [heat, dots, *circles(), names], view["codes"])


def line_figure(view: dict[str, Any]) -> go.Figure:
    """How fast the image changes on the way, over the images themselves."""
    total = float(view["images_at"][-1])
    curve = go.Scatter(
        x=view["at"].round(4),
        y=view["rate"].round(3),
        mode="lines",
        line={"color": CLASSES[0], "width": 3},
        fill="tozeroy",
        hovertemplate="after %{x:.2f}: %{y:.1f}<extra></extra>",
    )
    figure = go.Figure(curve)
    side = total / len(view["images"])
    figure.update_layout(
        xaxis={"range": [-side / 2, total + side / 2], "title": {"text": "distance from the start", "standoff": 6},
               "showgrid": False, "zeroline": False, "fixedrange": True, "anchor": "free", "position": 0},
        yaxis={"domain": [STRIP, 1], "rangemode": "tozero", "title": {"text": "change of the image per unit"},
               "gridcolor": GRID, "zeroline": False, "fixedrange": True},
        images=[
            picture(image, x=float(at), y=0.01, sizex=0.96 * side, sizey=STRIP - 0.04, xref="x", yref="paper",
                    xanchor="center", yanchor="bottom")
            for image, at in zip(view["images"], view["images_at"], strict=True)
        ],
    )  # fmt: skip
    return legible(figure, LINE_HEIGHT)


def holes_figure(view: dict[str, Any]) -> go.Figure:
    """The holes of the prior, redder where it has more mass, with the codes and samples; beside it what
    samples that fall into holes look like, by number."""
    x, y, prior, samples = view["x"], view["y"], view["prior_density"], view["samples"]
    heat = go.Heatmap(
        x=x,
        y=y,
        z=np.where(view["hole"], 100 * np.sqrt(prior / prior.max()), 0).round().astype(np.uint8),
        zmin=0,
        zmax=100,
        colorscale=[[0, f"rgba({HOLE},0)"], [1e-3, f"rgba({HOLE},0.45)"], [1, f"rgba({HOLE},1)"]],
        zsmooth="best",
        showscale=False,
        hoverinfo="skip",
    )
    low, high = (-VIEW, VIEW) if view["standard"] else widened(samples)
    low, high = np.broadcast_to(low, 2), np.broadcast_to(high, 2)
    shown = apart(np.flatnonzero(view["in_hole"]), samples, APART * (high - low).max())
    numbers = np.full(len(samples), None, object)
    for number, row in enumerate(shown, 1):
        numbers[row] = f"<b>{number}</b>"
    inside, outside = view["in_hole"], ~view["in_hole"]
    lost = on_top(samples[inside], f"rgb({HOLE})", 10, 1.0)
    lost.update(mode="markers+text", text=numbers[inside], textposition="top center", textfont=LABEL)
    figure = go.Figure(layout=plane_layout("z₁", "z₂"))
    figure.add_traces([faint(view["codes"]), heat, on_top(samples[outside], CLASSES[0], 6, 0.8), lost])
    figure.add_traces(circles() if view["standard"] else [contours(view)])
    figure.update_xaxes(range=[low[0], high[0]], domain=[0, MAP], constraintoward="left")
    figure.update_yaxes(range=[low[1], high[1]], constraintoward="top")
    place = {"xref": "paper", "yref": "paper", "showarrow": False, "yanchor": "top"}
    count = int(inside.sum())
    words = f"{count or 'None'} of {len(samples)} samples<br>{'falls' if count < 2 else 'fall'} into a hole"
    figure.add_annotation(text=words, x=MAP + 0.02, y=1, xanchor="left", align="left", **place)
    wide, tall = (1 - MAP - 0.02) / COLUMNS, 0.88 / ROWS
    for k, row in enumerate(shown):
        left, top = MAP + 0.02 + k % COLUMNS * wide, 0.88 - k // COLUMNS * tall
        figure.add_layout_image(
            picture(view["images"][row], x=left, y=top - 0.045, sizex=0.94 * wide, sizey=tall - 0.05, xref="paper",
                    yref="paper", xanchor="left", yanchor="top")
        )  # fmt: skip
        figure.add_annotation(text=f"<b>{k + 1}</b>", x=left, y=top + 0.01, xanchor="left", **place)
    return legible(figure, HEIGHT)


# -- parts -------------------------------------------------------------------------------------


def legible(figure: go.Figure, height: int) -> go.Figure:
    """The figure in large type, on whatever lies behind it. Axes are told by themselves: the page's theme
    sets their type smaller than the layout's."""
    figure.update_layout(
        height=height, showlegend=False, font=FONT, paper_bgcolor=CLEAR, plot_bgcolor=CLEAR,
        margin={"l": 66, "r": 12, "t": 12, "b": 66},
    )  # fmt: skip
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        axis.update(tickfont=FONT, title={"font": FONT})
    return figure


def plane(edge: float, traces: list[Any], codes: np.ndarray) -> go.Figure:
    """The square [-edge, edge]² with these traces, and in words how many codes lie outside it."""
    figure = go.Figure(traces, plane_layout("z₁", "z₂", edge))
    figure.update_xaxes(dtick=edge / 4)
    figure.update_yaxes(dtick=edge / 4)
    if outside := int((np.abs(codes).max(1) > edge).sum()):
        figure.add_annotation(
            text=f"{outside:,} of {len(codes):,} codes lie outside ±{edge:g}", showarrow=False,
            x=edge, y=edge, xanchor="right", yanchor="top", bgcolor="rgba(255,255,255,0.8)", font={"color": "black"},
        )  # fmt: skip
    return legible(figure, HEIGHT)


def circles(colour: str = CIRCLE) -> list[go.Scatter]:
    """The prior's circles of 1 and 2 standard deviations."""
    return [circle(radius).update(line={"color": colour, "width": 2.5}) for radius in (1, 2)]


def on_top(places: np.ndarray, colour: Any, size: int, opacity: float) -> go.Scatter:
    """Dots that are seen on any colour."""
    x, y = places.astype(float).round(3).T
    marker = {"color": colour, "size": size, "opacity": opacity, "line": {"color": "white", "width": 1}}
    return go.Scatter(x=x, y=y, mode="markers", marker=marker, hoverinfo="skip")


def contours(view: dict[str, Any]) -> go.Contour:
    """The smallest regions that hold as much of the prior's mass as the circles of N(0, I) do."""
    ranked = np.sort(view["prior_density"].astype(float), axis=None)[::-1]
    inner, outer = (ranked[np.searchsorted(ranked.cumsum() / ranked.sum(), share)] for share in PRIOR_LEVELS)
    return go.Contour(
        x=view["x"],
        y=view["y"],
        z=view["prior_density"],
        # The end lies above the second level, which rounding might else leave out.
        contours={"start": outer, "end": 1.5 * inner - 0.5 * outer, "size": inner - outer, "coloring": "none"},
        line={"color": CIRCLE, "width": 2.5},
        hoverinfo="skip",
    )


def middles_of_regions(view: dict[str, Any]) -> dict[int, tuple[float, float]]:
    """Where to write each class: at the place of its region that is nearest to the region's median."""
    middles = {}
    for k in np.unique(view["class"]):
        rows, columns = np.nonzero(view["class"] == k)
        if len(rows) * 200 < view["class"].size:
            continue  # too small for a name
        places = np.stack([view["x"][columns], view["y"][rows]], 1)
        middles[int(k)] = tuple(places[np.linalg.norm(places - np.median(places, 0), axis=1).argmin()].tolist())
    return middles


def apart(rows: np.ndarray, places: np.ndarray, least: float) -> list[int]:
    """At most 6 of the rows, each next one the farthest from those before (Gonzalez 1985) and at least so
    far, so that their numbers stay legible."""
    kept = [int(row) for row in rows[:1]]
    while kept and len(kept) < COLUMNS * ROWS:
        away = np.linalg.norm(places[rows, None] - places[kept], axis=2).min(1)
        if away.max() < least:
            break
        kept.append(int(rows[away.argmax()]))
    return kept


def widened(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the rectangle that holds all places, and a tenth more on each side."""
    low, high = places.min(0), places.max(0)
    return low - 0.1 * (high - low), high + 0.1 * (high - low)


def picture(image: np.ndarray, **place: Any) -> dict[str, Any]:
    """An image of the layout, black ink on white: (h, w) uint8 where 255 is ink."""
    return {"source": Image.fromarray(255 - image), "layer": "above", "sizing": "contain", **place}
