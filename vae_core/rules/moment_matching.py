"""No noise: insist that each batch of codes looks like N(0, I)."""

import math
from typing import Literal

import torch
from torch import Tensor

from vae_core.rule import LATENT, Batch, Latent, Rule, knob

DIRECTIONS = 16
KERNEL = 2.0 * LATENT  # the constant of the inverse multiquadric: E‖a − b‖² of two draws of N(0, I)


class MomentMatching(Rule):
    title = "Moment matching"
    question = "Why not just insist that each batch of codes is normal, without noise?"
    formula = r"z = \mu(x)"
    charged = r"\lambda \cdot D(z_1, \dots, z_n \,\|\, \mathcal{N}(0, I))"
    why = "The codes of a batch, taken together, should look like draws of the prior."
    source = "Tolstikhin et al. 2018, alg. 2 (MMD); Kolouri et al. 2019, eq. 15 (sliced Wasserstein)"
    undefined = (
        "The codes of a batch are compared with the prior, the code of one x is a point: no KL and no ELBO for it."
    )

    class Knobs(Rule.Knobs):
        which: Literal["kl", "mmd", "sliced_wasserstein"] = knob(
            "kl",
            symbol="D",
            title="compared by",
            choices={
                "kl": "KL of the moments",
                "mmd": "MMD, inverse multiquadric",
                "sliced_wasserstein": "sliced Wasserstein",
            },
        )
        # Measured on MNIST after 1,000 steps: 30 costs half a nat of reconstruction (100 costs 3) and leaves 0.02 nats
        # between the moments of test codes and N(0, I); sliced Wasserstein alike. At 30, MMD leaves 0.2, at 300 0.05.
        lam: float = knob(
            30.0,
            symbol="λ",
            title="weight",
            help="For the same shift of the codes MMD is a fifth of the others: give it 150 to 300.",
            low=0,
            high=10_000,
            log=True,
        )
        n: int = knob(192, symbol="n", title="codes compared at a time", low=4, high=8192, log=True)

    def forward(self, heads: dict[str, Tensor], eps: Tensor, knobs: Knobs, batch: Batch) -> Latent:
        mean = heads["mean"]
        # A larger batch is compared in groups of n, so that n can be moved while the run trains.
        size = min(knobs.n, len(mean))
        if size < 2:
            return Latent(z=mean, mean=mean)  # one code has no spread to compare
        groups = mean[: len(mean) // size * size].view(-1, size, LATENT)
        draws = batch.draws[: len(mean) // size * size].view(-1, size, LATENT)
        compare = {"kl": kl_of_moments, "mmd": mmd, "sliced_wasserstein": sliced_wasserstein}[knobs.which]
        value = compare(groups, draws).mean()
        return Latent(z=mean, mean=mean, penalty={knobs.which: knobs.lam * value.expand(len(mean))})


def kl_of_moments(codes: Tensor, draws: Tensor | None = None) -> Tensor:
    """(G,) KL(N(m, S) ‖ N(0, I)) in nats, with mean m and covariance S of each group (G, n, 2)."""
    mean = codes.mean(1, keepdim=True)
    centred = codes - mean
    covariance = centred.transpose(1, 2) @ centred / codes.shape[1]
    trace = covariance.diagonal(dim1=1, dim2=2).sum(1)
    determinant = covariance[:, 0, 0] * covariance[:, 1, 1] - covariance[:, 0, 1] ** 2
    # The floor keeps codes on a line from an infinite KL.
    return 0.5 * (trace + mean.square().sum((1, 2)) - LATENT - determinant.clamp(min=1e-8).log())


def mmd(codes: Tensor, draws: Tensor) -> Tensor:
    """(G,) unbiased squared MMD between codes (G, n, 2) and draws of the prior (G, n, 2), with the
    kernel C / (C + ‖a − b‖²) (Gretton et al. 2012, eq. 3; Tolstikhin et al. 2018, sec. 4)."""
    n = codes.shape[1]

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = a.square().sum(2, keepdim=True) + b.square().sum(2).unsqueeze(1) - 2 * a @ b.transpose(1, 2)
        return KERNEL / (KERNEL + square.clamp(min=0))

    within = (kernel(codes, codes).sum((1, 2)) + kernel(draws, draws).sum((1, 2)) - 2 * n) / (n * (n - 1))
    return within - 2 * kernel(codes, draws).mean((1, 2))


def sliced_wasserstein(codes: Tensor, draws: Tensor | None = None) -> Tensor:
    """(G,) mean over directions of the squared 2-Wasserstein distance between the codes (G, n, 2)
    seen along a direction and N(0, 1), by its quantiles."""
    n = codes.shape[1]
    angles = (torch.arange(DIRECTIONS, device=codes.device, dtype=codes.dtype) + 0.5) * math.pi / DIRECTIONS
    shadows = codes @ torch.stack([angles.cos(), angles.sin()])
    levels = (torch.arange(n, device=codes.device, dtype=codes.dtype) + 0.5) / n
    quantiles = torch.special.ndtri(levels.double()).to(codes.dtype)
    return (shadows.sort(1).values - quantiles.unsqueeze(1)).square().mean((1, 2))
