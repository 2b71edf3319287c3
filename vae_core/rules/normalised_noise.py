"""An encoder, a normalisation of its code and a layer of Gaussian noise, as people write it in Keras."""

import torch
from torch.nn import functional as F

from vae_core.rule import LATENT, Knobs, Latent, Rule, knob

MOMENTUM, EPSILON = 0.1, 1e-5


class NormalisedNoise(Rule):
    title = "Normalised code + noise"
    question = "Why not normalise the code and add noise of a fixed size?"
    formula = r"z = \frac{\mu(x) - m}{d} + \sigma_n\,\varepsilon"
    charged = r"\text{nothing: the normalisation does the work}"
    source = "Ioffe & Szegedy 2015, alg. 1 and 2; Ghosh et al. 2020, sec. 3"
    noise_off = "ε is not added: an autoencoder whose codes have mean 0 and standard deviation 1."
    undefined = "Nothing ties the codes of one image to the prior, so there is no KL to charge and no ELBO."

    class Knobs(Knobs):
        noise_std: float = knob(0.1, symbol="σₙ", title="noise size", low=0, high=3, log=True)

    def __init__(self, setting):
        super().__init__(setting)
        self.register_buffer("running_mean", torch.zeros(LATENT))
        self.register_buffer("running_variance", torch.ones(LATENT))

    def forward(self, heads, eps, knobs, batch):
        by_batch = self.training and len(eps) > 1  # one code alone has no variance
        mean = F.batch_norm(
            heads["mean"], self.running_mean, self.running_variance,
            training=by_batch, momentum=MOMENTUM, eps=EPSILON,
        )  # fmt: skip
        return Latent(z=mean + knobs.noise_std * eps, mean=mean)

    def facts(self):
        return {"running mean m": self.running_mean, "running deviation d": self.running_variance.sqrt()}
