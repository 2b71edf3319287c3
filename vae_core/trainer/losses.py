"""The numbers that a frame shows, in nats per image."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal

from vae_core.rule import Latent, divergence, draw, kl_to_prior

OF_THE_POSTERIOR = ("kl", "kl_1", "kl_2", "kl_mean", "kl_variance", "elbo")


def losses(latent: Latent, eps: Tensor, nats: Callable[[Tensor], Tensor]) -> dict[str, float | None]:
    """Means over a batch, see `Frame.metrics`; None where a rule does not define them.

    The ELBO (Kingma & Welling 2014, eq. 3) is defined only where z is drawn from the posterior that
    the KL is charged for: not with the noise switched off or scaled.

    Args:
        latent: of the batch, z made from ``eps``.
        eps: (B, 2) draws of N(0, I), not scaled by the noise switch.
        nats: codes (B, 2) -> (B,) −log p(x|z) of the batch's images.
    """
    at_draw = nats(latent.z).mean()
    values = {
        "reconstruction": at_draw,
        "reconstruction_at_mean": nats(latent.mean).mean(),
        "objective": at_draw + sum(p.mean() for p in latent.penalty.values()),
    }
    q = latent.posterior
    if q is not None:
        kl, from_mean = divergence(q).mean(), 0.5 * q.mean.square().sum(1).mean()
        values |= {"kl": kl, "kl_mean": from_mean, "kl_variance": kl - from_mean}
        if isinstance(q, Normal):
            values["kl_1"], values["kl_2"] = kl_to_prior(q).mean(0)
        if torch.allclose(latent.z, draw(q, eps), rtol=1e-4, atol=1e-6):
            values["elbo"] = -(at_draw + kl)
    numbers = torch.stack([value.double() for value in values.values()]).tolist()
    return {**dict.fromkeys(OF_THE_POSTERIOR), **dict(zip(values, numbers, strict=True))}
