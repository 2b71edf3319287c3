"""Nothing but noise: the code says nothing about the image."""

import torch
from torch import Tensor

from vae_core.rule import Batch, Knobs, Latent, Rule, standard_normal


class NoiseOnly(Rule):
    title = "Noise only"
    question = "Why not only the noise, z = ε?"
    formula = r"z = \varepsilon"
    charged = r"\text{nothing: } q(z|x) = p(z) \text{, its KL is 0}"
    why = "Nothing is told of x, so q(z|x) is the prior and the KL is 0 by itself."
    source = "Kingma & Welling 2014, eq. 3, with q(z|x) = p(z)"
    noise_off = "ε is not added: every image gets z = 0, and the decoder paints one mean image."
    free = "nothing"

    def forward(self, heads: dict[str, Tensor], eps: Tensor, knobs: Knobs, batch: Batch) -> Latent:
        mean = torch.zeros_like(heads["mean"])
        return Latent(z=mean + eps, mean=mean, posterior=standard_normal(mean))
