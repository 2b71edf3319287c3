"""Likelihoods of pixels, −log p(x|z) in nats, with their gradients."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vae_core.trainer.pixels import PIXELS


def bernoulli_nats(logits: Tensor, images: Tensor) -> Tensor:
    """(B,) cross-entropy of Bernoulli pixels, in nats per image: −log p(x|z) for binary x.

    For grey pixels it is a pseudo-likelihood (Loaiza-Ganem & Cunningham 2019).

    Args:
        logits: (B, 784).
        images: (B, 784) in [0, 1].
    """
    return (F.softplus(logits) - images.to(logits.dtype) * logits).sum(1, dtype=torch.float32)


def bernoulli_gradient(logits: Tensor, images: Tensor) -> Tensor:
    """(B, 784) gradient of the batch's mean `bernoulli_nats` with respect to the logits, in their place:
    (p − x) / B."""
    return logits.sigmoid_().sub_(images).div_(len(logits))


def gaussian_nats(logits: Tensor, images: Tensor, deviation: float) -> Tensor:
    """(B,) −log N(x; p, d² I) in nats per image, all constants included, with p the sigmoid of the logits:
    Σ (x − p)² / 2d² + 784 (log d + ½ log 2π) (Kingma & Welling 2014, app. C.2, with d held fixed).

    It is a density, so it may be negative.
    """
    error = (images - torch.sigmoid(logits.float())).square().sum(1)
    return error / (2 * deviation**2) + PIXELS * (math.log(deviation) + 0.5 * math.log(2 * math.pi))


def gaussian_gradient(logits: Tensor, images: Tensor, deviation: float) -> Tensor:
    """(B, 784) gradient of the batch's mean `gaussian_nats` with respect to the logits:
    (p − x) p (1 − p) / d² / B."""
    p = torch.sigmoid(logits.float())
    return ((p - images) * p * (1 - p)).div_(deviation**2 * len(logits)).to(logits.dtype)


Pixelwise = Callable[[Tensor, Tensor], Tensor]  # logits and images, (B, 784) each


def likelihood(name: str, deviation: float) -> tuple[Pixelwise, Pixelwise]:
    """−log p(x|z) of each image in nats, and the gradient of its mean with respect to the logits."""
    if name == "gaussian":
        return partial(gaussian_nats, deviation=deviation), partial(gaussian_gradient, deviation=deviation)
    return bernoulli_nats, bernoulli_gradient


class Reconstruction(torch.autograd.Function):
    """Stands for the batch's mean −log p(x|z) by its gradient alone: the value, which nobody reads while a run
    trains, would cost a sixth of the step. (Gradients given to `backward` make torch import sympy.)"""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, gradient: Tensor) -> Tensor:
        """0, for logits (B, 784) and the gradient (B, 784) that they are to get."""
        ctx.gradient = gradient
        return gradient.new_zeros(())

    @staticmethod
    def backward(ctx: Any, one: Tensor) -> tuple[Tensor, None]:
        """That gradient."""
        return ctx.gradient, None
