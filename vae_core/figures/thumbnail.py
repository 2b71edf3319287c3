"""A run's plane as a small picture: SVG, on a clear ground, so that it suits light and dark."""

import numpy as np

from vae_core.figures.colours import CIRCLE, CLASSES
from vae_core.run.frame import Frame

SIDE, DOTS = 120, 800  # pixels, and dots at most
EDGE = 3.5  # of the plane; it is wider where fewer than 95 % of the codes lie inside


def thumbnail(frame: Frame) -> str:
    """The codes of a frame (its first 800 points) coloured by class, and the prior's 1σ and 2σ circles."""
    z, labels = frame.z[:DOTS], frame.labels[:DOTS]
    reach = np.abs(z[np.isfinite(z).all(1)])
    edge = max(EDGE, float(np.quantile(reach.max(1), 0.95))) if len(reach) else EDGE
    place = (SIDE / 2 * (1 + z / edge * (1, -1))).round(1)
    inside = ((place >= 0) & (place <= SIDE)).all(1)  # False for what is not finite
    middle, unit = SIDE / 2, SIDE / 2 / edge
    paths = [
        f'<circle cx="{middle:g}" cy="{middle:g}" r="{k * unit:.1f}" stroke="{CIRCLE}" stroke-width="0.8"/>'
        for k in (1, 2)
    ]
    for label in np.unique(labels):
        # A line of no length with a round end is a dot, in a third of a circle's characters.
        dots = "".join(f"M{x:g} {y:g}h0" for x, y in place[inside & (labels == label)])
        paths.append(f'<path d="{dots}" stroke="{CLASSES[label % 10]}" stroke-width="2.4" stroke-linecap="round"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}" '
        f'fill="none">{"".join(paths)}</svg>'
    )
