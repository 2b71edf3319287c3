"""What the Playground's exact panel shows: measured between two slices of training, part by part, so that
nobody waits for it long. `vae_core.engine.live_measures` puts the parts together."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from vae_core.analysis.views.exact import COARSE, LIVE_GRID, close_up
from vae_core.exact.aggregate import aggregate_of
from vae_core.exact.elbo import elbo
from vae_core.exact.gaussians import posterior_of
from vae_core.exact.marginal import integral_of
from vae_core.exact.mesh import Box
from vae_core.exact.model import model_of
from vae_core.exact.priors import Prior, rule_prior
from vae_core.trainer.shown_images import PROBE
from vae_core.trainer.trainer import Trainer

PARTS = 16  # of the probe set: about 32 images in each
LEAST = 4  # images in a part, at least
TOGETHER = 2000  # images of the aggregate posterior, at most
COARSE_TOLERANCE, FINE_TOLERANCE = 0.05, 0.005  # nats


@torch.no_grad()
def live_exact(
    trainer: Trainer, part: int = 0, parts: int = PARTS, fine: bool = False, pause: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Exact log p(x) and ELBO of one part of the probe set; with part 0, what concerns all of it as well.

    Args:
        part: of the images, every ``parts``-th from this one on: each part stands for all.
        parts: how many there are; fewer where there are few images.
        fine: to `FINE_TOLERANCE` an image instead of `COARSE_TOLERANCE`.
        pause: is called between two products of the integrals, and may raise an error that ends it.

    Returns:
        step, rule, noise, knobs: what the run was; part, parts, fine; of: size of the probe set;
        seconds: that this took; log_marginal, error: (n,) nats of each image, a lower bound where the error is
        infinite; elbo, elbo_error: (n,) nats or None where not defined.
        With part 0: guess, at_code: (of,) nats, see `guesses`; prior: name; together: how many images
        mutual_information, aggregate_kl (both to together_error) and kl are of, nats or None where not defined;
        index: of the chosen image; low, high: (2,) corners of its posterior's grid; posterior: (k, k) uint8, rows
        are z₂, the density in 255ths of its highest value.
    """
    began = time.perf_counter()
    points, prior = trainer.points, rule_prior(trainer)
    of = min(PROBE, len(points.raw))
    parts = min(parts, max(1, of // LEAST))
    rows = torch.arange(part, of, parts)
    raw = points.raw[[*rows.tolist(), *([trainer.chosen] if part == 0 else [])]]
    tolerance = FINE_TOLERANCE if fine else COARSE_TOLERANCE
    found = integral_of(trainer, raw, [prior], coarse=COARSE, tolerance=tolerance, pause=pause)
    bound = elbo(trainer, raw[: len(rows)], tolerance, pause)
    view = {
        "step": trainer.step_count,
        "rule": trainer.rule_name,
        "noise": trainer.noise,
        "knobs": trainer.knobs.model_dump(),
        "part": part,
        "parts": parts,
        "fine": fine,
        "of": of,
        "log_marginal": found.log_value[0, : len(rows)].cpu().numpy(),
        "error": found.error[0, : len(rows)].cpu().numpy(),
        "elbo": None if bound is None else np.asarray(bound),
        "elbo_error": None if bound is None else bound.errors,
    }
    if part == 0:
        pause()
        low, high = found.extent[0, -1].view(2, 2)
        pixels, _ = trainer.as_pixels(raw[-1:])
        _, density, box = close_up(trainer, pixels, prior, Box(low, high), LIVE_GRID)
        pause()
        guess, at_code = guesses(trainer, points.raw[:of], prior)
        every = points.raw[:: -(-len(points.raw) // TOGETHER)]
        view |= {
            "guess": guess,
            "at_code": at_code,
            "prior": prior.name,
            "together": len(every),
            **dict.fromkeys(["mutual_information", "aggregate_kl", "kl", "together_error"]),
            "index": trainer.chosen,
            "low": box.low.cpu().numpy().astype(np.float32),
            "high": box.high.cpu().numpy().astype(np.float32),
            "posterior": np.round(255 * density / density.max()).astype(np.uint8),
        }
        if bound is not None:
            pause()
            q = posterior_of(trainer, every)
            assert q is not None  # there is a bound
            all_codes = aggregate_of(q)
            view |= {
                "mutual_information": float(all_codes.mutual_information),
                "aggregate_kl": float(all_codes.aggregate_kl),
                "together_error": all_codes.aggregate_kl.error,
                "kl": all_codes.kl,
            }
    return {**view, "seconds": time.perf_counter() - began}


def guesses(trainer: Trainer, raw: torch.Tensor, prior: Prior) -> tuple[np.ndarray, np.ndarray]:
    """What goes along with log p(x) and is known of all images at once: (n,) log Σ p(x|z) p(z) over the codes z
    of all n images, up to a constant, and (n,) log p(x|z) at the image's own code, nats."""
    model, (pixels, _) = model_of(trainer), trainer.as_pixels(raw)
    codes = trainer.encode(raw, torch.zeros(len(raw), 2)).mean.to(model.device)
    a, b = model.factors(codes.to(model.dtype))
    log_likelihood = (pixels.to(model.dtype) @ a.T).double() - b - model.constant(pixels).unsqueeze(1)
    guess = (log_likelihood + prior.log_density(codes.double())).logsumexp(1)
    return guess.cpu().numpy(), log_likelihood.diagonal().cpu().numpy()
