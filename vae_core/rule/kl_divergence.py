"""The KL divergence of a Gaussian posterior from the prior N(0, I), with derivatives of its own."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.distributions import Distribution, Normal

from vae_core.rule.contract import LATENT


def divergence(posterior: Distribution) -> Tensor:
    """(B,) KL(q(z|x) ‖ N(0, I)) in nats, of a `Normal` or `MultivariateNormal` posterior."""
    if isinstance(posterior, Normal):
        return kl_to_prior(posterior).sum(1)
    return FullKLToPrior.apply(posterior.loc, posterior.scale_tril)


def kl_to_prior(posterior: Normal) -> Tensor:
    """(B, 2) KL(q(z|x) ‖ N(0, I)) of each dimension, in nats: ½ (μ² + σ² − 1) − log σ (Kingma & Welling 2014,
    app. B)."""
    return KLToPrior.apply(posterior.mean, posterior.stddev)


class KLToPrior(torch.autograd.Function):
    """Its derivatives are short, μ and σ − 1/σ; by autograd it would be the dearest part of a small step."""

    @staticmethod
    def forward(ctx, mean: Tensor, deviation: Tensor) -> Tensor:
        ctx.save_for_backward(mean, deviation)
        return mean.square().add_(deviation.square()).sub_(1).mul_(0.5).sub_(deviation.log())

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = ctx.saved_tensors
        return g * mean, (deviation - deviation.reciprocal()).mul_(g)


class FullKLToPrior(torch.autograd.Function):
    """The same for full covariance L Lᵀ, means (B, 2) and L (B, 2, 2) -> (B,): ½ (‖L‖² + ‖μ‖²) − 1 − log det L."""

    @staticmethod
    def forward(ctx, mean: Tensor, lower: Tensor) -> Tensor:
        diagonal = lower.diagonal(dim1=1, dim2=2)
        ctx.save_for_backward(mean, lower, diagonal)
        square = torch.cat([mean, lower.flatten(1)], 1).square_().sum(1)
        return square.sub_(LATENT).mul_(0.5).sub_(diagonal.log().sum(1))

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor]:
        mean, lower, diagonal = ctx.saved_tensors
        of_lower = lower.clone()
        of_lower.diagonal(dim1=1, dim2=2).sub_(diagonal.reciprocal())
        return g.unsqueeze(1) * mean, of_lower.mul_(g.view(-1, 1, 1))
