"""A third channel beside mean and scale: the correlation, so that posteriors may tilt."""

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from vae_core.rule import Batch, Latent, Rule, beta_knob, divergence, knob

MOST = 0.999  # of the correlation: at 1 the density would vanish


class FullCovariance(Rule):
    title = "Full covariance"
    question = "Why two channels, μ and σ? What would a correlation add?"
    formula = r"z = \mu(x) + s\,L(x)\,\varepsilon"
    charged = r"\beta \cdot \mathrm{KL}(\mathcal{N}(\mu, L L^\top) \,\|\, \mathcal{N}(0, I))"
    why = "The VAE's KL, for a Gaussian that may tilt."
    source = "Kingma & Welling 2019, sec. 2.5.1"
    noise_off = (
        "ε is not added, the penalty stays: the decoder no longer sees L, so the KL pulls it to the unit matrix."
    )
    heads = {"mean": 2, "log_variance": 2, "correlation": 1}

    class Knobs(Rule.Knobs):
        beta: float = beta_knob()
        s: float = knob(1.0, symbol="s", title="noise scale", low=0, high=3)

    def forward(self, heads: dict[str, Tensor], eps: Tensor, knobs: Knobs, batch: Batch) -> Latent:
        mean = heads["mean"]
        first, second = torch.exp(0.5 * heads["log_variance"]).split(1, 1)
        rho = MOST * torch.tanh(heads["correlation"])
        lower = torch.cat([first, torch.zeros_like(rho), rho * second, (1 - rho * rho).sqrt() * second], 1).view(
            -1, 2, 2
        )
        posterior = MultivariateNormal(mean, scale_tril=lower, validate_args=False)
        return Latent(
            z=mean + knobs.s * (lower * eps.unsqueeze(1)).sum(2),
            mean=mean,
            posterior=posterior,
            penalty={"kl": knobs.beta * divergence(posterior)},
        )
