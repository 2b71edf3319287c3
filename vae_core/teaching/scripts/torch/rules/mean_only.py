# ruff: noqa: E402, F401, F811, F821
"""Mean only: z = μ(x) + σ₀ ε, charged β KL(N(μ, σ₀²) ‖ N(0, I)) = β (½‖μ‖² + const) (Ghosh et al. 2020, eq. 10)."""

import math

HEADS = {"mean": 2}  # what the encoder gives: name -> width
BETA, SIGMA0 = "$beta", "$sigma0"  # β weighs the KL, σ₀ is the size of the noise


class LatentRule(nn.Module):
    def forward(self, heads, eps, *_):
        #: if squash
        mean = heads["mean"].tanh()  # within [-1, 1]
        #: else
        mean = heads["mean"]
        #: end
        # >>> the latent rule: z
        z = mean + SIGMA0 * eps
        # >>> the latent rule: what is charged
        kl = 0.5 * (mean**2 + SIGMA0**2 - 1 - 2 * math.log(SIGMA0)).sum(1)
        return z, BETA * kl, kl
