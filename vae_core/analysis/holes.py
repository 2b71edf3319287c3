"""Holes: where a prior has mass and a run's codes are next to none."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree

from vae_core.analysis.codes import drawn_codes
from vae_core.exact.priors import Prior, rule_prior, standard
from vae_core.rule import LATENT
from vae_core.trainer.trainer import Trainer

NEAREST = 10  # of the density's estimate


SCARCE = 1 / 20  # a hole is where the codes are this much rarer than the prior


NODES = 181  # of the lattice, each way


N01 = standard(torch.device("cpu"))


@dataclass(frozen=True, eq=False)
class Holes:
    """Where a prior meets next to no codes.

    Attributes:
        x, y: (nodes,) float64 coordinates of the lattice.
        codes_density, prior_density: (nodes, nodes) float64, estimated q(z) and p(z); row i lies at y[i].
        mask: (nodes, nodes) bool, where q(z) < p(z) / 20.
        share: of the prior's mass that lies in holes, from 0 to 1.
        mass: of the prior that the lattice covers, by the same sum; 1 but for what lies outside.
    """

    x: np.ndarray
    y: np.ndarray
    codes_density: np.ndarray
    prior_density: np.ndarray
    mask: np.ndarray
    share: float
    mass: float


def hole_share(trainer: Trainer) -> float:
    """Share of the mass of the run's prior in the holes that its codes leave, from 0 to 1.

    One definition for all rules, with a posterior or without one; see `drawn_codes`, `rule_prior`, `find_holes`.
    """
    return find_holes(drawn_codes(trainer), rule_prior(trainer)).share


def find_holes(codes: np.ndarray, prior: Prior = N01, nodes: int = NODES) -> Holes:
    """The holes that codes (N, 2) leave in a prior, whose mass is summed over a lattice.

    By the density's estimate, a hole is where a disc in which 200 of N draws of the prior are expected
    holds fewer than 10 codes. So N sets the size of the smallest hole that is found: near the origin of
    N(0, I) a radius of 20 / √N.
    """
    x, y = (
        np.linspace(float(low), float(high), nodes) for low, high in zip(prior.box.low, prior.box.high, strict=True)
    )
    lattice = np.stack(np.meshgrid(x, y), -1).reshape(-1, LATENT)
    q, p = density_of(codes, lattice), np.exp(log_density_at(prior, lattice))
    mask = q < SCARCE * p
    shape = nodes, nodes
    return Holes(
        x=x,
        y=y,
        codes_density=q.reshape(shape),
        prior_density=p.reshape(shape),
        mask=mask.reshape(shape),
        share=float(p[mask].sum() / p.sum()),
        mass=float(p.sum() * (x[1] - x[0]) * (y[1] - y[0])),
    )


def in_holes(places: np.ndarray, codes: np.ndarray, prior: Prior = N01) -> np.ndarray:
    """(n,) bool: which places (n, 2), samples of the prior say, lie in holes."""
    return density_of(codes, places) < SCARCE * np.exp(log_density_at(prior, places))


def density_of(codes: np.ndarray, places: np.ndarray, k: int = NEAREST) -> np.ndarray:
    """(n,) density at places (n, 2) of the distribution that codes (N, 2) are drawn from.

    k / (N π r²), with r the distance to the k-th nearest code (Loftsgaarden & Quesenberry 1965);
    infinite where k codes lie at the place itself.
    """
    k = min(k, len(codes))
    distance = cKDTree(codes).query(places, [k])[0][:, 0]
    with np.errstate(divide="ignore"):
        return k / (len(codes) * np.pi * distance**2)


def log_density_at(prior: Prior, places: np.ndarray) -> np.ndarray:
    """(n,) nats of a prior at places (n, 2)."""
    return prior.log_density(torch.from_numpy(places).to(prior.box.low.device)).cpu().numpy()
