# ruff: noqa: E402, F401, F811, F821
"""$own_title: a rule of one's own, as it is written in Noise Lab."""

from dataclasses import dataclass, field
from types import SimpleNamespace

from torch.distributions import Normal, kl_divergence

KNOBS = SimpleNamespace(**"$own_knobs")


def knob(default, **looks):
    return default


#: if "beta_knob" in own_names
def beta_knob(default=1.0, **looks):
    return default


#: end
#: if "Batch" in own_names
Batch = SimpleNamespace  # images (B, 784), rows (B,) and draws (B, 2)
#: end


class Knobs:
    """The declared knobs; their values are in KNOBS."""


@dataclass
class Latent:
    """What a rule makes of a batch: z (B, 2), z without noise, q(z|x) or None, name -> (B,) nats charged."""

    z: torch.Tensor
    mean: torch.Tensor
    posterior: object = None
    penalty: dict = field(default_factory=dict)


class Rule(nn.Module):
    heads = {"mean": 2}  # what the encoder gives: name -> width
    Knobs = Knobs

    def __init__(self, setting=None):
        super().__init__()


#: if "kl_to_prior" in own_names
def kl_to_prior(posterior):
    return kl_divergence(posterior, Normal(0.0, 1.0))


#: end
#: if "LATENT" in own_names
LATENT = 2


#: end
#: own rule
HEADS = {"mean": 2, **"$own_class".heads}


class LatentRule(nn.Module):
    def __init__(self):
        super().__init__()
        self.own = "$own_class"(None)

    def forward(self, heads, eps, images, rows, draws):
        latent = self.own(heads, eps, KNOBS, SimpleNamespace(images=images, rows=rows, draws=draws))
        # >>> the latent rule: z
        z = latent.z
        # >>> the latent rule: what is charged
        charged = sum(latent.penalty.values(), torch.zeros(len(z)))
        if isinstance(latent.posterior, Normal):
            return z, charged, kl_divergence(latent.posterior, Normal(0.0, 1.0)).sum(1)
        return z, charged
