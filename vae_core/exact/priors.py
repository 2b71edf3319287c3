"""Densities of z under which log p(x) is asked: the rule's prior, and two that are fitted to the codes."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from vae_core.exact.mesh import Box, LogDensity
from vae_core.rule import LATENT, gaussian_log_density
from vae_core.trainer.random_streams import normal
from vae_core.trainer.trainer import Trainer

REACH = 6.5  # standard deviations that hold all but e^-21 of a Gaussian's mass
COMPONENTS = 20
CODES = 10_000  # training images to whose codes a density is fitted
MAPPED = 4096  # draws whose images under a flow show where its mass lies


@dataclass(frozen=True)
class Prior:
    """A density of z.

    Attributes:
        name: as the screen shows it.
        log_density: places (M, 2) -> (M,) nats, float64.
        box: holds its mass.
    """

    name: str
    log_density: LogDensity
    box: Box


def rule_prior(trainer: Trainer) -> Prior:
    """The prior of the run's rule: N(0, I), or what its flow makes of it."""
    trainer.at_rest()
    draws = normal(MAPPED, trainer.device, 0, "exact/prior")
    with torch.no_grad():
        mapped = trainer.rule.from_prior(draws, trainer.knobs)
    if mapped is draws:
        return standard(trainer.device)
    log_prior = trainer.rule.log_density
    places = Box.around(mapped)
    return Prior(
        f"the {trainer.rule.title.lower()}'s prior",
        lambda z: log_prior(z.float(), trainer.knobs).detach().double(),
        Box.around(mapped, (places.high - places.low) / 4),
    )


def standard(device: torch.device) -> Prior:
    """N(0, I)."""
    corner = torch.full((1, LATENT), REACH, device=device)
    return Prior("N(0, I)", lambda z: gaussian_log_density(z.double()), Box.around(torch.cat([-corner, corner])))


def fitted_gaussian(codes: Tensor) -> Prior:
    """N(m, S) with the mean and the covariance of codes (n, 2)."""
    codes = codes.double()
    mean, covariance = codes.mean(0), torch.cov(codes.T, correction=0)
    # Codes on a line or in one place: a density all the same, as narrow as float32 codes can tell.
    covariance += torch.eye(LATENT, device=codes.device) * (1e-4 * codes.abs().max().clamp(min=1e-3)) ** 2
    density = MultivariateNormal(mean, covariance)
    return Prior("N(m, S)", density.log_prob, Box.around(mean.unsqueeze(0), REACH * density.stddev))


def fitted_mixture(codes: Tensor, components: int = COMPONENTS) -> Prior:
    """A mixture of Gaussians with full covariances, fitted to codes (n, 2) by expectation maximisation."""
    from sklearn.mixture import GaussianMixture  # its import takes a second

    shift, scale = codes.double().mean(0), codes.double().std(0).clamp(min=1e-12)
    seen = ((codes.double() - shift) / scale).cpu().numpy()
    fit = GaussianMixture(min(components, len(seen)), random_state=0, reg_covar=1e-5).fit(seen)
    means, covariances = (torch.from_numpy(a).to(codes.device) for a in (fit.means_, fit.covariances_))
    parts = MultivariateNormal(means, covariances)
    mixture = MixtureSameFamily(Categorical(torch.from_numpy(fit.weights_).to(codes.device)), parts)
    log_scale = scale.log().sum()
    corners = torch.cat([parts.mean - REACH * parts.stddev, parts.mean + REACH * parts.stddev])
    return Prior(
        f"mixture of {len(fit.weights_)}",
        lambda z: mixture.log_prob((z.double() - shift) / scale) - log_scale,
        Box.around(shift + scale * corners),
    )


def yardsticks(trainer: Trainer) -> dict[str, Prior]:
    """The priors under which decoders are compared: "rule" (where it is not N(0, I)), "standard", and "gaussian"
    and "mixture", fitted to the codes of training images."""
    codes, own = training_codes(trainer), rule_prior(trainer)
    priors = {
        "standard": standard(trainer.device),
        "gaussian": fitted_gaussian(codes),
        "mixture": fitted_mixture(codes),
    }
    return priors if own.name == priors["standard"].name else {"rule": own, **priors}


def training_codes(trainer: Trainer, count: int = CODES) -> Tensor:
    """(n, 2) codes of training images as the rule draws them, with fixed ε."""
    rows = torch.linspace(0, len(trainer.training_set.images) - 1, min(count, len(trainer.training_set.images)))
    images = trainer.training_set.images[rows.long().to(trainer.device)]
    eps = normal(len(images), torch.device("cpu"), 0, "exact/codes")
    return trainer.encode(images, eps).z.to(trainer.device)


def kl_from_standard(prior: Prior, device: torch.device, nodes: int = 400) -> float:
    """KL(prior ‖ N(0, I)) in nats, summed over a lattice of its box."""
    low, high = prior.box.low.to(device), prior.box.high.to(device)
    axes = [low[k] + (high[k] - low[k]) * (torch.arange(nodes, device=device) + 0.5) / nodes for k in range(LATENT)]
    places = torch.cartesian_prod(*axes)
    cell = float((high - low).prod()) / nodes**2
    log_density = prior.log_density(places)
    return float((log_density.exp() * (log_density - gaussian_log_density(places.double()))).sum() * cell)
