"""Peaks of a posterior far from all codes: an image unlike those trained on, as a white one, may have its mass there.

The mesh follows the mass wherever it goes, but has to be told of a peak beyond a valley.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vae_core.exact.elbo import Joint
from vae_core.exact.mesh import NEGLIGIBLE, Box
from vae_core.exact.model import Model
from vae_core.exact.priors import Prior
from vae_core.rule import LATENT

ANGLES, GROWTH, RINGS = 96, 1.12, 6  # places on a ring; how much wider each is than the one before; looked at together
WITHIN = 24  # places along each side of the box, for a first look at how high a posterior is there
SECTORS = 8  # from the best place in each of which a climb starts
WORTH, WORTH_SHARE = 50.0, 0.05  # nats, and share of them, by which a place may lie lower for a climb to start there
CLIMB, FINEST = 200, 1e-4  # moves at most, and the last distance as a share of the first


def far_hints(model: Model, pixels: Tensor, priors: Sequence[Prior], box: Box, codes: Tensor) -> Tensor:
    """(N, R, 2) the highest place of each image's p(x|z) p(z) outside a box, or its code where none outside matters.

    The rings end where nothing can matter: with p(x|z) never above ``model.highest``, the mass beyond a radius r is
    below that times the prior's, exp(−r²/2) of a standard normal; for another prior that is a guess.

    Args:
        pixels: (N, P); codes: (N, 2).
        box: holds the codes and the mass of all priors.
    """
    pixels = pixels.to(model.dtype)
    hints = codes.double().unsqueeze(1).repeat(1, len(priors), 1)
    low, high = box.low.to(codes.device), box.high.to(codes.device)
    centre, radius = (low + high) / 2, float((high - low).min()) / 2
    share = (torch.arange(WITHIN, device=low.device, dtype=torch.float64) + 0.5) / WITHIN
    inside = torch.cartesian_prod(*(low[i] + (high[i] - low[i]) * share for i in range(LATENT)))
    likelihood = _at(model, pixels, inside)
    every = torch.arange(len(pixels), device=low.device)
    angles = torch.arange(ANGLES, device=low.device, dtype=torch.float64) * (2 * math.pi / ANGLES)
    unit = torch.stack([angles.cos(), angles.sin()], 1)
    growth = GROWTH ** torch.arange(RINGS, device=low.device, dtype=torch.float64)
    for r, prior in enumerate(priors):
        joint = Joint(model, prior, pixels)
        known = torch.maximum(
            joint(every, codes.double().unsqueeze(1))[:, 0], (likelihood + prior.log_density(inside)).amax(1)
        )
        reach = (2 * (model.highest - known + NEGLIGIBLE)).clamp(min=0).sqrt()  # (N,)
        highest = torch.full_like(known, -math.inf)  # of what was found outside
        ring = radius
        while (rows := (reach > ring).nonzero().squeeze(1)).numel():
            places = centre + (unit.unsqueeze(1) * (ring * growth)[:, None]).reshape(-1, 2)  # angle by angle
            height = (_at(model, pixels[rows], places) + prior.log_density(places)).view(len(rows), SECTORS, -1)
            best, where = height.max(2)  # (n, SECTORS)
            starts = places[where + torch.arange(SECTORS, device=low.device) * height.shape[2]]
            lowest = (known - WORTH - WORTH_SHARE * known.abs())[rows]
            image, sector = (best > lowest.unsqueeze(1)).nonzero(as_tuple=True)
            peak, top = _climbed(joint, rows[image], starts[image, sector], box, ring * (GROWTH - 1))
            own = rows[image]
            for n in (top > known[own] - NEGLIGIBLE).nonzero().squeeze(1).tolist():  # few, if any
                if top[n] > highest[own[n]]:
                    hints[own[n], r], highest[own[n]] = peak[n], top[n]
            known = torch.maximum(known, highest)
            ring *= GROWTH**RINGS
    return hints


def _at(model: Model, pixels: Tensor, places: Tensor) -> Tensor:
    """(N, M) log p(x|z) of images (N, P), all at places (M, 2)."""
    a, b = model.factors(places.to(model.dtype))
    return (pixels @ a.T).double() - b - model.constant(pixels).unsqueeze(1)


def _climbed(joint: Joint, rows: Tensor, places: Tensor, box: Box, step: float) -> tuple[Tensor, Tensor]:
    """(n, 2) and (n,) where climbs from places (n, 2) come, and how high, in nats of log p(x, z): to the best of eight
    neighbours, at half the distance where none is higher. What leads into the box ends there, and counts for nothing.
    """
    angles = torch.arange(8, device=places.device, dtype=torch.float64) * (math.pi / 4)
    around = torch.stack([angles.cos(), angles.sin()], 1)
    low, high = box.low.to(places.device), box.high.to(places.device)
    top = torch.full((len(rows),), -math.inf, dtype=torch.float64, device=places.device)
    peak, size = places.clone(), torch.full_like(top, step)
    going = torch.arange(len(rows), device=places.device)
    for _ in range(CLIMB):
        if not len(going):
            break
        tried = peak[going].unsqueeze(1) + size[going, None, None] * around
        values, which = joint(rows[going], tried).max(1)
        better = values > top[going]
        won = going[better]
        peak[won], top[won] = tried[better, which[better]], values[better]
        size[going[~better]] /= 2
        is_inside = ((peak[going] > low) & (peak[going] < high)).all(1)
        top[going[is_inside]] = -math.inf
        going = going[~is_inside & (size[going] > FINEST * step)]
    return peak, top
