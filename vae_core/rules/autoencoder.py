"""The plain autoencoder: what is left when the noise and the penalty go."""

from torch import Tensor

from vae_core.rule import Batch, Knobs, Latent, Rule


class Autoencoder(Rule):
    title = "Autoencoder"
    question = "Why is z random at all?"
    formula = r"z = \mu(x)"
    charged = r"\text{nothing}"
    why = "Nothing: the code may lie wherever the decoder finds it again."
    source = "Hinton & Salakhutdinov 2006, Science 313"
    undefined = "No posterior, so no KL and no ELBO: a single point has no density to compare with the prior."

    def forward(self, heads: dict[str, Tensor], eps: Tensor, knobs: Knobs, batch: Batch) -> Latent:
        mean = heads["mean"]
        return Latent(z=mean, mean=mean)
