"""Noise of one fixed size: the encoder chooses the mean and nothing else."""

from torch import Tensor
from torch.distributions import Normal

from vae_core.rule import Batch, Latent, Rule, beta_knob, kl_to_prior, knob


class MeanOnly(Rule):
    title = "Mean only"
    question = "Why not only the mean, z = μ + ε?"
    formula = r"z = \mu(x) + \sigma_0\,\varepsilon"
    charged = r"\beta \cdot (½\,\|\mu\|^2 + \text{const})"
    why = "The same KL as in the VAE; with σ held at σ₀ only the mean can still pay."
    source = "Kingma & Welling 2014, app. B, with σ held at σ₀; Ghosh et al. 2020, sec. 2.2, eq. 10"
    noise_off = "ε is not added, ½‖μ‖² is still charged: an autoencoder with weight decay on its codes."
    free = "mean"

    class Knobs(Rule.Knobs):
        beta: float = beta_knob()
        sigma0: float = knob(1.0, symbol="σ₀", title="noise size", low=0.01, high=3, log=True)
        squash: bool = knob(False, symbol="tanh", title="squash μ by tanh", help="keeps μ in [-1, 1]")

    def forward(self, heads: dict[str, Tensor], eps: Tensor, knobs: Knobs, batch: Batch) -> Latent:
        mean = heads["mean"].tanh() if knobs.squash else heads["mean"]
        posterior = Normal(mean, mean.new_full((), knobs.sigma0).expand_as(mean), validate_args=False)
        return Latent(
            z=mean + knobs.sigma0 * eps,
            mean=mean,
            posterior=posterior,
            penalty={"kl": knobs.beta * kl_to_prior(posterior).sum(1)},
        )
