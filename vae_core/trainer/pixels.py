"""Pixels as the networks see them: grey or binarized, float32 or bfloat16."""

import torch
from torch import Tensor

from vae_core.trainer.random_streams import stream

PIXELS = 28 * 28


def low(images: Tensor) -> Tensor:
    """uint8 0..255 -> bfloat16 in [0, 1], in parts that stay in the processor's cache."""
    made = torch.empty(images.shape, dtype=torch.bfloat16, device=images.device)
    for part, place in zip(images.split(500), made.split(500), strict=True):
        place.copy_(grey(part))
    return made


def as_seen(images: Tensor, pixels: str) -> Tensor:
    """(n, 784) uint8 images as a run's networks see them: grey, or binarized."""
    return images if pixels == "grey" else binarized(images)


def binarized(images: Tensor) -> Tensor:
    """(n, 784) uint8 images of 0 and 255 alone: each pixel is ink with the probability of its grey
    value (as in Salakhutdinov & Murray 2008), so that nats are comparable with the literature's.

    The draw follows from the image's own bytes: an image gets the same one wherever it comes from,
    and a binary image is left as it is. A threshold would be as fixed, but gives other nats.
    """
    drawn = stream(0, "binarized")
    weights = torch.randint(2**30, (PIXELS,), generator=drawn).double()
    levels = torch.randint(255, (2**20 + PIXELS,), generator=drawn, dtype=torch.uint8)  # 0 to 254
    windows = levels.unfold(0, PIXELS, 1)  # (2²⁰ + 1, 784), without a copy
    parts = []
    for part in images.cpu().split(5000):
        place = (part.double() @ weights).long() % 2**20  # whole numbers below 2⁵³: exact in any order
        parts.append((part > windows[place]).to(torch.uint8) * 255)
    return torch.cat(parts).to(images.device) if parts else images


def mean_image(images: Tensor) -> Tensor:
    """(784,) mean of uint8 images in [0, 1], from whole sums: the same however it is split. (Sums of parts are whole in
    float32, too, and those of integers take twenty times as long.)"""
    whole = sum(part.float().sum(0).double() for part in images.split(500))
    return (whole / (255 * len(images))).float().cpu()


def grey(images: Tensor) -> Tensor:
    """uint8 0..255 -> float32 in [0, 1]."""
    return images.float().mul_(1 / 255)


def as_bytes(logits: Tensor) -> Tensor:
    """(n, 784) logits -> (n, 28, 28) uint8 of their probabilities."""
    return (logits.sigmoid() * 255).round().to(torch.uint8).view(-1, 28, 28)
