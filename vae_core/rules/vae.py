"""The variational autoencoder: the reference that all other rules are held against."""

import torch
from torch import Tensor
from torch.distributions import Normal

from vae_core.rule import Batch, Latent, Rule, beta_knob, kl_to_prior, knob


class VAE(Rule):
    title = "VAE"
    question = "What does the usual VAE do?"
    formula = r"z = \mu(x) + s\,\sigma(x)\,\varepsilon"
    charged = r"\beta \cdot \mathrm{KL}(\mathcal{N}(\mu, \sigma^2) \,\|\, \mathcal{N}(0, I))"
    why = "The reconstruction at a draw less the KL bounds log p(x) from below: the ELBO (β = 1)."
    source = "Kingma & Welling 2014, eq. 10; β: Higgins et al. 2017"
    noise_off = "ε is not added, the penalty stays: the decoder no longer sees σ, so the KL pulls σ to 1."
    heads = {"mean": 2, "log_variance": 2}

    class Knobs(Rule.Knobs):
        beta: float = beta_knob()
        s: float = knob(1.0, symbol="s", title="noise scale", low=0, high=3)

    def forward(self, heads: dict[str, Tensor], eps: Tensor, knobs: Knobs, batch: Batch) -> Latent:
        mean = heads["mean"]
        scale = torch.exp(0.5 * heads["log_variance"])
        posterior = Normal(mean, scale, validate_args=False)
        return Latent(
            z=torch.addcmul(mean, scale, eps, value=knobs.s),
            mean=mean,
            posterior=posterior,
            penalty={"kl": knobs.beta * kl_to_prior(posterior).sum(1)},
        )
