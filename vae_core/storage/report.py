"""A run as charts and as one page that stands alone: its plane, its curves, its recipe and its events."""

import html
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from vae_core.figures.colours import CLASSES
from vae_core.figures.plane import circle, plane_layout
from vae_core.run.frame import Frame
from vae_core.run.link import write
from vae_core.run.recording import Run
from vae_core.storage.export import ExportError

CURVES = {
    "reconstruction": ("reconstruction, at a draw of z", "#3f90da"),
    "reconstruction_at_mean": ("reconstruction, at the mean", "#832db6"),
    "reconstruction_seen": ("reconstruction, training images", "#94a4a2"),
    "kl": ("KL", "#bd1f01"),
    "elbo": ("−ELBO", "#333333"),
}
MARK, HEIGHT = "#808495", 520
IMAGE = {"toImageButtonOptions": {"format": "svg", "filename": "noise-lab"}, "displaylogo": False, "responsive": True}


def codes_figure(frame: Frame) -> go.Figure:
    """z of the frame's points, coloured by class, and the prior's 1σ and 2σ circles."""
    figure = go.Figure(layout=plane_layout("z₁", "z₂"))
    figure.add_traces([circle(radius) for radius in (1, 2)])
    figure.update_traces(showlegend=False)
    for label in np.unique(frame.labels):
        x, y = frame.z[frame.labels == label].round(3).T
        marker = {"color": CLASSES[label % 10], "size": 5, "opacity": 0.85}
        figure.add_trace(go.Scatter(x=x, y=y, mode="markers", name=str(label), marker=marker, hoverinfo="name"))
    figure.update_layout(
        height=HEIGHT, showlegend=True, legend={"itemsizing": "constant"}, margin={"t": 30},
        title={"text": f"z at step {frame.step:,}", "font": {"size": 16}},
    )  # fmt: skip
    return figure


def curves_figure(run: Run) -> go.Figure:
    """The metrics of all recorded frames, in nats per image, by step; those that are nowhere defined are left out."""
    columns = run.columns()
    figure = go.Figure()
    for name, (title, colour) in CURVES.items():
        values = columns["metrics"].get(name, [])
        if any(value is not None for value in values):
            y = [None if value is None else -value if name == "elbo" else value for value in values]
            figure.add_trace(
                go.Scatter(x=columns["steps"], y=y, name=title, mode="lines", line={"color": colour, "width": 1.8})
            )
    for mark in run.marks():
        figure.add_vline(mark["step"], line={"color": MARK, "dash": "dot", "width": 1})
        figure.add_annotation(
            x=mark["step"], y=1, yref="paper", text=html.escape(mark["label"]), textangle=-90, showarrow=False,
            xanchor="right", yanchor="top", font={"color": MARK, "size": 11},
        )  # fmt: skip
    figure.update_layout(
        height=HEIGHT, template="simple_white", legend={"orientation": "h", "y": -0.15}, margin={"t": 30, "r": 8},
        xaxis_title="step", yaxis_title="nats per image", showlegend=True,
    )  # fmt: skip
    return figure


def sheet_figure(run: Run) -> go.Figure:
    """Plane and curves side by side, as one picture."""
    plane, curves = codes_figure(run.frame(run.steps[-1])), curves_figure(run)
    figure = make_subplots(1, 2, column_widths=[0.45, 0.55], horizontal_spacing=0.08)
    figure.add_traces(plane.data, rows=1, cols=1)
    figure.add_traces(curves.data, rows=1, cols=2)
    for mark in run.marks():
        figure.add_vline(
            mark["step"], line={"color": MARK, "dash": "dot", "width": 1}, row=1, col=2,
            annotation={"text": html.escape(mark["label"]), "textangle": -90, "font": {"color": MARK, "size": 11}},
            annotation_position="top left",
        )  # fmt: skip
    figure.update_layout(width=1400, height=640, template="simple_white", margin={"t": 30, "r": 10})
    figure.update_xaxes(title="z₁", constrain="domain", row=1, col=1)
    figure.update_yaxes(title="z₂", scaleanchor="x", constrain="domain", row=1, col=1)
    figure.update_xaxes(title="step", row=1, col=2)
    figure.update_yaxes(title="nats per image", row=1, col=2)
    return figure


def image(run: Run, form: str) -> bytes:
    """The sheet as "png" or "svg".

    Raises:
        ExportError: kaleido or a browser for it is missing.
    """
    try:
        picture: bytes = sheet_figure(run).to_image(format=form, scale=2 if form == "png" else 1)
        return picture
    except Exception:  # plotly's, kaleido's or choreographer's own, according to what is missing
        raise ExportError(
            f"{form.upper()} needs kaleido and Chrome or Chromium: pip install 'noise-lab[export]'. "
            "Or export HTML: the camera of each chart saves it as SVG."
        ) from None


def report(run: Run, title: str = "Noise Lab") -> str:
    """One HTML page with everything in it, plotly.js too: it opens without a network.

    The camera of each chart saves it as SVG.
    """
    charts = [
        figure.to_html(full_html=False, include_plotlyjs=first, config=IMAGE)
        for first, figure in ((True, codes_figure(run.frame(run.steps[-1]))), (False, curves_figure(run)))
    ]
    recipe = {name: write(value) for name, value in run.recipe.model_dump().items() if name != "knobs"}
    recipe |= {f"{run.recipe.rule}: {name}": write(value) for name, value in run.recipe.knobs.items()}
    last = run.steps[-1]
    metrics = {name: "not defined" if v is None else f"{v:.3f}" for name, v in run.history[last].items()}
    events = {f"{event.step:,}": event.label for event in run.events}
    tables = table("Recipe", recipe) + table(f"Nats per image at step {last:,}", metrics) + table("Events", events)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 1400px; }}
body {{ color: #222; background: #fff; }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(540px, 100%), 1fr)); gap: 1rem; }}
section {{ display: flex; flex-wrap: wrap; gap: 3rem; }} td {{ padding: 0 1rem 0 0; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.1rem; }}
</style></head><body>
<h1>{html.escape(title)}</h1>
<main>{"".join(f"<div>{chart}</div>" for chart in charts)}</main>
<section>{tables}</section>
</body></html>
"""


def table(title: str, rows: dict[str, Any]) -> str:
    """Two columns of text; nothing in them is taken as HTML."""
    if not rows:
        return ""
    lines = "".join(f"<tr><td>{html.escape(k)}</td><td>{html.escape(str(v))}</td></tr>" for k, v in rows.items())
    return f"<div><h2>{html.escape(title)}</h2><table>{lines}</table></div>"
