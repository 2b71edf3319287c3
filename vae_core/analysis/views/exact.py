"""Exact measures for the screen: one image under the microscope, and all codes together."""

from typing import Any

import numpy as np
import torch

from vae_core.exact.aggregate import aggregate_of
from vae_core.exact.best_gaussians import best_gaussians, family_of
from vae_core.exact.bounds import importance_bounds
from vae_core.exact.elbo import elbo, joint_of
from vae_core.exact.gaussians import Gaussians, posterior_of
from vae_core.exact.marginal import integral_of, log_marginals, posterior_on
from vae_core.exact.mesh import FIRST, Box
from vae_core.exact.mixture import log_density_at
from vae_core.exact.model import model_of
from vae_core.exact.priors import Prior, fitted_mixture, kl_from_standard, rule_prior, training_codes, yardsticks
from vae_core.trainer.pixels import as_bytes
from vae_core.trainer.shown_images import PROBE
from vae_core.trainer.trainer import Trainer

GRID, LIVE_GRID = 96, 40  # nodes of a drawn density, each way; while the run trains
DRAWN = 8.0  # nats below the posterior's highest place: what lies lower is not drawn; at most e^-8 of a Gaussian
COARSE = 32  # nodes of the first lattice, where it has to be quick
TOGETHER = 10_000  # test images of the aggregate


@torch.no_grad()
def microscope(trainer: Trainer, index: int | None = None, coarse: bool = False) -> dict[str, Any]:
    """One image: its true posterior, the encoder's, the best Gaussians, and the sum that they make.

    Args:
        index: of the image among the points; the chosen one if left out.
        coarse: quick, for a run that trains: without the best Gaussians.

    Returns:
        step, rule, index, label; image, at_mean, at_mode: (28, 28) uint8; x: (m,), y: (k,) and density
        (k, m) of p(z|x), where it has mass; low, high: (2,) corners of a square that holds that, the code and
        the encoder's ellipse; prior: name of the prior; pixels: "grey" or "binarized"; code: (2,) the
        encoder's code without noise; mode: (2,) the highest place of the posterior;
        encoder, diagonal, full: {"mean": (2,), "covariance": (2, 2)} or None;
        log_marginal, error: nats; at_code: log p(x|z) at the code, nats; joint_at_code, joint_at_mode:
        log p(x|z) + log p(z) there, nats;
        elbo, elbo_error, total, approximation, amortization, approximation_full: nats or None where not defined (or
        coarse); family: what the encoder may choose, see `Rule.free`, or None.
    """
    index = trainer.chosen if index is None else index
    raw = trainer.points.raw[index : index + 1]
    prior = rule_prior(trainer)
    found = integral_of(trainer, raw, [prior], coarse=COARSE if coarse else FIRST)
    low, high = found.extent[0, 0].view(2, 2)
    code = trainer.encode(raw, torch.zeros(1, 2)).mean.double()
    q = posterior_of(trainer, raw)
    pixels = trainer.as_pixels(raw)[0]
    grid, density, drawn = close_up(trainer, pixels, prior, Box(low, high), LIVE_GRID if coarse else GRID)
    frame = framed(drawn.low.to(low.device), drawn.high.to(low.device), code[0], q)
    log_joint = joint_of(trainer, raw)
    places = torch.cat([code.to(trainer.device), found.mode[0]])
    at_code, at_mode = log_joint(torch.zeros(1, dtype=torch.long, device=trainer.device), places.unsqueeze(0))[
        0
    ].tolist()
    painted = as_bytes(trainer.decoder(places.float()))
    view = {
        "step": trainer.step_count,
        "rule": trainer.rule_name,
        "index": index,
        "label": int(trainer.points.labels[index]),
        "image": raw[0].view(28, 28).numpy(),
        "at_mean": painted[0].cpu().numpy(),
        "at_mode": painted[1].cpu().numpy(),
        "x": grid[0, :, 0],
        "y": grid[:, 0, 1],
        "density": density,
        "low": frame.low.cpu().numpy(),
        "high": frame.high.cpu().numpy(),
        "prior": prior.name,
        "pixels": trainer.recipe.pixels,
        "likelihood": trainer.recipe.likelihood,
        "code": code[0].numpy(),
        "mode": found.mode[0, 0].cpu().numpy(),
        "log_marginal": float(found.log_value[0, 0]),
        "error": float(found.error[0, 0]),
        "at_code": -float(trainer.nats(trainer.decoder(code.float().to(trainer.device)), pixels)[0]),
        "joint_at_code": at_code,
        "joint_at_mode": at_mode,
        "encoder": gaussian(q),
        **dict.fromkeys(
            ["diagonal", "full", "elbo", "elbo_error", "total", "approximation", "amortization", "approximation_full"]
        ),
        "family": None if q is None else family_of(trainer),
    }
    bound_of_encoder = elbo(trainer, raw)
    if q is None or bound_of_encoder is None:
        return view
    view["elbo"], view["elbo_error"] = float(bound_of_encoder[0]), float(bound_of_encoder.errors[0])
    view["total"] = view["log_marginal"] - view["elbo"]
    if coarse:
        return view
    reached = {}
    for family in ("diagonal", "full"):
        best, bound = best_gaussians(log_joint, q, found.peaks[0], found.width[0], family)
        view[family], reached[family] = gaussian(best), float(bound[0])
    own = reached.get(view["family"])
    if own is None:
        own = float(best_gaussians(log_joint, q, found.peaks[0], found.width[0], view["family"])[1][0])
    view["approximation"] = view["log_marginal"] - own
    view["amortization"] = own - view["elbo"]
    view["approximation_full"] = view["log_marginal"] - reached["full"]
    return view


