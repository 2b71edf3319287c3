"""What a run did, as a curve beside the one that was sketched."""

import numpy as np

from vae_core.run.recording import Run
from vae_core.teaching.lessons import Sketch

MOST = 80  # points of a curve


def trace(run: Run, sketch: Sketch) -> list[tuple[int, float]]:
    """(steps since x = 0, value) of a recorded run, up to the sketch's span; empty if it did not come to x = 0.

    "sigma" is the median posterior standard deviation over all points and both dimensions,
    "reconstruction" the frame's metric of unseen images, in nats. It ends where the value is no longer defined,
    or where the noise or the rule was changed again.
    """
    changed = [(0, run.recipe.noise, run.recipe.rule), *((e.step, e.noise, e.rule) for e in run.events)]
    if sketch.since == "noise":
        changed = changed[next((i for i, (_, noise, _) in enumerate(changed) if noise == 0), len(changed)) :]
    if not changed:
        return []
    start, *settings = changed[0]
    ends = [step for step, *others in changed if others != settings]
    end = min([start + sketch.span, *ends])
    steps = run.steps if sketch.trace == "sigma" else sorted(run.history)
    steps = [step for step in steps if start <= step <= end]
    curve = []
    for step in steps[:: max(1, len(steps) // MOST)]:
        if sketch.trace == "sigma":
            scale = run.frame(step).scale
            value = None if scale is None else float(np.median(scale))
        else:
            value = run.history[step]["reconstruction"]
        if value is None:
            break
        curve.append((step - start, value))
    return curve
