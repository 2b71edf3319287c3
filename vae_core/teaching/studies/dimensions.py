"""Beyond the plane: what of the plane's results survives in 8 and in 32 latent dimensions?

The app's trainer knows two dimensions. Here are its networks with any number of them, and an estimate of log p(x) where
there is no integral any more: importance sampling around two peaks of each image's posterior. Its expectation is a
lower bound of p(x); two halves that agree do not show a peak that both missed.
"""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, MixtureSameFamily, MultivariateNormal, Normal
from torch.nn import functional as F

from vae_core.analysis.classifier import classifier_of
from vae_core.data import load_dataset
from vae_core.rule import divergence, draw
from vae_core.run.recipe import Recipe
from vae_core.teaching.studies import Row
from vae_core.trainer.adam import Adam, rate_at
from vae_core.trainer.batches import training_images
from vae_core.trainer.likelihood import bernoulli_nats
from vae_core.trainer.networks import Decoder, linear, listed
from vae_core.trainer.pixels import PIXELS, grey
from vae_core.trainer.random_streams import stream

CELL = "rule", "dimensions", "training"
FIGURES = "reconstruction_at_mean", "active", "priors"
DIMENSIONS = 2, 8, 32
RULES = "autoencoder", "vae", "moment_matching"
TRAININGS = {"gentle": (2e-3, 2000), "as on the plane": (8e-3, 1)}  # peak rate, steps over which the KL is warmed up
STEPS, BATCH, CPU = 4000, 192, torch.device("cpu")
STRENGTH = 30.0  # λ of matched moments, as the rule has it
IMAGES, DRAWS, FREEDOM, WIDER = 100, 1000, 5.0, 1.5  # of the estimate
ASCENTS, SAMPLES, CODES, COMPONENTS = 200, 2000, 5_000, 20

LogDensity = Callable[[Tensor], Tensor]


class Network(nn.Module):
    """Encoder and decoder of the default recipe, for any number of latent dimensions."""

    def __init__(self, dimensions: int, seed: int, mean_image: Tensor) -> None:
        super().__init__()
        hidden, generator = Recipe.model_fields["hidden"].default, stream(seed, "dimensions", dimensions)
        down, up = (PIXELS, *hidden), (dimensions, *reversed(hidden), PIXELS)
        self.encoder = listed(linear(i, o, generator) for i, o in itertools.pairwise(down))
        self.mean, self.log_variance = (linear(hidden[-1], dimensions, generator) for _ in range(2))
        self.decoder = listed(linear(i, o, generator) for i, o in itertools.pairwise(up))
        with torch.no_grad():
            self.decoder[0].bias.uniform_(-Decoder.spread, Decoder.spread, generator=generator)
            self.decoder[-1].weight.mul_(Decoder.contrast)
            self.decoder[-1].bias.copy_(torch.logit(mean_image, eps=0.01))

    def encode(self, x: Tensor) -> Normal:
        """The posterior of images (B, 784), of batch shape (B, d)."""
        for layer in self.encoder:
            x = F.silu(layer(x))
        return Normal(self.mean(x), (0.5 * self.log_variance(x)).exp(), validate_args=False)

    def decode(self, z: Tensor) -> Tensor:
        """(…, 784) logits of codes (…, d)."""
        for layer in list(self.decoder)[:-1]:
            z = F.silu(layer(z))
        return self.decoder[-1](z)


def cells() -> Iterator[Row]:
    """Each number of dimensions under each rule, trained in each way."""
    for dimensions in DIMENSIONS:
        for rule in RULES:
            for training in TRAININGS:
                yield {"rule": rule, "dimensions": dimensions, "training": training}


