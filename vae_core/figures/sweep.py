"""Measures over a setting, from the rows of a `vae_core.engine.sweep.Sweep`."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

HEIGHT = 430
# Panel -> name of a row's measure, words, sign, colour, dash. Okabe and Ito's colours.
PANELS = {
    "Reconstruction, nats": (
        ("reconstruction", "at a draw", 1, "#009e73", "solid"),
        ("reconstruction_at_mean", "at the mean", 1, "#56b4e9", "solid"),
    ),
    "KL, nats": (("kl", "KL", 1, "#d55e00", "solid"),),
    "Bound and exact value, nats": (
        ("elbo", "−ELBO", -1, "#cc79a7", "solid"),
        ("log_marginal", "−log p(x), exact", -1, "#e69f00", "dash"),
    ),
}


def sweep_figure(rows: Sequence[Mapping[str, Any]], values: Sequence[float], title: str, log: bool) -> go.Figure:
    """Three panels with one point for each value; what a rule does not define has no line.

    Args:
        values: all that the sweep will have, so that the axis stands still while it fills.
        title: of the horizontal axes.
    """
    figure = make_subplots(1, len(PANELS), subplot_titles=list(PANELS), horizontal_spacing=0.06)
    for column, lines in enumerate(PANELS.values(), 1):
        missing = []
        for name, words, sign, colour, dash in lines:
            points = [(row["value"], sign * row[name]) for row in rows if row[name] is not None]
            if rows and not points:
                missing.append(f"{words}: not defined for this rule")
            figure.add_scatter(
                x=[x for x, _ in points],
                y=[y for _, y in points],
                name=words,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 3},
                marker={"size": 9},
                hovertemplate=f"%{{x:.4g}}: %{{y:.2f}} nats<extra>{words}</extra>",
                row=1,
                col=column,
            )  # fmt: skip
        if missing:
            figure.add_annotation(
                text="<br>".join(missing), x=0.5, y=0.5, xref="x domain", yref="y domain", showarrow=False,
                row=1, col=column,
            )  # fmt: skip
    if log:
        figure.update_xaxes(type="log", dtick=1 if values[-1] / values[0] > 30 else None)
    else:
        room = 0.03 * (values[-1] - values[0])
        figure.update_xaxes(range=[values[0] - room, values[-1] + room])
    figure.update_xaxes(title=title)
    figure.update_layout(
        height=HEIGHT, margin={"l": 8, "r": 8, "t": 40, "b": 8}, legend={"orientation": "h", "y": -0.22}
    )
    return figure
