"""What a latent rule is, and what rules are made of.

A rule file imports from here: the contract (`Rule`, `Knobs`, `knob`, `Latent`), the KL divergence from the prior,
draws of a posterior, and the parts that some rules share. The ten rules themselves lie in `vae_core.rules`.

This room imports nothing of ours. Open `contract.py` first.
"""

from vae_core.rule.contract import LATENT, Batch, Knobs, Latent, Rule, Setting, seeded
from vae_core.rule.gaussian import draw, gaussian_log_density, standard_normal
from vae_core.rule.image_properties import PROPERTIES
from vae_core.rule.kl_divergence import FullKLToPrior, KLToPrior, divergence, kl_to_prior
from vae_core.rule.knobs import beta_knob, knob
from vae_core.rule.neighbours import Neighbours
from vae_core.rule.normalisation import Normalisation
from vae_core.rule.standardiser import Standardiser

__all__ = [
    "LATENT",
    "PROPERTIES",
    "Batch",
    "FullKLToPrior",
    "KLToPrior",
    "Knobs",
    "Latent",
    "Neighbours",
    "Normalisation",
    "Rule",
    "Setting",
    "Standardiser",
    "beta_knob",
    "divergence",
    "draw",
    "gaussian_log_density",
    "kl_to_prior",
    "knob",
    "seeded",
    "standard_normal",
]
