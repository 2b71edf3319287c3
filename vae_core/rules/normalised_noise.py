"""An encoder, a normalisation of its code and a layer of Gaussian noise, as people write it in Keras."""

from torch import Tensor

from vae_core.rule import Batch, Latent, Rule, Setting, knob
from vae_core.rule.normalisation import Normalisation


class NormalisedNoise(Rule):
    title = "Normalised code + noise"
    question = "Why not normalise the code and add noise of a fixed size?"
    formula = r"z = \frac{\mu(x) - m}{d} + \sigma_n\,\varepsilon"
    charged = r"\text{nothing: the normalisation does the work}"
    why = "Nothing: the normalisation fixes mean and deviation of the codes, the noise size is yours."
    source = "Ioffe & Szegedy 2015, alg. 1 and 2; Ghosh et al. 2020, sec. 3"
    noise_off = "ε is not added: an autoencoder whose codes have mean 0 and standard deviation 1."
    undefined = "Nothing ties the codes of one image to the prior, so there is no KL to charge and no ELBO."

    class Knobs(Rule.Knobs):
        noise_std: float = knob(0.1, symbol="σₙ", title="noise size", low=0, high=3, log=True)

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.normalise = Normalisation()

    def forward(self, heads: dict[str, Tensor], eps: Tensor, knobs: Knobs, batch: Batch) -> Latent:
        mean = self.normalise(heads["mean"])
        return Latent(z=mean + knobs.noise_std * eps, mean=mean)

    def facts(self) -> dict[str, Tensor]:
        return self.normalise.facts()
