"""One point of a sweep: the exact measure of the images that a run's frames measure."""

from typing import Any

import torch

from vae_core.analysis.views.exact import COARSE
from vae_core.analysis.views.live import COARSE_TOLERANCE
from vae_core.exact.marginal import integral_of
from vae_core.exact.priors import rule_prior
from vae_core.trainer.shown_images import PROBE
from vae_core.trainer.trainer import Trainer


@torch.no_grad()
def probe_marginal(trainer: Trainer) -> dict[str, Any]:
    """Exact log p(x) of the probe set, the images of `Frame.metrics`, under the rule's prior.

    Returns:
        step, images; log_marginal, error: nats, means over the images; prior: its name.
    """
    raw, prior = trainer.points.raw[:PROBE], rule_prior(trainer)
    found = integral_of(trainer, raw, [prior], coarse=COARSE, tolerance=COARSE_TOLERANCE)
    return {
        "step": trainer.step_count,
        "images": len(raw),
        "log_marginal": float(found.log_value[0].mean()),
        "error": float(found.error[0].mean()),
        "prior": prior.name,
    }
