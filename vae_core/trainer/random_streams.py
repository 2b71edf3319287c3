"""Random streams: initialisation, batch order and noise each draw from their own, named ones."""

import hashlib

import torch
from torch import Tensor

from vae_core.rule import LATENT


def stream(seed: int, *names: object) -> torch.Generator:
    """A random stream of its own for each name: drawing from one leaves the others as they are."""
    text = "/".join(map(str, (seed, *names)))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
    return torch.Generator().manual_seed(number)


def normal(n: int, device: torch.device, seed: int, *names: object) -> Tensor:
    """(n, 2) draws of N(0, I) from a named stream; drawn on the CPU, so alike on all devices."""
    return torch.randn(n, LATENT, generator=stream(seed, *names)).to(device)