def measure(rule: str, dimensions: int, training: str, seed: int) -> Row:
    """One trained network, measured.

    Returns:
        reconstruction_at_mean: nats of unseen images; active: dimensions whose mean varies by more than 0.01 over
        images (Burda et al. 2016, sec. 5.2); priors: name -> log_marginal (nats, mean over images), error (one standard
        error, mean), effective (share of the draws that count), sure (mean highest class probability of 2,000
        samples), varied (classes, exp of their entropy), near (mean distance to the nearest test image).
    """
    images, mean_image = training_images("mnist", "grey", CPU)
    network = Network(dimensions, seed, mean_image)
    with torch.enable_grad():
        train(network, images, rule, *TRAININGS[training], seed)
    unseen = torch.from_numpy(np.array(load_dataset("mnist").test_images)).view(-1, PIXELS)
    with torch.no_grad():
        mean = network.encode(grey(unseen)).mean
        at_mean = torch.cat(
            [
                bernoulli_nats(network.decode(z), grey(x))
                for z, x in zip(mean.split(1000), unseen.split(1000), strict=True)
            ]
        )
        codes = drawn(network.encode(grey(images[:: len(images) // CODES])), rule, stream(seed, "codes"))
    few = grey(unseen[:: len(unseen) // IMAGES][:IMAGES])
    return {
        "reconstruction_at_mean": float(at_mean.double().mean()),
        "active": int((mean.var(0) > 0.01).sum()),
        "priors": {
            name: {**estimated(network, few, prior, codes, seed), **judged(network, prior, unseen)}
            for name, prior in priors(codes).items()
        },
    }


def train(network: Network, images: Tensor, rule: str, peak: float, warm_up: int, seed: int) -> None:
    """Train on uint8 images (n, 784) with what the rule charges."""
    optimiser, parameters = Adam(), dict(network.named_parameters())
    for step in range(STEPS):
        generator = stream(seed, "step", step)
        x = grey(images[torch.randint(len(images), (BATCH,), generator=generator)])
        q = network.encode(x)
        z, weight = drawn(q, rule, generator), min(1.0, (step + 1) / warm_up)
        if rule == "vae":
            charged = divergence(q).mean()
        else:
            charged = STRENGTH * kl_of_moments(z) if rule == "moment_matching" else z.new_zeros(())
        (bernoulli_nats(network.decode(z), x).mean() + weight * charged).backward()
        optimiser.step(parameters, rate_at(step, peak))


def kl_of_moments(codes: Tensor) -> Tensor:
    """KL(N(m, S) ‖ N(0, I)) of the moments of codes (n, d), nats."""
    mean, dimensions = codes.mean(0), codes.shape[1]
    covariance = (codes - mean).T @ (codes - mean) / len(codes) + 1e-6 * torch.eye(dimensions)
    return 0.5 * (covariance.trace() + mean.square().sum() - dimensions - torch.logdet(covariance))


def drawn(q: Normal, rule: str, generator: torch.Generator) -> Tensor:
    """(B, d) codes as the decoder gets them in training."""
    return draw(q, torch.randn(q.mean.shape, generator=generator)) if rule == "vae" else q.mean


def priors(codes: Tensor) -> dict[str, Distribution]:
    """N(0, I), and a Gaussian and a mixture fitted to codes (n, d)."""
    from sklearn.mixture import GaussianMixture  # its import takes a second

    codes, dimensions = codes.double(), codes.shape[1]
    ridge = 1e-6 * codes.var(0).mean() * torch.eye(dimensions).double()
    fit = GaussianMixture(COMPONENTS, random_state=0, reg_covar=1e-5).fit(codes.numpy())
    means, covariances = torch.from_numpy(fit.means_), torch.from_numpy(fit.covariances_)
    return {
        "N(0, I)": MultivariateNormal(torch.zeros(dimensions).double(), torch.eye(dimensions).double()),
        "N(m, S)": MultivariateNormal(codes.mean(0), torch.cov(codes.T) + ridge),
        f"mixture of {COMPONENTS}": MixtureSameFamily(
            Categorical(torch.from_numpy(fit.weights_)), MultivariateNormal(means, covariances)
        ),
    }


def estimated(network: Network, x: Tensor, prior: Distribution, codes: Tensor, seed: int) -> Row:
    """log p(x) of images (n, 784) under a prior, by importance sampling from Student's t around two peaks of each
    image's posterior, from the encoder's code and from the likeliest of `codes`."""
    generator = stream(seed, "estimate")

    def joint(z: Tensor, images: Tensor) -> Tensor:  # (n, k, d), (n, 1, 784) -> (n, k)
        logits = network.decode(z.float())
        return (images * logits - F.softplus(logits)).sum(2).double() + prior.log_prob(z.double())

    with torch.no_grad():
        own = network.encode(x).mean
        painted = network.decode(codes)
        best = (x @ painted.T - F.softplus(painted).sum(1) + prior.log_prob(codes.double()).float()).argmax(1)
    peaks = climbed(torch.stack([own, codes[best]], 1), lambda z: joint(z, x.unsqueeze(1)))  # (n, 2, d)
    with torch.no_grad():
        lower = torch.linalg.cholesky(WIDER * torch.linalg.inv(curvature(network, peaks, prior)))  # (n, 2, d, d)
        values, errors, effective = [], [], []
        for image, centre, spread in zip(x, peaks, lower, strict=True):
            z, log_q = students(centre, spread, generator)
            log_weight = joint(z.unsqueeze(0), image.view(1, 1, -1))[0] - log_q
            weight = (log_weight - log_weight.max()).exp()
            values.append(float(log_weight.max() + weight.mean().log()))
            errors.append(float(weight.std() / weight.mean()) / DRAWS**0.5)
            effective.append(float(weight.sum() ** 2 / weight.square().sum()) / DRAWS)
    return {
        "log_marginal": float(np.mean(values)),
        "error": float(np.mean(errors)),
        "effective": float(np.mean(effective)),
    }


def climbed(z: Tensor, joint: LogDensity) -> Tensor:
    """Peaks (n, k, d) that gradient ascent finds from places (n, k, d)."""
    place, optimiser = nn.Parameter(z.detach().double()), Adam()
    with torch.enable_grad():
        for step in range(ASCENTS):
            (slope,) = torch.autograd.grad(joint(place).sum(), place)
            place.grad = -slope
            optimiser.step({"place": place}, 0.05 * (1 - (step + 1) / (ASCENTS + 1)))
    return place.detach()


def curvature(network: Network, z: Tensor, prior: Distribution) -> Tensor:
    """(n, k, d, d) −Hessian of log p(x|z) + log p(z) at places (n, k, d), without the decoder's second derivative
    (Gauss and Newton), so that it is positive; of a mixture, the whole's covariance stands for the prior's."""
    flat, dimensions = z.reshape(-1, z.shape[2]).float(), z.shape[2]
    columns = [
        torch.func.jvp(network.decode, (flat,), (torch.eye(dimensions)[k].expand_as(flat),))[1]
        for k in range(dimensions)
    ]
    jacobian = torch.stack(columns, 2).double()  # (m, 784, d)
    ink = network.decode(flat).sigmoid().double()
    if isinstance(prior, MultivariateNormal):
        precision = prior.precision_matrix
    else:
        precision = torch.linalg.inv(torch.cov(prior.sample((CODES,)).T))
    hessian = jacobian.transpose(1, 2) @ ((ink * (1 - ink)).unsqueeze(2) * jacobian) + precision
    return hessian.view(*z.shape, dimensions)


def students(centres: Tensor, lower: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(K, d) draws of the equal mixture of Student's t at centres (k, d), and its (K,) log density."""
    count, dimensions = centres.shape
    which = torch.randint(count, (DRAWS,), generator=generator)
    normal = torch.randn(DRAWS, dimensions, generator=generator).double()
    chi = torch.randn(DRAWS, int(FREEDOM), generator=generator).double().square().sum(1)
    z = centres[which] + (FREEDOM / chi).sqrt().unsqueeze(1) * (lower[which] @ normal.unsqueeze(2)).squeeze(2)
    away = torch.linalg.solve_triangular(lower, (z.unsqueeze(0) - centres.unsqueeze(1)).transpose(1, 2), upper=False)
    half = (FREEDOM + dimensions) / 2
    constant = math.lgamma(half) - math.lgamma(FREEDOM / 2) - dimensions / 2 * math.log(FREEDOM * math.pi)
    log_scale = lower.diagonal(dim1=1, dim2=2).log().sum(1)
    each = constant - log_scale.unsqueeze(1) - half * torch.log1p(away.square().sum(1) / FREEDOM)
    return z, each.logsumexp(0) - math.log(count)


@torch.no_grad()
def judged(network: Network, prior: Distribution, unseen: Tensor) -> Row:
    """What a digit classifier, and the nearest test image (n, 784), say of images painted from draws of a prior."""
    torch.manual_seed(0)  # torch's distributions know no generator
    painted = network.decode(prior.sample((SAMPLES,)).float()).sigmoid()
    classes = torch.from_numpy(classifier_of("mnist").class_probabilities(painted)).double()
    return {
        "sure": float(classes.max(1).values.mean()),
        "varied": float(torch.special.entr(classes.mean(0)).sum().exp()),
        "near": float(torch.cdist(painted, grey(unseen)).min(1).values.mean()),
    }
