"""How good a run's codes are: whether neighbours share a label, and where the prior finds no codes."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from vae_core.exact.priors import Prior, rule_prior, standard
from vae_core.rule import LATENT, Batch
from vae_core.trainer.batches import as_seen, grey, normal
from vae_core.trainer.networks import PIXELS
from vae_core.trainer.trainer import Trainer

NEIGHBOURS = 10  # of the density's estimate, and of the label's vote
DRAWS_EACH, FEWEST = 5, 10_000  # draws of each training image, and of all of them, for the density's estimate
SCARCE = 1 / 20  # a hole is where the codes are this much rarer than the prior
NODES = 181  # of the lattice, each way
N01 = standard(torch.device("cpu"))
CHUNK = 1000  # images that are encoded at once: some rules compare all pairs


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


def label_accuracy(trainer: Trainer, k: int = NEIGHBOURS, cap: int = 60_000) -> float:
    """Share of test images whose label is the most frequent among the k nearest training codes.

    Codes are those without noise; the vote is scikit-learn's `KNeighborsClassifier`.

    Args:
        cap: training images and test images that are used at most, evenly spaced.
    """
    from sklearn.neighbors import KNeighborsClassifier  # its import takes a second

    data, own = trainer.dataset, trainer.training_set
    rows = spread(len(own.images), cap)
    known = training_codes(trainer, rows)
    voters = KNeighborsClassifier(min(k, len(rows)), algorithm="kd_tree").fit(known, data.train_labels[own.rows[rows]])
    test = spread(len(data.test_images), cap)
    images = as_seen(torch.from_numpy(data.test_images[test]).view(-1, PIXELS), trainer.recipe.pixels)
    codes = codes_of(trainer, images.to(trainer.device), torch.full((len(test),), -1))
    # Equal codes are asked once: under a rule that ignores the image they all are.
    different, place = np.unique(codes, axis=0, return_inverse=True)
    return float(np.mean(voters.predict(different)[place] == data.test_labels[test]))


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
    x, y = (np.linspace(float(low), float(high), nodes) for low, high in zip(prior.box.low, prior.box.high))
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


def density_of(codes: np.ndarray, places: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
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


def drawn_codes(trainer: Trainer) -> np.ndarray:
    """(n, 2) float64 codes of the training images with the rule's noise, as much as the switch lets through.

    Each image is drawn 5 times, or as often as it takes to have 10,000 draws; the same at each call.
    """
    count = len(trainer.training_set.images)
    return training_codes(trainer, np.arange(count), max(DRAWS_EACH, -(-FEWEST // count)))


def training_codes(trainer: Trainer, rows: np.ndarray, draws: int = 0) -> np.ndarray:
    """(n, 2) float64 codes of the training images in these rows, see `codes_of`."""
    chosen = torch.from_numpy(rows).to(trainer.device)
    return codes_of(trainer, trainer.training_set.images[chosen], chosen, draws)


@torch.no_grad()
def codes_of(trainer: Trainer, images: Tensor, rows: Tensor, draws: int = 0) -> np.ndarray:
    """Codes of uint8 images (n, 784).

    Args:
        rows: (n,) of each among the training images, -1 for others.
        draws: of each image, with fixed ε; 0 is one code without noise.

    Returns:
        (n, 2) float64, or (n · draws, 2) in no order that counts.
    """
    trainer.at_rest()
    rows = rows.to(trainer.device)
    eps = normal(len(images) * draws, trainer.device, 0, "codes/eps").view(len(images), draws, LATENT)
    parts = []
    for own in torch.arange(len(images), device=trainer.device).split(CHUNK):
        pixels = grey(images[own])
        heads = trainer.encoder(pixels)
        for draw in eps[own].unbind(1) if draws else [torch.zeros(len(own), LATENT, device=trainer.device)]:
            latent = trainer.rule(heads, trainer.noise * draw, trainer.knobs, Batch(pixels, rows[own], draw))
            if torch.equal(latent.z, latent.mean):  # no noise: each draw would be the same
                parts += [latent.mean] * max(draws, 1)
                break
            parts.append(latent.z if draws else latent.mean)
    return torch.cat(parts).double().cpu().numpy()


def spread(count: int, wanted: int) -> np.ndarray:
    """(n,) int64 evenly spaced rows, at most as many as wanted."""
    return np.linspace(0, count - 1, min(count, wanted)).round().astype(np.int64)
