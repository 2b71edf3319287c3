"""The KL divergence of a Gaussian posterior from the prior N(0, I), with derivatives of its own."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.distributions import Distribution, MultivariateNormal, Normal

from vae_core.rule.contract import LATENT


def divergence(posterior: Distribution) -> Tensor:
    """(B,) KL(q(z|x) ‖ N(0, I)) in nats, of a `Normal` or `MultivariateNormal` posterior."""
    if isinstance(posterior, Normal):
        return kl_to_prior(posterior).sum(1)
    assert isinstance(posterior, MultivariateNormal)
    return FullKLToPrior.apply(posterior.loc, posterior.scale_tril)


def kl_to_prior(posterior: Normal) -> Tensor:
    """(B, 2) KL(q(z|x) ‖ N(0, I)) of each dimension, in nats: ½ (μ² + σ² − 1) − log σ (Kingma & Welling 2014,
    app. B)."""
    return KLToPrior.apply(posterior.mean, posterior.stddev)


class KLToPrior(torch.autograd.Function):
    """Its derivatives are short, μ and σ − 1/σ; by autograd it would be the dearest part of a small step."""

    @staticmethod
    def forward(ctx: FunctionCtx, mean: Tensor, deviation: Tensor) -> Tensor:
        """(B, 2) the divergence of each dimension."""
        ctx.save_for_backward(mean, deviation)
        return mean.square().add_(deviation.square()).sub_(1).mul_(0.5).sub_(deviation.log())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
        """Of the mean and of σ, times the gradient g of what they bring about."""
        mean, deviation = ctx.saved_tensors
        return g * mean, (deviation - deviation.reciprocal()).mul_(g)


class FullKLToPrior(torch.autograd.Function):
    """The same for full covariance L Lᵀ, means (B, 2) and L (B, 2, 2) -> (B,): ½ (‖L‖² + ‖μ‖²) − 1 − log det L."""

    @staticmethod
    def forward(ctx: FunctionCtx, mean: Tensor, lower: Tensor) -> Tensor:
        """(B,) the divergence."""
        diagonal = lower.diagonal(dim1=1, dim2=2)
        ctx.save_for_backward(mean, lower, diagonal)
        square = torch.cat([mean, lower.flatten(1)], 1).square_().sum(1)
        return square.sub_(LATENT).mul_(0.5).sub_(diagonal.log().sum(1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
        """Of the mean and of L."""
        mean, lower, diagonal = ctx.saved_tensors
        of_lower = lower.clone()
        of_lower.diagonal(dim1=1, dim2=2).sub_(diagonal.reciprocal())
        return g.unsqueeze(1) * mean, of_lower.mul_(g.view(-1, 1, 1))