def close_up(
    trainer: Trainer, pixels: torch.Tensor, prior: Prior, box: Box, nodes: int
) -> tuple[np.ndarray, np.ndarray, Box]:
    """The posterior of an image (1, 784) on a grid, see `posterior_on`, first of the whole box, then of the part
    that is drawn; and that part."""
    model = model_of(trainer)
    for _ in range(2):
        box = Box(box.low.cpu(), box.high.cpu())
        grid, density = posterior_on(model, pixels, prior, box, [nodes] * 2)
        seen = torch.from_numpy(grid[density >= density.max() * np.exp(-DRAWN)])
        drawn, box = box, Box.around(seen, (box.high - box.low) / nodes)
    return grid, density, drawn


def framed(low: torch.Tensor, high: torch.Tensor, code: torch.Tensor, q: Gaussians | None) -> Box:
    """A square that holds the posterior's mass, the encoder's code and its ellipse."""
    corners = [low, high, code.to(low.device)]
    if q is not None:
        reach = 2.5 * q.spread()[0]
        corners += [q.mean[0] - reach, q.mean[0] + reach]
    together = torch.stack(corners)
    middle = (together.amin(0) + together.amax(0)) / 2
    half = 0.54 * float((together.amax(0) - together.amin(0)).max())
    return Box(middle - half, middle + half)


def gaussian(q: Gaussians | None) -> dict[str, np.ndarray] | None:
    """The first of some Gaussians, as numbers."""
    if q is None:
        return None
    lower = q.lower[0]
    return {"mean": q.mean[0].cpu().numpy(), "covariance": (lower @ lower.T).cpu().numpy()}


@torch.no_grad()
def microscope_bounds(trainer: Trainer, index: int | None = None) -> dict[str, Any] | None:
    """Importance-weighted bounds of an image for K = 1 … 5,000 draws; None without a posterior.

    Returns:
        counts: K; value, error: nats, see `vae_core.exact.Bounds`.
    """
    index = trainer.chosen if index is None else index
    bounds = importance_bounds(trainer, trainer.points.raw[index : index + 1])
    if bounds is None:
        return None
    return {"counts": np.array(bounds.counts), "value": bounds.value, "error": bounds.error}


