"""What a flow does with the plane: the way of the codes to the Gaussian and back, samples, density.

All places but those of densities are in standardised units: codes less their running mean, over
their running deviation, which is how both flows begin.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from vae_core.rule import LATENT, gaussian_log_density
from vae_core.rules.continuous_flow import ContinuousFlow
from vae_core.rules.flow import Flow
from vae_core.trainer.trainer import Trainer

REACH = 3.0  # of the grid's lines, in standard deviations
LINES, FINE = 13, 61  # lines each way, points on a line
TIMES = 17  # places on the way of the continuous flow
SAMPLES = 20
NODES = 49  # of the density's grid, each way
MARGIN = 0.15  # of the density's grid around the codes


@torch.no_grad()
def flow_way(trainer: Trainer, back: bool = False, points: int = 600) -> dict[str, Any]:
    """Codes and the grid of their plane on the way to the Gaussian; or, back, draws of N(0, I) and
    the Gaussian's grid on the way to the codes.

    Returns:
        stages: names of the T places on the way.
        points: (T, n, 2); lines: (T, k, p, 2); labels: (n,), or None for draws; codes: (m, 2) where
        the codes lie, for comparison.
    """
    flow = flow_of(trainer)
    codes, labels = codes_of(trainer, 1000)
    u, _ = flow.standardise(codes)
    if back:
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(points, LATENT, generator=generator).to(u.device)
    else:
        rows = spread(len(u), points)
        start, labels = u[rows], labels[rows]
    grid = grid_lines().to(u.device)
    way = stages_of(flow, trainer.knobs, torch.cat([start, grid.reshape(-1, LATENT)]), back)
    count = len(start)
    return {
        "rule": trainer.rule_name,
        "step": trainer.step_count,
        "back": back,
        "stages": stage_names(flow, trainer.knobs, back),
        "points": way[:, :count].cpu().numpy(),
        "lines": way[:, count:].reshape(len(way), *grid.shape).cpu().numpy(),
        "labels": None if back else labels,
        "codes": u.cpu().numpy(),
    }


@torch.no_grad()
def flow_samples(trainer: Trainer) -> dict[str, Any]:
    """The same draws of N(0, I), decoded straight and through the flow.

    Returns:
        draws, through_z: (m, 2); straight, through: (m, 28, 28) uint8.
    """
    flow = flow_of(trainer)
    draws = torch.randn(SAMPLES, LATENT, generator=torch.Generator().manual_seed(0))
    z = flow.from_prior(draws.to(trainer.device), trainer.knobs).cpu()
    straight, through = ((255 * trainer.decode(at)).round().to(torch.uint8).numpy() for at in (draws, z))
    return {
        "step": trainer.step_count,
        "draws": draws.numpy(),
        "through_z": z.numpy(),
        "straight": straight,
        "through": through,
    }


@torch.no_grad()
def flow_density(trainer: Trainer, points: int = 1000) -> dict[str, Any]:
    """log p(z) of the flow on a grid around the codes, and of the codes, in nats.

    Returns:
        x, y: (k,) the grid; log_density: (k, k), rows are y; codes: (n, 2); labels: (n,);
        mean: mean log-density of these codes (unseen images) under the "flow", under the "fitted"
        Gaussian (their own mean and covariance) and under the "standard" one, N(0, I).
    """
    flow = flow_of(trainer)
    codes, labels = codes_of(trainer, points)
    low, high = codes.amin(0), codes.amax(0)
    low, high = low - MARGIN * (high - low) - 1e-3, high + MARGIN * (high - low) + 1e-3
    x, y = (torch.linspace(float(low[i]), float(high[i]), NODES, device=codes.device) for i in range(LATENT))
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, LATENT)
    of_codes, of_grid = flow.log_density(torch.cat([codes, grid]), trainer.knobs).split([len(codes), len(grid)])
    return {
        "step": trainer.step_count,
        "x": x.cpu().numpy(),
        "y": y.cpu().numpy(),
        "log_density": of_grid.reshape(NODES, NODES).cpu().numpy(),
        "codes": codes.cpu().numpy(),
        "labels": labels,
        "mean": {
            "flow": float(of_codes.mean()),
            "fitted": fitted_log_density(codes),
            "standard": float(gaussian_log_density(codes).mean()),
        },
    }


def flow_of(trainer: Trainer) -> Flow | ContinuousFlow:
    """The run's flow, ready to be looked at.

    Raises:
        ValueError: its rule is none.
    """
    rule = trainer.rule
    if not isinstance(rule, Flow | ContinuousFlow):
        raise ValueError(f"{rule.title} has no flow. Switch the run to the spline flow or the continuous flow.")
    trainer.at_rest()
    return rule


def codes_of(trainer: Trainer, count: int) -> tuple[Tensor, np.ndarray]:
    """(n, 2) codes without noise of up to so many points, and their labels."""
    rows = spread(len(trainer.points.labels), count)
    return trainer.encoder(trainer.points.images[rows])["mean"], trainer.points.labels[rows]


def spread(count: int, wanted: int) -> np.ndarray:
    """Evenly spaced rows, at most as many as wanted."""
    return np.linspace(0, count - 1, min(count, wanted)).round().astype(np.int64)


def grid_lines() -> Tensor:
    """(2 · LINES, FINE, 2) upright and level lines of the square [-REACH, REACH]²."""
    across, along = torch.linspace(-REACH, REACH, LINES), torch.linspace(-REACH, REACH, FINE)
    upright = torch.stack(torch.meshgrid(across, along, indexing="ij"), -1)
    return torch.cat([upright, upright.flip(-1)])


def stages_of(flow: Flow | ContinuousFlow, knobs: Any, u: Tensor, back: bool) -> Tensor:
    """(T, n, 2) places (n, 2) on their way through the flow, layer by layer or along t."""
    if isinstance(flow, ContinuousFlow):
        each = -(-knobs.steps // (TIMES - 1))  # solver steps between two pictures, at least those of the knob
        return flow.stream(u, each * (TIMES - 1), backward=not back)[::each]
    way = [u]
    for layer in reversed(range(knobs.layers)) if back else range(knobs.layers):
        way.append(flow.uncouple(layer, way[-1]) if back else flow.couple(layer, way[-1])[0])
    return torch.stack(way)


def stage_names(flow: Flow | ContinuousFlow, knobs: Any, back: bool) -> list[str]:
    """Words for the stages of the way: times, or the flow's layers."""
    if isinstance(flow, ContinuousFlow):
        times = np.linspace(0, 1, TIMES) if back else np.linspace(1, 0, TIMES)
        return [f"t = {t:.2f}" for t in times]
    ends = ("Gaussian", "codes") if back else ("codes", "Gaussian")
    return [ends[0], *(f"layer {k}" for k in range(1, knobs.layers)), ends[1]]


def fitted_log_density(codes: Tensor) -> float:
    """Mean log-density of codes under the Gaussian of their own mean and covariance, in nats."""
    codes = codes.double()
    covariance = torch.cov(codes.T) + 1e-12 * torch.eye(LATENT, dtype=codes.dtype, device=codes.device)
    return float(MultivariateNormal(codes.mean(0), covariance).log_prob(codes).mean())