@torch.no_grad()
def wrong_about(trainer: Trainer, count: int = PROBE, show: int = 10) -> dict[str, Any]:
    """The images that the encoder is most wrong about, worst first.

    With a posterior by its gap, log p(x) − ELBO; without one by what a better code would gain,
    max over z of log p(x|z) p(z), on the mesh, less its value at the encoder's code.

    Returns:
        by: "gap" or "better code"; index: (s,) among the points; nats: (s,); images: (s, 28, 28) uint8;
        labels: (s,); mean, median: nats over all that were looked at; of: how many.
    """
    raw = trainer.points.raw[:count]
    prior = rule_prior(trainer)
    found = integral_of(trainer, raw, [prior], tolerance=0.02)
    bound = elbo(trainer, raw)
    if bound is not None:
        by, nats = "gap", found.log_value[0].cpu().numpy() - np.asarray(bound)
    else:
        code = trainer.encode(raw, torch.zeros(len(raw), 2)).mean.to(trainer.device)
        everyone = torch.arange(len(raw), device=trainer.device)
        places = torch.stack([found.mode[0], code.double()], 1)
        best, own = joint_of(trainer, raw)(everyone, places).unbind(1)
        by, nats = "better code", (best - own).cpu().numpy()
    worst = np.argsort(-nats)[:show]
    return {
        "step": trainer.step_count,
        "by": by,
        "index": worst,
        "nats": nats[worst],
        "images": raw[torch.from_numpy(worst.copy())].view(-1, 28, 28).numpy(),
        "labels": trainer.points.labels[worst],
        "mean": float(nats.mean()),
        "median": float(np.median(nats)),
        "of": len(raw),
    }


@torch.no_grad()
def together(trainer: Trainer, count: int = TOGETHER, nodes: int = 121, coarse: bool = False) -> dict[str, Any]:
    """All codes together: the aggregate posterior against the prior, and what z tells about x.

    Args:
        count: test images.
        coarse: quick, for a run that trains: no mixture is fitted where there is a posterior.

    Returns:
        step, rule, images: N; x, y: (k,); density: (k, k), rows are y, of the aggregate posterior, or, where the
        rule has none, of a Gaussian mixture fitted to training codes; of: which of the two;
        kl, mutual_information, aggregate_kl, error, most: nats, None where not defined (most is log N);
        mixture_kl: KL(mixture ‖ N(0, I)), nats, defined for all, or None if it was not fitted.
    """
    raw = np.array(trainer.dataset.test_images[:count])
    q = posterior_of(trainer, raw)
    mixture = None if coarse and q is not None else fitted_mixture(training_codes(trainer))
    codes = trainer.encode(raw[:2000], torch.zeros(min(len(raw), 2000), 2)).mean
    edge = max(3.5, float(codes.abs().quantile(0.99)) * 1.15)
    axis = torch.linspace(-edge, edge, nodes, dtype=torch.float64, device=trainer.device)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    places = torch.stack([x, y], 2).reshape(-1, 2)
    if q is not None:
        density, of = log_density_at(q.only(slice(2000)), places).exp(), "aggregate posterior"
    else:
        assert mixture is not None  # it is fitted where there is no posterior
        density, of = mixture.log_density(places).exp(), mixture.name
    view = {
        "step": trainer.step_count,
        "rule": trainer.rule_name,
        "images": len(raw),
        "x": axis.cpu().numpy(),
        "y": axis.cpu().numpy(),
        "density": density.view(nodes, nodes).cpu().numpy(),
        "of": of,
        **dict.fromkeys(["kl", "mutual_information", "aggregate_kl", "error"]),
        "most": float(np.log(len(raw))),
        "mixture_kl": mixture and kl_from_standard(mixture, trainer.device),
    }
    if q is not None:
        found = aggregate_of(q)
        view |= {
            "kl": found.kl,
            "mutual_information": float(found.mutual_information),
            "aggregate_kl": float(found.aggregate_kl),
            "error": found.aggregate_kl.error,
        }
    return view


@torch.no_grad()
def yardstick(trainer: Trainer, count: int = PROBE) -> dict[str, Any]:
    """Mean exact log p(x) of test images under the rule's prior, N(0, I), and two densities fitted to the
    codes of training images: it tells a bad decoder from a bad prior.

    Returns:
        step, images, pixels, likelihood; priors: list of {"name", "mean", "error"} in nats, without repetition.
    """
    priors = list(yardsticks(trainer).values())
    values = log_marginals(trainer, trainer.points.raw[:count], priors)
    return {
        "step": trainer.step_count,
        "images": len(values[0]),
        "pixels": trainer.recipe.pixels,
        "likelihood": trainer.recipe.likelihood,
        "priors": [
            {"name": p.name, "mean": float(np.mean(v)), "error": v.error} for p, v in zip(priors, values, strict=True)
        ],
    }
